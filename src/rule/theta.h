// The meta-parameters theta: named matrices in one flat array, and how they start.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "io/config.h"
#include "tensor/tape.h"

namespace metaplastic {

constexpr int kNumTerms = 12;       // terms of the weight step, see weight_step.h
constexpr int kNumUpReadouts = 8;   // readouts that a layer gives as the upper one of a weight
constexpr int kNumLowReadouts = 7;  // and as the lower one

// The sizes of a rule. Files carry them; they fix theta's layout.
struct RuleSizes {
  std::string preset = "compact";
  int C = 24;  // channels of the hidden state
  int D = 12;  // channels of delta
  int G = 4;   // channels of a readout

  template <class Visitor>
  void visit(Visitor& v) {
    v("preset", preset, Choices{"compact"}, "architecture of the rule", "metz2019");
    v("C", C, Range{1, 128}, "channels of the hidden state", "64");
    v("D", D, Range{1, 64}, "channels of the signal sent down", "32");
    v("G", G, Range{1, 16}, "channels of a readout", "4");
  }
  bool operator==(const RuleSizes&) const = default;
};

// The matrices of theta, stored [inputs, outputs]; docs/method.md uses the same names.
enum class ThetaName : int {
  kTopIn,
  kTopUnit,
  kTopMix,
  kTopExample,
  kTopOut,
  kTopOutBias,
  kHiddenIn,
  kHiddenBiasIn,
  kHiddenStats,
  kHiddenUnit,
  kHiddenExample,
  kHiddenMix,
  kReadout,
  kReadoutBias,
  kMix,
  kCount
};
constexpr int kNumTheta = static_cast<int>(ThetaName::kCount);

struct ThetaEntry {
  std::string_view name;
  int rows, cols;
  std::int64_t offset;  // into the flat array
  std::int64_t size() const { return std::int64_t{rows} * cols; }
};

// Where everything lies. Columns of the readout matrix: up0..up7 (G each), to_delta (D),
// bias_out (1), lo0..lo6 (G each).
class ThetaLayout {
 public:
  explicit ThetaLayout(const RuleSizes& sizes);
  const RuleSizes& sizes() const { return sizes_; }
  const ThetaEntry& operator[](ThetaName name) const {
    return entries_[static_cast<std::size_t>(name)];
  }
  const std::array<ThetaEntry, kNumTheta>& entries() const { return entries_; }
  std::int64_t size() const { return size_; }  // P

  int up_column(int readout) const { return readout * sizes_.G; }
  int delta_column() const { return kNumUpReadouts * sizes_.G; }
  int bias_column() const { return delta_column() + sizes_.D; }
  int low_column(int readout) const { return bias_column() + 1 + readout * sizes_.G; }
  int num_readout_columns() const { return low_column(kNumLowReadouts); }

 private:
  RuleSizes sizes_;
  std::array<ThetaEntry, kNumTheta> entries_;
  std::int64_t size_ = 0;
};

// Random start: truncated normal (two deviations) of 1/sqrt(fan-in), biases 0, mix 0.1.
// [released code: Sonnet defaults]
std::vector<float> random_theta(const ThetaLayout& layout, std::uint64_t seed);

// theta on a tape.
template <class T>
struct ThetaVars {
  const ThetaLayout* layout = nullptr;
  std::array<Var<T>, kNumTheta> vars;
  const Var<T>& operator[](ThetaName name) const { return vars[static_cast<std::size_t>(name)]; }
};
template <class T>
ThetaVars<T> theta_leaves(Tape<T>& tape, const ThetaLayout& layout, const T* theta);

}  // namespace metaplastic
