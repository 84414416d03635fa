#include "rule/layout_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "io/json_text.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

// Of the mix in files of version 1, in this order.
constexpr std::array<std::string_view, 14> kFirstVersionTerms = {
    "base",   "decay",      "decorrelate", "hebb",   "zero_order", "rbf",   "first_order",
    "lin_up", "lin_up_psd", "lin_lo",      "sqr_up", "sqr_lo",     "agree", "separate"};

// Of metadata "terms". Counts are bounded, so that shapes do not overflow.
std::vector<LayoutTerm> parse_terms(const nlohmann::json& values, const std::string& path) {
  constexpr int kMaxTerms = 64, kMaxReadouts = 16;
  const auto refuse = [&](const std::string& found) {
    fail(
        "{}: expected 1 to {} terms with a name, up and lo in metadata 'terms', found {}; the "
        "file is damaged",
        path, kMaxTerms, found);
  };
  if (!values.is_array() || values.empty() || values.size() > kMaxTerms) refuse("another value");
  std::vector<LayoutTerm> terms;
  for (const nlohmann::json& value : values) {
    if (!value.is_object() || !value.contains("name") || !value["name"].is_string())
      refuse("an entry without a name");
    LayoutTerm term;
    term.name = value["name"].get<std::string>();
    for (const auto& [key, count] : {std::pair{"up", &term.num_up}, {"lo", &term.num_lo}}) {
      if (!value.contains(key) || !value[key].is_number_unsigned() || value[key] > kMaxReadouts)
        refuse(fmt::format("no number of readouts '{}' for {}", key, quote_text(term.name)));
      *count = value[key].get<int>();
    }
    if (std::ranges::find(terms, term.name, &LayoutTerm::name) != terms.end())
      refuse(quote_text(term.name) + " twice");
    terms.push_back(std::move(term));
  }
  return terms;
}

// Of metadata "conditions"; this program's where there are none.
ConditionNames parse_conditions(const TensorFile& file) {
  const auto found = file.metadata.find(kConditionsKey);
  if (found == file.metadata.end()) return known_conditions();
  constexpr std::size_t kMostNames = 256;
  const nlohmann::json values = parse_json(found->second);
  ConditionNames names;
  for (const auto& [key, list] : {std::pair{"settings", &names.settings},
                                  {"traits", &names.traits},
                                  {"kinds", &names.kinds}}) {
    const nlohmann::json* value =
        values.is_object() && values.contains(key) ? &values[key] : nullptr;
    if (!value && list == &names.kinds && values.is_object()) continue;  // rule version 3
    if (!value || !value->is_array() || value->empty() || value->size() > kMostNames ||
        !std::ranges::all_of(*value, [](const auto& name) { return name.is_string(); })) {
      fail("{}: expected a list of names '{}' in metadata '{}', found none; the file is damaged",
           file.source, key, kConditionsKey);
    }
    *list = value->get<std::vector<std::string>>();
  }
  return names;
}

}  // namespace

std::string conditions_metadata(const ThetaLayout& layout) {
  return nlohmann::json{{"settings", layout.conditions().settings},
                        {"traits", layout.conditions().traits},
                        {"kinds", layout.conditions().kinds}}
      .dump();
}

std::string terms_metadata(const ThetaLayout& layout) {
  nlohmann::json terms = nlohmann::json::array();
  for (const LayoutTerm& term : layout.terms())
    terms.push_back({{"name", term.name}, {"up", term.num_up}, {"lo", term.num_lo}});
  return terms.dump();
}

ThetaLayout layout_in_file(const TensorFile& file, const RuleSizes& sizes) {
  const auto terms = file.metadata.find(kTermsKey);
  if (terms == file.metadata.end()) return first_version_layout(sizes);
  return ThetaLayout(sizes, parse_terms(parse_json(terms->second), file.source), true,
                     parse_conditions(file));
}

ThetaLayout first_version_layout(const RuleSizes& sizes) {
  std::vector<LayoutTerm> terms;
  for (const std::string_view name : kFirstVersionTerms) {
    const Term* term = find_term(name);
    METAPLASTIC_CHECK(term != nullptr);
    if (!has_term(sizes, *term)) continue;
    terms.push_back({std::string(name), term->num_up, term->num_lo, 0, 0, nullptr});
  }
  return ThetaLayout(sizes, std::move(terms));
}

void check_terms(const ThetaLayout& from, const std::vector<float>& theta, const ThetaLayout& to,
                 const std::string& source) {
  for (const LayoutTerm& term : from.terms()) {
    if (to.term_index(term.name) >= 0) continue;
    for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV}) {
      if (!from.has(mix)) continue;
      const std::int64_t at = from[mix].offset + from.term_index(term.name);
      if (theta[static_cast<std::size_t>(at)] == 0.0f) continue;
      std::vector<std::string> known;
      for (const LayoutTerm& mine : to.terms()) known.push_back(mine.name);
      fail(
          "{}: expected terms among {}, found {} with a weight; use the program that made the file",
          source, join_names(known), quote_text(term.name));
    }
  }
}

}  // namespace metaplastic
