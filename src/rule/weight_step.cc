#include "rule/weight_step.h"

#include <algorithm>
#include <cmath>

#include "rule/constants.h"

namespace metaplastic {
namespace {

template <class T>
Var<T> up_readout(const ThetaVars<T>& theta, const Side<T>& side, int n) {
  const ThetaLayout& layout = *theta.layout;
  return slice_channels(side.readouts, layout.up_column(n) - side.first_column, layout.sizes().G);
}

template <class T>
Var<T> low_readout(const ThetaVars<T>& theta, const Side<T>& side, int n) {
  const ThetaLayout& layout = *theta.layout;
  return slice_channels(side.readouts, layout.low_column(n) - side.first_column, layout.sizes().G);
}

// (1/(B G)) sum_{b,g} r_lo[i,g,b] r_up[j,g,b]: [U_lo,G,B], [U_up,G,B] -> [U_lo,U_up].
template <class T>
Var<T> lowrank(Tape<T>& tape, const Var<T>& r_lo, const Var<T>& r_up) {
  const T share = T(1) / (T(r_lo.channels()) * T(r_lo.examples()));
  return matmul(tape, r_lo, false, r_up, true, share);
}

// The factor of sym's sum: of its low-rank product, of its two halves, over sqrt(U).
template <class T>
T sym_share(const Var<T>& r) {
  return T(1) / (T(r.channels()) * T(r.examples())) / std::sqrt(T(2) * T(r.units()));
}

// sym(M) / sqrt(U) with zero diagonal, M the low-rank product of two readouts of one layer; psd
// when they are the same.
template <class T>
Var<T> sym(Tape<T>& tape, const Var<T>& r, const Var<T>& other) {
  return symmetric_product(tape, r, other, sym_share(r));
}

// sym(r, other) x of the lower layer's readouts, x [U_lo,U_up]; where that layer is wide without
// the matrix of U_lo U_lo.
template <class T>
Var<T> sym_product(Tape<T>& tape, const Var<T>& r, const Var<T>& other, const Var<T>& x) {
  if (!takes_factors(r.units(), x.cols(), r.channels() * r.examples()))
    return matmul(tape, sym(tape, r, other), false, x, false);
  const T share = sym_share(r);
  const auto through = [&](const Var<T>& out, const Var<T>& in) {
    return matmul(tape, out, false, matmul(tape, in, true, x, false), false, share);
  };
  const Var<T> whole = combine(tape, T(1), through(r, other), T(1), through(other, r));
  return combine(tape, T(1), whole, T(1), scale_by_dots(tape, r, other, x, T(-2) * share));
}

}  // namespace

double separate_share(int U) { return std::min(1.0, std::pow(kRule.separate_units / U, 0.25)); }

bool takes_factors(double U_lo, double U_up, double rank) {
  return U_lo * U_lo * (rank + U_up) > 2 * (4 * U_lo * U_up * rank);
}

const std::array<std::string_view, kNumTerms + kNumViewTerms>& term_names() {
  static constexpr std::array<std::string_view, kNumTerms + kNumViewTerms> kNames = {
      "base",   "decay",      "decorrelate", "hebb",   "zero_order", "rbf",   "first_order",
      "lin_up", "lin_up_psd", "lin_lo",      "sqr_up", "sqr_lo",     "agree", "separate"};
  return kNames;
}

template <class T>
Var<T> weight_step(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& W, const Side<T>& up,
                   const Side<T>& lo) {
  const auto r_up = [&](int n) { return up_readout(theta, up, n); };
  const auto r_lo = [&](int n) { return low_readout(theta, lo, n); };
  const T per_example = T(1) / T(up.s.examples());
  const Var<T> w = rms_normalise(tape, W, Over::kColumns, T(kRule.column_eps));  // [U_lo,U_up]
  const Var<T> grown = map(tape, Unary::kRootGrowth, w);  // sqrt(1 + w^2) - 1

  const Var<T> corr_up = symmetric_product(tape, up.s, up.s, per_example / T(2));  // zero diagonal
  const Var<T> gaussian = map(tape, Unary::kGaussian, w);
  std::array<Var<T>, kNumTerms + kNumViewTerms> terms;
  const auto term = [&](Term name) -> Var<T>& { return terms[static_cast<std::size_t>(name)]; };
  term(Term::kBase) = w;
  term(Term::kDecay) = map(tape, Unary::kSignedSquare, w);
  term(Term::kDecorrelate) = rms_normalise(tape, matmul(tape, w, false, corr_up, false), Over::kAll,
                                           T(kRule.decorrelate_eps));
  term(Term::kHebb) = matmul(tape, lo.s, false, up.s, true, -per_example);
  term(Term::kZeroOrder) = lowrank(tape, r_lo(0), r_up(0));
  term(Term::kRbf) = multiply(tape, gaussian, lowrank(tape, r_lo(1), r_up(1)));
  term(Term::kFirstOrder) = multiply(tape, w, lowrank(tape, r_lo(2), r_up(2)));
  term(Term::kLinUp) = matmul(tape, w, false, sym(tape, r_up(3), r_up(4)), false);
  term(Term::kLinUpPsd) = matmul(tape, w, false, sym(tape, r_up(5), r_up(5)), false);
  term(Term::kLinLo) = sym_product(tape, r_lo(3), r_lo(4), w);
  term(Term::kSqrUp) =
      multiply_sign(tape, matmul(tape, grown, false, sym(tape, r_up(6), r_up(7)), false), w);
  term(Term::kSqrLo) = multiply_sign(tape, sym_product(tape, r_lo(5), r_lo(6), grown), w);

  if (up.agree.data) {
    term(Term::kAgree) = matmul(tape, lo.s, false, up.agree, true, -per_example);
    term(Term::kSeparate) =
        matmul(tape, lo.s, false, up.shared, true, per_example * T(separate_share(up.s.units())));
  }

  const auto num_terms = static_cast<std::size_t>(theta.layout->num_terms());
  const T gain = T(kRule.mix_gain / std::sqrt(double{kNumTerms}));
  Var<T> step = normalised_mix(tape, std::span<const Var<T>>(terms.data(), num_terms),
                               T(kRule.term_offset), theta[ThetaName::kMix], gain);
  step = remove_shrinking(tape, step, w);
  step = rms_normalise(tape, step, Over::kColumns, T(kRule.step_offset));
  return combine(tape, T(1), step, T(-kRule.keep), w);
}

#define METAPLASTIC_INSTANTIATE(T)                                                          \
  template Var<T> weight_step(Tape<T>&, const ThetaVars<T>&, const Var<T>&, const Side<T>&, \
                              const Side<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
