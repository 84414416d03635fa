#include "rule/theta.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "neighbours/traits.h"
#include "rule/constants.h"
#include "rule/rule_settings.h"
#include "rule/terms.h"

namespace metaplastic {

namespace {

std::vector<LayoutTerm> terms_of(const RuleSizes& sizes) {
  std::vector<LayoutTerm> terms;
  for (const Term& term : all_terms()) {
    if (has_term(sizes, term))
      terms.push_back({std::string(term.name), term.num_up, term.num_lo, 0, 0, nullptr});
  }
  return terms;
}

}  // namespace

ThetaLayout::ThetaLayout(const RuleSizes& sizes) : ThetaLayout(sizes, terms_of(sizes)) {}

ThetaLayout::ThetaLayout(const RuleSizes& sizes, std::vector<LayoutTerm> terms, bool has_networks,
                         ConditionNames names)
    : sizes_(sizes),
      terms_(std::move(terms)),
      has_networks_(has_networks && sizes.has_network()),
      conditions_(std::move(names)) {
  METAPLASTIC_CHECK(sizes.C >= 1 && sizes.D >= 1 && sizes.G >= 1 && !terms_.empty());
  index_.fill(-1);
  for (LayoutTerm& term : terms_) {
    term.term = find_term(term.name);
    term.first_up = num_up_, term.first_lo = num_lo_;
    num_up_ += term.num_up, num_lo_ += term.num_lo;
  }
  METAPLASTIC_CHECK(has_networks_ || (num_up_ == 0 && num_lo_ == 0));
  if (has_networks_) add_networks();
  add(ThetaName::kMix, "mix", 1, num_terms(), ThetaStart::kMix);
  if (sizes.is_metz2019()) add(ThetaName::kMixBias, "mix_bias", 1, 1, ThetaStart::kZero);
  if (sizes.has_v_step()) add_v_step();
  if (sizes.has_settings()) add_conditions();
}

void ThetaLayout::add_v_step() {
  if (const int columns = (num_up_ + num_lo_) * sizes_.G; columns > 0) {
    add(ThetaName::kReadoutV, "readout_v", sizes_.C, columns);
    add(ThetaName::kReadoutVBias, "readout_v_bias", 1, columns, ThetaStart::kZero);
  }
  add(ThetaName::kMixV, "mix_v", 1, num_terms(), ThetaStart::kMix);
  if (sizes_.is_metz2019()) add(ThetaName::kMixVBias, "mix_v_bias", 1, 1, ThetaStart::kZero);
}

void ThetaLayout::add_conditions() {
  const auto num_settings = static_cast<int>(conditions_.settings.size()),
             num_traits = static_cast<int>(conditions_.traits.size());
  const auto num_kinds = std::max(1, static_cast<int>(conditions_.kinds.size()));
  add(ThetaName::kSettings, "settings", num_kinds, num_settings, ThetaStart::kZero);
  if (!sizes_.reads_traits()) return;
  const int H = sizes_.trait_units;
  add(ThetaName::kTraitsMean, "traits_mean", 1, num_traits, ThetaStart::kZero);
  add(ThetaName::kTraitsScale, "traits_scale", 1, num_traits, ThetaStart::kOne);
  add(ThetaName::kTraitsIn, "traits_in", H, num_traits);
  add(ThetaName::kTraitsInBias, "traits_in_bias", 1, H, ThetaStart::kZero);
  add(ThetaName::kTraitsMix, "traits_mix", H, num_terms(), ThetaStart::kZero);
  add(ThetaName::kTraitsSettings, "traits_settings", H, num_settings, ThetaStart::kZero);
}

ConditionNames known_conditions() {
  ConditionNames names;
  for (const SettingRow& row : setting_rows()) names.settings.emplace_back(row.name);
  for (const std::string_view name : trait_names()) names.traits.emplace_back(name);
  for (const std::string_view name : kExampleKindNames) names.kinds.emplace_back(name);
  return names;
}

const ThetaEntry& ThetaLayout::operator[](ThetaName name) const {
  METAPLASTIC_CHECK(has(name));
  return entries_[static_cast<std::size_t>(index_of(name))];
}

int ThetaLayout::term_index(std::string_view name) const {
  const auto found = std::ranges::find(terms_, name, &LayoutTerm::name);
  return found == terms_.end() ? -1 : static_cast<int>(found - terms_.begin());
}

bool ThetaLayout::reads(ViewSignal signal) const {
  return std::ranges::any_of(terms_, [&](const LayoutTerm& t) { return t.term->signal == signal; });
}

void ThetaLayout::add(ThetaName name, std::string_view text, int rows, int cols, ThetaStart start) {
  index_[static_cast<std::size_t>(name)] = static_cast<int>(entries_.size());
  entries_.push_back({text, rows, cols, size_, start});
  size_ += entries_.back().size();
}

void ThetaLayout::add_networks() {
  if (sizes_.is_metz2019()) {
    add_metz2019();
  } else {
    add_compact();
  }
  add(ThetaName::kReadout, "readout", sizes_.C, num_readout_columns());
  add(ThetaName::kReadoutBias, "readout_bias", 1, num_readout_columns(), ThetaStart::kZero);
}

void ThetaLayout::add_compact() {
  const int C = sizes_.C, D = sizes_.D;
  const bool local = sizes_.is_local();
  add(ThetaName::kTopIn, "top_in", local ? 1 : 2, C);
  add(ThetaName::kTopUnit, "top_unit", 2 * C, C);
  add(ThetaName::kTopMix, "top_mix", C, C);
  if (!local) add(ThetaName::kTopExample, "top_example", 2 * C, C);
  add(ThetaName::kTopOut, "top_out", C, D);
  add(ThetaName::kTopOutBias, "top_out_bias", 1, D, ThetaStart::kZero);
  add(ThetaName::kHiddenIn, "hidden_in", 2 + D + sizes_.num_view_features(), C);
  add(ThetaName::kHiddenBiasIn, "hidden_bias_in", 1, C);
  add(ThetaName::kHiddenStats, "hidden_stats", 4, C);
  add(ThetaName::kHiddenUnit, "hidden_unit", 2 * C, C);
  if (!local) add(ThetaName::kHiddenExample, "hidden_example", 2 * C, C);
  add(ThetaName::kHiddenMix, "hidden_mix", C, C);
}

void ThetaLayout::add_metz2019() {
  const int C = sizes_.C, D = sizes_.D, U = sizes_.top_units;
  const auto conv = [this](ThetaName name, std::string_view text, std::string_view offset_text,
                           int taps, int inputs, int outputs) {
    add(name, text, taps * inputs, outputs);
    add(offset_of(name), offset_text, 1, outputs, ThetaStart::kZero);
  };
  conv(ThetaName::kTopConvIn, "top_conv_in", "top_conv_in_offset", 5, 1, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kTopMix1, "top_mix_1", "top_mix_1_offset", 3, U, U);
    conv(ThetaName::kTopMix2, "top_mix_2", "top_mix_2_offset", 3, U, U);
  }
  conv(ThetaName::kTopConv1, "top_conv_1", "top_conv_1_offset", 3, C, C);
  conv(ThetaName::kTopConv2, "top_conv_2", "top_conv_2_offset", 3, C, C);
  add(ThetaName::kTopOut, "top_out", 3 * C, D);
  add(ThetaName::kTopOutBias, "top_out_bias", 1, D, ThetaStart::kZero);
  add(ThetaName::kHiddenInputsOffset, "hidden_inputs_offset", 1, kNumOwnFeatures + D,
      ThetaStart::kZero);
  conv(ThetaName::kHiddenConv1, "hidden_conv_1", "hidden_conv_1_offset", 3,
       kNumConstantFeatures + kNumOwnFeatures + D, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kHiddenUnit1a, "hidden_unit_1a", "hidden_unit_1a_offset", 3, C, C);
    conv(ThetaName::kHiddenUnit1b, "hidden_unit_1b", "hidden_unit_1b_offset", 3, C, C);
  }
  conv(ThetaName::kHiddenConv2, "hidden_conv_2", "hidden_conv_2_offset", 3, C, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kHiddenUnit2a, "hidden_unit_2a", "hidden_unit_2a_offset", 3, C, C);
    conv(ThetaName::kHiddenUnit2b, "hidden_unit_2b", "hidden_unit_2b_offset", 3, C, C);
  }
}

