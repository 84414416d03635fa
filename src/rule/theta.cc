#include "rule/theta.h"

#include <cmath>

#include "base/error.h"

namespace metaplastic {

ThetaLayout::ThetaLayout(const RuleSizes& sizes) : sizes_(sizes) {
  METAPLASTIC_CHECK(sizes.C >= 1 && sizes.D >= 1 && sizes.G >= 1);
  const int C = sizes.C, D = sizes.D;
  const int columns = num_readout_columns();
  const std::array<ThetaEntry, kNumTheta> entries = {{{"top_in", 2, C, 0},
                                                      {"top_unit", 2 * C, C, 0},
                                                      {"top_mix", C, C, 0},
                                                      {"top_example", 2 * C, C, 0},
                                                      {"top_out", C, D, 0},
                                                      {"top_out_bias", 1, D, 0},
                                                      {"hidden_in", 2 + D, C, 0},
                                                      {"hidden_bias_in", 1, C, 0},
                                                      {"hidden_stats", 4, C, 0},
                                                      {"hidden_unit", 2 * C, C, 0},
                                                      {"hidden_example", 2 * C, C, 0},
                                                      {"hidden_mix", C, C, 0},
                                                      {"readout", C, columns, 0},
                                                      {"readout_bias", 1, columns, 0},
                                                      {"mix", 1, kNumTerms, 0}}};
  entries_ = entries;
  for (ThetaEntry& entry : entries_) {
    entry.offset = size_;
    size_ += entry.size();
  }
}

std::vector<float> random_theta(const ThetaLayout& layout, std::uint64_t seed) {
  std::vector<float> theta(static_cast<std::size_t>(layout.size()), 0.0f);
  for (const ThetaEntry& entry : layout.entries()) {
    Random random(seed, Purpose::kThetaInit,
                  static_cast<std::uint64_t>(&entry - layout.entries().data()));
    const bool is_bias = entry.name.ends_with("bias") && entry.rows == 1;
    const float deviation = 1.0f / std::sqrt(static_cast<float>(entry.rows));
    for (std::int64_t i = 0; i < entry.size(); ++i) {
      float& value = theta[static_cast<std::size_t>(entry.offset + i)];
      if (entry.name == "mix") {
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
