#include "experiments/lesion.h"

#include "base/error.h"
#include "rule/theta.h"

namespace metaplastic {
namespace {

// Rows first .. first + count - 1 of one matrix; count 0: to the last row. The matrix of a
// convolution has such rows for each of its taps.
struct InputRows {
  const char* name;
  const char* entry;
  int first, count, taps = 1;
};

// nullptr when this layout has no such matrix.
const ThetaEntry* find_entry(const ThetaLayout& layout, std::string_view name) {
  for (const ThetaEntry& entry : layout.entries()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// docs/method.md, steps 2 and 3. Those that a layout does not have are passed over.
std::vector<InputRows> inputs_of(const RuleSizes& sizes) {
  if (!sizes.is_metz2019()) {
    const int of_views = sizes.has_two_views() ? 1 : -1;
    return {{"activation x", "hidden_in", 0, 1},
            {"pre-activation z", "hidden_in", 1, 1},
            {"top-down signal delta", "hidden_in", 2, sizes.D},
            {"other view: surprise", "hidden_in", 2 + sizes.D, of_views},
            {"other view: shared", "hidden_in", 3 + sizes.D, of_views},
            {"bias", "hidden_bias_in", 0, 0},
            {"weight statistics", "hidden_stats", 0, 0},
            {"unit statistics over the batch", "hidden_unit", 0, 0},
            {"example statistics over units", "hidden_example", 0, 0},
            {"top: activation", "top_in", 0, 1},
            {"top: correlated units", "top_in", 1, sizes.is_local() ? -1 : 1},
            {"top: unit statistics", "top_unit", 0, 0},
            {"top: example statistics", "top_example", 0, 0}};
  }
  constexpr int kTaps = 3, kX = kNumConstantFeatures;
  return {{"weight statistics", "hidden_conv_1", 0, kX - 1, kTaps},
          {"bias", "hidden_conv_1", kX - 1, 1, kTaps},
          {"activation x", "hidden_conv_1", kX, 1, kTaps},
          {"pre-activation z", "hidden_conv_1", kX + 1, 1, kTaps},
          {"unit id", "hidden_conv_1", kX + 2, 2, kTaps},
          {"top-down signal delta", "hidden_conv_1", kX + kNumOwnFeatures, sizes.D, kTaps},
          {"neighbouring units, first block", "hidden_unit_1b", 0, 0},
          {"neighbouring units, second block", "hidden_unit_2b", 0, 0},
          {"top: activation", "top_conv_in", 0, 0}};
}

}  // namespace

std::vector<Lesion> lesions_of(const RuleSizes& sizes) {
  const ThetaLayout layout(sizes);
  std::vector<Lesion> lesions;
  const std::vector<std::string_view> terms = term_names(layout);
  for (std::size_t k = 0; k < terms.size(); ++k) {
    Lesion lesion{"term", std::string(terms[k]), {}};
    for (const ThetaName name : {ThetaName::kMix, ThetaName::kMixV}) {
      if (!layout.has(name)) continue;
      lesion.places.push_back(static_cast<std::size_t>(layout[name].offset) + k);
    }
    lesions.push_back(std::move(lesion));
  }
  for (const InputRows& input : inputs_of(sizes)) {
    const ThetaEntry* entry = find_entry(layout, input.entry);
    if (entry == nullptr || input.count < 0) continue;
    const int per_tap = entry->rows / input.taps;
    const int count = input.count == 0 ? per_tap - input.first : input.count;
    METAPLASTIC_CHECK(per_tap * input.taps == entry->rows && input.first + count <= per_tap);
    Lesion lesion{"input", input.name, {}};
    for (int tap = 0; tap < input.taps; ++tap) {
      const int first = (tap * per_tap + input.first) * entry->cols;
      for (int at = first; at < first + count * entry->cols; ++at) {
        lesion.places.push_back(static_cast<std::size_t>(entry->offset + at));
      }
    }
    lesions.push_back(std::move(lesion));
  }
  return lesions;
}

Rule lesioned(const Rule& rule, const Lesion& lesion) {
  Rule result = rule;
  for (const std::size_t place : lesion.places) result.theta.at(place) = 0.0f;
  return result;
}

}  // namespace metaplastic