std::vector<std::string_view> term_names(const ThetaLayout& layout) {
  std::vector<std::string_view> names;
  for (const LayoutTerm& term : layout.terms()) names.push_back(term.name);
  return names;
}

ThetaName offset_of(ThetaName convolution) {
  using enum ThetaName;
  switch (convolution) {
    case kTopConvIn:
      return kTopConvInOffset;
    case kTopMix1:
      return kTopMix1Offset;
    case kTopMix2:
      return kTopMix2Offset;
    case kTopConv1:
      return kTopConv1Offset;
    case kTopConv2:
      return kTopConv2Offset;
    case kHiddenConv1:
      return kHiddenConv1Offset;
    case kHiddenUnit1a:
      return kHiddenUnit1aOffset;
    case kHiddenUnit1b:
      return kHiddenUnit1bOffset;
    case kHiddenConv2:
      return kHiddenConv2Offset;
    case kHiddenUnit2a:
      return kHiddenUnit2aOffset;
    case kHiddenUnit2b:
      return kHiddenUnit2bOffset;
    default:
      METAPLASTIC_CHECK(false);
      return kCount;
  }
}

std::vector<float> random_theta(const ThetaLayout& layout, std::uint64_t seed) {
  std::vector<float> theta(static_cast<std::size_t>(layout.size()), 0.0f);
  for (const ThetaEntry& entry : layout.entries()) {
    Random random(seed, Purpose::kThetaInit,
                  static_cast<std::uint64_t>(&entry - layout.entries().data()));
    const float deviation = 1.0f / std::sqrt(static_cast<float>(entry.rows));
    for (std::int64_t i = 0; i < entry.size(); ++i) {
      float& value = theta[static_cast<std::size_t>(entry.offset + i)];
      if (entry.start == ThetaStart::kMix) {
        value = 0.1f;
      } else if (entry.start == ThetaStart::kOne) {
        value = 1.0f;
      } else if (entry.start == ThetaStart::kWeights) {
        do value = random.normal();
        while (std::abs(value) > 2.0f);
        value *= deviation;
      }
    }
  }
  return theta;
}

template <class T>
ThetaVars<T> theta_leaves(Tape<T>& tape, const ThetaLayout& layout, const T* theta) {
  ThetaVars<T> result;
  result.layout = &layout;
  for (std::size_t i = 0; i < layout.entries().size(); ++i) {
    const ThetaEntry& entry = layout.entries()[i];
    result.vars[i] = tape.leaf(theta + entry.offset, entry.rows, entry.cols);
  }
  return result;
}

template ThetaVars<float> theta_leaves(Tape<float>&, const ThetaLayout&, const float*);
template ThetaVars<double> theta_leaves(Tape<double>&, const ThetaLayout&, const double*);

}  // namespace metaplastic
