// The meta-parameters theta: named matrices in one flat array, and how they start.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "io/config.h"
#include "rule/constants.h"
#include "tensor/tape.h"

namespace metaplastic {

constexpr int kNumTerms = 12;        // terms of the weight step, see weight_step.h
constexpr int kNumViewTerms = 2;     // further ones of a rule that sees two views
constexpr int kNumViewFeatures = 2;  // and further inputs of its hidden network
constexpr int kNumUpReadouts = 8;    // readouts that a layer gives as the upper one of a weight
constexpr int kNumLowReadouts = 7;   // and as the lower one
// Of these, the ones that need nothing of other neurons: locality = "neuron" keeps no more.
constexpr int kNumLocalTerms = 6;
constexpr int kNumLocalReadouts = 3;
// metz2019's inputs besides delta: statistics of the weights and the bias; x, z, two of the unit
// id.
constexpr int kNumConstantFeatures = 9;
constexpr int kNumOwnFeatures = 4;

// The sizes and the form of a rule. Files carry them; they fix theta's layout.
struct RuleSizes {
  std::string preset = "compact";
  int C = 24;                         // channels of the hidden state
  int D = 12;                         // channels of delta
  int G = 4;                          // channels of a readout
  int top_units = 32;                 // metz2019: the width of the top layer, which theta fits
  std::string v_step = "shared";      // V takes W's step, or has readouts and a mix of its own
  std::string backward = "learned";   // errors travel through V, or through W (transposed)
  std::string locality = "layer";     // what a neuron may know: its layer, or itself alone
  std::string bias_mean = "lowered";  // where biases go: down, anywhere, or to a share
  std::string views = "one";  // what a step shows of an example: itself, or a second view too

  template <class Visitor>
  void visit(Visitor& v) {
    v("preset", preset, Choices{"compact", "metz2019"}, "architecture of the rule", "metz2019");
    v("C", C, Range{1, 128}, "channels of the hidden state", "64");
    v("D", D, Range{1, 64}, "channels of the signal sent down", "32");
    v("G", G, Range{1, 16}, "channels of a readout", "4");
    v("top_units", top_units, Range{2, 256},
      "units of the top layer, of metz2019 alone: its top-down network has a weight for each pair",
      "32");
    v("v_step", v_step, Choices{"shared", "separate"},
      "step of the backward weights V: W's, or one of their own readouts and mix", "separate");
    v("backward", backward, Choices{"learned", "transposed"},
      "weights that carry signals down: V, or the forward weights W", "learned");
    v("locality", locality, Choices{"layer", "neuron"},
      "what a neuron sees besides its synapses: statistics of its layer, or nothing", "layer");
    v("bias_mean", bias_mean, Choices{"lowered", "free", "homeostatic"},
      "where steps may take the mean bias of a layer: down alone; up and down and twice as far; or "
      "that, and each bias towards where its unit answers to few examples",
      "free");
    v("views", views, Choices{"one", "two", "neighbours"},
      "an inner step shows each example alone, with a noisy copy of it, or with a near example",
      "two");
  }
  bool is_metz2019() const { return preset == "metz2019"; }
  // Whether a permutation of the inputs changes more than the order of W's rows.
  bool reads_input_order() const { return is_metz2019(); }
  bool has_v_step() const { return v_step == "separate"; }
  bool is_local() const { return locality == "neuron"; }
  bool has_free_bias() const { return bias_mean != "lowered"; }
  bool is_homeostatic() const { return bias_mean == "homeostatic"; }
  bool has_two_views() const { return views != "one"; }
  bool has_neighbours() const { return views == "neighbours"; }
  int num_views() const { return has_two_views() ? 2 : 1; }
  int num_view_terms() const { return has_two_views() ? kNumViewTerms : 0; }
  int num_view_features() const { return has_two_views() ? kNumViewFeatures : 0; }
  bool is_plain_compact() const {
    return !is_metz2019() && !has_v_step() && !is_local() && backward == "learned";
  }
  // Throws Error for options that exclude each other; `what` names where they come from.
  void validate(std::string_view what) const;
  // Throws Error when theta does not fit a top layer of so many units; `what` names the width.
  void require_top_units(int units, std::string_view what) const;
  bool operator==(const RuleSizes&) const = default;
};

// "preset compact, C 24, D 12, G 4", and the options that differ from the preset's usual ones.
std::string describe(const RuleSizes& sizes);

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
  // metz2019 alone; convolutions are stored [taps * inputs, outputs], the first tap first.
  kTopConvIn,
  kTopConvInOffset,
  kTopMix1,
  kTopMix1Offset,
  kTopMix2,
  kTopMix2Offset,
  kTopConv1,
  kTopConv1Offset,
  kTopConv2,
  kTopConv2Offset,
  kHiddenInputsOffset,
  kHiddenConv1,
  kHiddenConv1Offset,
  kHiddenUnit1a,
  kHiddenUnit1aOffset,
  kHiddenUnit1b,
  kHiddenUnit1bOffset,
  kHiddenConv2,
  kHiddenConv2Offset,
  kHiddenUnit2a,
  kHiddenUnit2aOffset,
  kHiddenUnit2b,
  kHiddenUnit2bOffset,
  kMixBias,
  // v_step = "separate"
  kReadoutV,
  kReadoutVBias,
  kMixV,
  kMixVBias,
  kCount
};
constexpr int kNumTheta = static_cast<int>(ThetaName::kCount);

