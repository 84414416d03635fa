#include "rule/theta.h"

#include <cmath>

#include "base/error.h"
#include "rule/constants.h"

namespace metaplastic {

void RuleSizes::require_top_units(int units, std::string_view what) const {
  if (!is_metz2019() || is_local() || units == top_units) return;
  fail(
      "{}: expected {}, the top layer that this metz2019 rule was made for (rule.top_units), found "
      "{}; ask for a top layer of {} units",
      what, top_units, units, top_units);
}

void RuleSizes::validate(std::string_view what) const {
  if (!has_two_views() || is_plain_compact()) return;
  fail(
      "{}: expected rule.views 'one' for a rule of {}, found '{}', which compact alone has, with "
      "v_step 'shared', backward 'learned' and locality 'layer'",
      what, describe(*this), views);
}

std::string describe(const RuleSizes& sizes) {
  std::string text =
      fmt::format("preset {}, C {}, D {}, G {}", sizes.preset, sizes.C, sizes.D, sizes.G);
  const RuleSizes usual;
  if (sizes.is_metz2019()) text += fmt::format(", top layer of {} units", sizes.top_units);
  if (sizes.v_step != usual.v_step) text += ", v_step " + sizes.v_step;
  if (sizes.backward != usual.backward) text += ", backward " + sizes.backward;
  if (sizes.locality != usual.locality) text += ", locality " + sizes.locality;
  if (sizes.bias_mean != usual.bias_mean) text += ", bias_mean " + sizes.bias_mean;
  if (sizes.views != usual.views) text += ", views " + sizes.views;
  return text;
}

ThetaLayout::ThetaLayout(const RuleSizes& sizes) : sizes_(sizes) {
  METAPLASTIC_CHECK(sizes.C >= 1 && sizes.D >= 1 && sizes.G >= 1);
  index_.fill(-1);
  if (sizes.is_metz2019()) {
    add_metz2019();
  } else {
    add_compact();
  }
  if (!sizes.has_v_step()) return;
  const int columns = (num_up_readouts() + num_low_readouts()) * sizes.G;
  add(ThetaName::kReadoutV, "readout_v", sizes.C, columns);
  add(ThetaName::kReadoutVBias, "readout_v_bias", 1, columns);
  add(ThetaName::kMixV, "mix_v", 1, num_terms());
  if (sizes.is_metz2019()) add(ThetaName::kMixVBias, "mix_v_bias", 1, 1);
}

const ThetaEntry& ThetaLayout::operator[](ThetaName name) const {
  METAPLASTIC_CHECK(has(name));
  return entries_[static_cast<std::size_t>(index_of(name))];
}

void ThetaLayout::add(ThetaName name, std::string_view text, int rows, int cols) {
  index_[static_cast<std::size_t>(name)] = static_cast<int>(entries_.size());
  entries_.push_back({text, rows, cols, size_});
  size_ += entries_.back().size();
}

void ThetaLayout::add_compact() {
  const int C = sizes_.C, D = sizes_.D, columns = num_readout_columns();
  const bool local = sizes_.is_local();
  add(ThetaName::kTopIn, "top_in", local ? 1 : 2, C);
  add(ThetaName::kTopUnit, "top_unit", 2 * C, C);
  add(ThetaName::kTopMix, "top_mix", C, C);
  if (!local) add(ThetaName::kTopExample, "top_example", 2 * C, C);
  add(ThetaName::kTopOut, "top_out", C, D);
  add(ThetaName::kTopOutBias, "top_out_bias", 1, D);
  add(ThetaName::kHiddenIn, "hidden_in", 2 + D + sizes_.num_view_features(), C);
  add(ThetaName::kHiddenBiasIn, "hidden_bias_in", 1, C);
  add(ThetaName::kHiddenStats, "hidden_stats", 4, C);
  add(ThetaName::kHiddenUnit, "hidden_unit", 2 * C, C);
  if (!local) add(ThetaName::kHiddenExample, "hidden_example", 2 * C, C);
  add(ThetaName::kHiddenMix, "hidden_mix", C, C);
  add(ThetaName::kReadout, "readout", C, columns);
  add(ThetaName::kReadoutBias, "readout_bias", 1, columns);
  add(ThetaName::kMix, "mix", 1, num_terms());
}

void ThetaLayout::add_metz2019() {
  const int C = sizes_.C, D = sizes_.D, U = sizes_.top_units, columns = num_readout_columns();
  const auto conv = [this](ThetaName name, std::string_view text, ThetaName offset,
                           std::string_view offset_text, int taps, int inputs, int outputs) {
    add(name, text, taps * inputs, outputs);
    add(offset, offset_text, 1, outputs);
  };
  conv(ThetaName::kTopConvIn, "top_conv_in", ThetaName::kTopConvInOffset, "top_conv_in_offset", 5,
       1, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kTopMix1, "top_mix_1", ThetaName::kTopMix1Offset, "top_mix_1_offset", 3, U, U);
    conv(ThetaName::kTopMix2, "top_mix_2", ThetaName::kTopMix2Offset, "top_mix_2_offset", 3, U, U);
  }
  conv(ThetaName::kTopConv1, "top_conv_1", ThetaName::kTopConv1Offset, "top_conv_1_offset", 3, C,
       C);
  conv(ThetaName::kTopConv2, "top_conv_2", ThetaName::kTopConv2Offset, "top_conv_2_offset", 3, C,
       C);
  add(ThetaName::kTopOut, "top_out", 3 * C, D);
  add(ThetaName::kTopOutBias, "top_out_bias", 1, D);
  add(ThetaName::kHiddenInputsOffset, "hidden_inputs_offset", 1, kNumOwnFeatures + D);
  conv(ThetaName::kHiddenConv1, "hidden_conv_1", ThetaName::kHiddenConv1Offset,
       "hidden_conv_1_offset", 3, kNumConstantFeatures + kNumOwnFeatures + D, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kHiddenUnit1a, "hidden_unit_1a", ThetaName::kHiddenUnit1aOffset,
         "hidden_unit_1a_offset", 3, C, C);
    conv(ThetaName::kHiddenUnit1b, "hidden_unit_1b", ThetaName::kHiddenUnit1bOffset,
         "hidden_unit_1b_offset", 3, C, C);
  }
  conv(ThetaName::kHiddenConv2, "hidden_conv_2", ThetaName::kHiddenConv2Offset,
       "hidden_conv_2_offset", 3, C, C);
  if (!sizes_.is_local()) {
    conv(ThetaName::kHiddenUnit2a, "hidden_unit_2a", ThetaName::kHiddenUnit2aOffset,
         "hidden_unit_2a_offset", 3, C, C);
    conv(ThetaName::kHiddenUnit2b, "hidden_unit_2b", ThetaName::kHiddenUnit2bOffset,
         "hidden_unit_2b_offset", 3, C, C);
  }
  add(ThetaName::kReadout, "readout", C, columns);
  add(ThetaName::kReadoutBias, "readout_bias", 1, columns);
  add(ThetaName::kMix, "mix", 1, num_terms());
  add(ThetaName::kMixBias, "mix_bias", 1, 1);
}

std::vector<float> random_theta(const ThetaLayout& layout, std::uint64_t seed) {
  std::vector<float> theta(static_cast<std::size_t>(layout.size()), 0.0f);
  for (const ThetaEntry& entry : layout.entries()) {
    Random random(seed, Purpose::kThetaInit,
                  static_cast<std::uint64_t>(&entry - layout.entries().data()));
    const bool is_bias =
        entry.rows == 1 && (entry.name.ends_with("bias") || entry.name.ends_with("offset"));
    const bool is_mix = entry.name == "mix" || entry.name == "mix_v";
    const float deviation = 1.0f / std::sqrt(static_cast<float>(entry.rows));
    for (std::int64_t i = 0; i < entry.size(); ++i) {
      float& value = theta[static_cast<std::size_t>(entry.offset + i)];
      if (is_mix) {
        value = 0.1f;
      } else if (!is_bias) {
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
