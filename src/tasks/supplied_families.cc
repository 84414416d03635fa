#include "tasks/supplied_families.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"

namespace metaplastic {
namespace {

struct NamedWeight {
  std::string name;
  float weight = 1;
};

NamedWeight parse_entry(const std::string& entry) {
  constexpr float kMost = 1e6f;
  NamedWeight parsed{entry};
  bool good = true;
  if (const std::size_t star = entry.find('*'); star != std::string::npos) {
    parsed.name = entry.substr(0, star);
    const char *first = entry.data() + star + 1, *last = entry.data() + entry.size();
    const auto [stop, error] = std::from_chars(first, last, parsed.weight);
    good = error == std::errc{} && stop == last && parsed.weight >= 0 && parsed.weight <= kMost;
  }
  if (!good || parsed.name.empty()) {
    fail("tasks.callables: expected NAME[*WEIGHT] with a weight from 0 to 1e6, found {}",
         quote_text(entry, 200));
  }
  return parsed;
}

std::string names_of(const SuppliedFamilies& supplied) {
  std::vector<std::string> names;
  for (const auto& family : supplied) names.emplace_back(family->name());
  return names.empty() ? "none" : join_names(names);
}

}  // namespace

std::vector<WeightedFamily> match_families(const std::vector<std::string>& entries,
                                           const SuppliedFamilies& supplied) {
  std::vector<WeightedFamily> matched;
  std::set<std::string, std::less<>> named;
  for (const std::string& entry : entries) {
    const NamedWeight parsed = parse_entry(entry);
    if (!named.insert(parsed.name).second) {
      fail("tasks.callables: expected each name once, found '{}' twice; rename one", parsed.name);
    }
    const auto found = std::ranges::find(supplied, parsed.name, &TaskFamily::name);
    if (found == supplied.end()) {
      fail(
          "tasks.callables: expected a Python callable for '{}', found {}; run from Python with "
          "families=[meta.TaskFamily(..)]",
          parsed.name, names_of(supplied));
    }
    matched.push_back({*found, parsed.weight});
  }
  for (const auto& family : supplied) {
    if (named.contains(family->name())) continue;
    fail("tasks.callables: expected an entry for the family '{}', found none; add its name",
         family->name());
  }
  return matched;
}

}  // namespace metaplastic