struct ThetaEntry {
  std::string_view name;
  int rows, cols;
  std::int64_t offset;  // into the flat array
  std::int64_t size() const { return std::int64_t{rows} * cols; }
};

// Where everything lies; a preset and its options have some of the names. Columns of the readout
// matrix: up0.. (G each), to_delta (D), bias_out (1), lo0.. (G each); of readout_v: up0.., lo0...
class ThetaLayout {
 public:
  explicit ThetaLayout(const RuleSizes& sizes);
  const RuleSizes& sizes() const { return sizes_; }
  bool has(ThetaName name) const { return index_of(name) >= 0; }
  // Of a name that this layout has.
  const ThetaEntry& operator[](ThetaName name) const;
  // Place of the name among entries(), -1 when the layout has no such matrix.
  int index_of(ThetaName name) const { return index_[static_cast<std::size_t>(name)]; }
  const std::vector<ThetaEntry>& entries() const { return entries_; }
  std::int64_t size() const { return size_; }  // P

  int num_terms() const {
    return sizes_.is_local() ? kNumLocalTerms : kNumTerms + sizes_.num_view_terms();
  }
  int num_up_readouts() const { return sizes_.is_local() ? kNumLocalReadouts : kNumUpReadouts; }
  int num_low_readouts() const { return sizes_.is_local() ? kNumLocalReadouts : kNumLowReadouts; }
  int up_column(int readout) const { return readout * sizes_.G; }
  int delta_column() const { return num_up_readouts() * sizes_.G; }
  int bias_column() const { return delta_column() + sizes_.D; }
  int low_column(int readout) const { return bias_column() + 1 + readout * sizes_.G; }
  int num_readout_columns() const { return low_column(num_low_readouts()); }

 private:
  void add(ThetaName name, std::string_view text, int rows, int cols);
  void add_compact();
  void add_metz2019();

  RuleSizes sizes_;
  std::vector<ThetaEntry> entries_;
  std::array<int, kNumTheta> index_;
  std::int64_t size_ = 0;
};

// Random start: truncated normal (two deviations) of 1/sqrt(fan-in), biases and offsets 0, mix 0.1.
// [released code: Sonnet defaults]
std::vector<float> random_theta(const ThetaLayout& layout, std::uint64_t seed);

// theta on a tape.
template <class T>
struct ThetaVars {
  const ThetaLayout* layout = nullptr;
  std::array<Var<T>, kNumTheta> vars;  // in the order of layout->entries()
  const Var<T>& operator[](ThetaName name) const {
    return vars[static_cast<std::size_t>(layout->index_of(name))];
  }
};
template <class T>
ThetaVars<T> theta_leaves(Tape<T>& tape, const ThetaLayout& layout, const T* theta);

}  // namespace metaplastic
