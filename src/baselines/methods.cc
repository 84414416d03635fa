#include "baselines/methods.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "baselines/pca.h"
#include "baselines/raw.h"

namespace metaplastic {
namespace {

struct Row {
  std::string name;
  std::function<std::unique_ptr<FeatureMethod>(const Rule&, const ApplyOptions&, Readout)> make;
};

const std::vector<Row>& table() {
  static const std::vector<Row> kTable = {
      {"learned", learned_method},
      {"random", random_method},
      {"raw", [](const Rule&, const ApplyOptions&, Readout) { return raw_method(); }},
      {"pca", [](const Rule&, const ApplyOptions&, Readout) { return pca_method(); }}};
  return kTable;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Row& row : table()) names.push_back(row.name);
    return names;
  }();
  return kNames;
}

std::vector<std::unique_ptr<FeatureMethod>> make_methods(const std::vector<std::string>& names,
                                                         const Rule& rule,
                                                         const ApplyOptions& options,
                                                         Readout readout) {
  if (names.empty())
    fail("methods: expected at least one of {}, found none", join_names(method_names()));
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  for (std::size_t n = 0; n < names.size(); ++n) {
    const auto row = std::ranges::find(table(), names[n], &Row::name);
    if (row == table().end()) {
      fail("methods: expected some of {}, found {}{}", join_names(method_names()),
           quote_text(names[n]), did_you_mean(names[n], method_names()));
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), names[n]) !=
        names.begin() + static_cast<std::ptrdiff_t>(n)) {
      fail("methods: expected each method once, found {} twice; name it once",
           quote_text(names[n]));
    }
    methods.push_back(row->make(rule, options, readout));
  }
  return methods;
}

}  // namespace metaplastic
