#include "rule/composed_step.h"

#include <cmath>

#include "rule/constants.h"
#include "tensor/released.h"

namespace metaplastic {
namespace {

bool is_local(Term term) {
  return term == Term::kBase || term == Term::kDecay || term == Term::kHebb ||
         term == Term::kZeroOrder || term == Term::kRbf || term == Term::kFirstOrder;
}

// The terms of one step. `released` marks where metz2019 and compact differ.
template <class T>
class Terms {
 public:
  Terms(Tape<T>& tape, const ThetaLayout& layout, const Var<T>& w, const LayerReads<T>& up,
        const LayerReads<T>& lo)
      : tape_(tape),
        G_(layout.sizes().G),
        released_(layout.sizes().is_metz2019()),
        w_(w),
        up_(up),
        lo_(lo),
        per_example_(T(1) / T(up.s.examples())) {
    add(Term::kBase, w);
    add(Term::kDecay, map(tape, Unary::kSignedSquare, w));
    if (!layout.sizes().is_local()) add(Term::kDecorrelate, decorrelate());
    add(Term::kHebb, matmul(tape, lo.s, false, up.s, true, -per_example_));
    add(Term::kZeroOrder, lowrank(r_lo(0), r_up(0)));
    add(Term::kRbf, multiply(tape, map(tape, Unary::kGaussian, w), lowrank(r_lo(1), r_up(1))));
    add(Term::kFirstOrder, multiply(tape, w, lowrank(r_lo(2), r_up(2))));
    if (!layout.sizes().is_local()) add_products();
    METAPLASTIC_CHECK(count_ == static_cast<std::size_t>(layout.num_terms()));
  }
  std::span<const Var<T>> normalised() {
    for (std::size_t k = 0; k < count_; ++k)
      terms_[k] = rms_normalise(tape_, terms_[k], Over::kColumns, T(kRule.term_offset));
    return {terms_.data(), count_};
  }

 private:
  void add(Term, const Var<T>& value) { terms_[count_++] = value; }
  Var<T> r_up(int n) const { return slice_channels(up_.readouts, up_.up + n * G_, G_); }
  Var<T> r_lo(int n) const { return slice_channels(lo_.readouts, lo_.low + n * G_, G_); }

  // (1/(B G)) sum_{b,g} r[i,g,b] other[j,g,b]
  Var<T> lowrank(const Var<T>& r, const Var<T>& other, T factor = T(1)) {
    return matmul(tape_, r, false, other, true, factor * per_example_ / T(G_));
  }
  Var<T> sym(const Var<T>& r, const Var<T>& other) { return symmetrise(tape_, lowrank(r, other)); }
  Var<T> psd(const Var<T>& r) {
    return released_ ? lowrank(r, r, T(1) / std::sqrt(T(r.units()))) : sym(r, r);
  }
  // compact leaves out the diagonal, which is w itself.
  Var<T> decorrelate() {
    const T root = released_ ? T(1) / std::sqrt(T(up_.s.units())) : T(1);
    Var<T> corr = matmul(tape_, up_.s, false, up_.s, true, per_example_ * root);
    if (!released_) corr = off_diagonal(tape_, corr, T(1));
    return rms_normalise(tape_, matmul(tape_, w_, false, corr, false), Over::kAll,
                         T(released_ ? kReleased.decorrelate_eps : kRule.decorrelate_eps));
  }
  void add_products() {
    const Var<T> grown = map(tape_, Unary::kRootGrowth, w_);  // sqrt(1 + w^2) - 1
    const auto from_up = [&](const Var<T>& x, const Var<T>& m) {
      return matmul(tape_, x, false, m, false);
    };
    const auto signed_by_w = [&](const Var<T>& x) { return multiply_sign(tape_, x, w_); };
    add(Term::kLinUp, from_up(w_, sym(r_up(3), r_up(4))));
    add(Term::kLinUpPsd, from_up(w_, psd(r_up(5))));
    add(Term::kLinLo, from_up(sym(r_lo(3), r_lo(4)), w_));
    add(Term::kSqrUp, signed_by_w(from_up(grown, sym(r_up(6), r_up(7)))));
    add(Term::kSqrLo, signed_by_w(from_up(sym(r_lo(5), r_lo(6)), grown)));
  }

  Tape<T>& tape_;
  int G_;
  bool released_;
  Var<T> w_;
  const LayerReads<T>&up_, &lo_;
  T per_example_;
  std::array<Var<T>, kNumTerms> terms_;
  std::size_t count_ = 0;
};

}  // namespace

std::vector<std::string_view> term_names(const ThetaLayout& layout) {
  std::vector<std::string_view> names;
  for (int k = 0; k < kNumTerms + layout.sizes().num_view_terms(); ++k) {
    if (!layout.sizes().is_local() || is_local(static_cast<Term>(k)))
      names.push_back(term_names()[static_cast<std::size_t>(k)]);
  }
  return names;
}

template <class T>
Var<T> composed_weight_step(Tape<T>& tape, const ThetaLayout& layout, const Var<T>& W,
                            const LayerReads<T>& up, const LayerReads<T>& lo,
                            const Var<T>& mix_weights, const Var<T>* mix_bias) {
  const bool released = layout.sizes().is_metz2019();
  const Var<T> w =
      rms_normalise(tape, W, Over::kColumns, T(released ? kReleased.column_eps : kRule.column_eps));
  Terms<T> terms(tape, layout, w, up, lo);
  const double n = layout.num_terms();
  const T gain = T(released ? 1 / (n * std::sqrt(n)) : kRule.mix_gain / std::sqrt(n));
  Var<T> step = mix(tape, terms.normalised(), mix_weights, gain);
  if (mix_bias) step = add_scalar(tape, step, *mix_bias, gain);
  // Released: one mean over the whole matrix, in which neurons learn of one another.
  step = released && !layout.sizes().is_local() ? remove_shrinking_whole(tape, step, w)
                                                : remove_shrinking(tape, step, w);
  step = rms_normalise(tape, step, Over::kColumns, T(kRule.step_offset));
  return combine(tape, T(1), step, T(-kRule.keep), w);
}

#define METAPLASTIC_INSTANTIATE(T)                                                                \
  template Var<T> composed_weight_step(Tape<T>&, const ThetaLayout&, const Var<T>&,               \
                                       const LayerReads<T>&, const LayerReads<T>&, const Var<T>&, \
                                       const Var<T>*);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
