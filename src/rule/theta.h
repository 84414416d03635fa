// The meta-parameters theta: named matrices in one flat array, and how they start.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "rule/constants.h"
#include "rule/rule_sizes.h"
#include "tensor/tape.h"

namespace metaplastic {

// Of rule/terms.h, which changes with every new term: most files need the names alone.
struct Term;
enum class ViewSignal;

// metz2019's inputs besides delta: statistics of the weights and the bias; x, z, two of the unit
// id.
constexpr int kNumConstantFeatures = 9;
constexpr int kNumOwnFeatures = 4;

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
  // settings "trained" and "traits"; the last of all, so that the others are theta of a plain rule
  kSettings,  // [kinds, settings]; rule_settings.h says where they start
  kTraitsMean,
  kTraitsScale,
  kTraitsIn,  // stored [outputs, inputs]
  kTraitsInBias,
  kTraitsMix,
  kTraitsSettings,
  kCount
};
constexpr int kNumTheta = static_cast<int>(ThetaName::kCount);

enum class ThetaStart { kWeights, kZero, kOne, kMix };

struct ThetaEntry {
  std::string_view name;
  int rows, cols;
  std::int64_t offset;  // into the flat array
  ThetaStart start = ThetaStart::kWeights;
  std::int64_t size() const { return std::int64_t{rows} * cols; }
};

// A term's place in theta: its number in the mix is its number among the layout's terms.
struct LayoutTerm {
  std::string name;
  int num_up = 0, num_lo = 0;      // readouts
  int first_up = 0, first_lo = 0;  // the number of its first one on either side
  const Term* term = nullptr;      // of the table; null for a name that this program does not know
};

// The columns of what theta has for settings and traits, and the rows of the settings, by name:
// this program's, or a file's. Files of rule version 3 have one row for all kinds of examples.
struct ConditionNames {
  std::vector<std::string> settings, traits, kinds;
};
ConditionNames known_conditions();

// Offsets and shapes of theta's matrices. Which names exist depends on the preset and its options.
// Columns of the readout matrix: the terms' readouts as upper layer (G each), to_delta (D),
// bias_out (1), the terms' readouts as lower layer (G each); readout_v has neither to_delta nor
// bias_out.
class ThetaLayout {
 public:
  // With every term that rules of these sizes have.
  explicit ThetaLayout(const RuleSizes& sizes);
  // With these terms; first_up, first_lo and term are filled in. Without networks theta has the mix
  // alone: nothing reads a hidden state then, and no term may have readouts.
  ThetaLayout(const RuleSizes& sizes, std::vector<LayoutTerm> terms, bool has_networks = true,
              ConditionNames names = known_conditions());

  const RuleSizes& sizes() const { return sizes_; }
  bool has(ThetaName name) const { return index_of(name) >= 0; }
  // Of a name that this layout has.
  const ThetaEntry& operator[](ThetaName name) const;
  // Place of the name among entries(), -1 when the layout has no such matrix.
  int index_of(ThetaName name) const { return index_[static_cast<std::size_t>(name)]; }
  const std::vector<ThetaEntry>& entries() const { return entries_; }
  std::int64_t size() const { return size_; }  // P

  const std::vector<LayoutTerm>& terms() const { return terms_; }
  int num_terms() const { return static_cast<int>(terms_.size()); }
  // Number of the term in the mix, -1 when there is none of that name.
  int term_index(std::string_view name) const;
  bool has_networks() const { return has_networks_; }
  const ConditionNames& conditions() const { return conditions_; }
  // Whether a term reads that signal of a second view.
  bool reads(ViewSignal signal) const;
  int num_up_readouts() const { return num_up_; }
  int num_low_readouts() const { return num_lo_; }
  int up_column(int readout) const { return readout * sizes_.G; }
  int delta_column() const { return num_up_readouts() * sizes_.G; }
  int bias_column() const { return delta_column() + sizes_.D; }
  int low_column(int readout) const { return bias_column() + 1 + readout * sizes_.G; }
  int num_readout_columns() const { return low_column(num_low_readouts()); }

 private:
  void add(ThetaName name, std::string_view text, int rows, int cols,
           ThetaStart start = ThetaStart::kWeights);
  void add_networks();
  void add_compact();
  void add_metz2019();
  void add_v_step();
  void add_conditions();

  RuleSizes sizes_;
  std::vector<LayoutTerm> terms_;
  bool has_networks_ = true;
  ConditionNames conditions_;
  int num_up_ = 0, num_lo_ = 0;
  std::vector<ThetaEntry> entries_;
  std::array<int, kNumTheta> index_;
  std::int64_t size_ = 0;
};

// The names of the mix in its order.
std::vector<std::string_view> term_names(const ThetaLayout& layout);

// The matrix that holds the offset in the norm behind a convolution of metz2019.
ThetaName offset_of(ThetaName convolution);

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
