// What the formulas in the table of terms are made of. metz2019 follows the released code where the
// two presets differ.                                                [docs/method.md step 5]
#include <cmath>

#include "rule/constants.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

// (1/(B G)) sum over g, b of r[i,g,b] other[j,g,b]: [U,U'].
template <class T>
Var<T> product_of_readouts(Tape<T>& tape, const Var<T>& r, const Var<T>& other, T factor) {
  return matmul(tape, r, false, other, true, factor);
}

template <class T>
T share_of(const Var<T>& r) {
  return T(1) / (T(r.channels()) * T(r.examples()));
}

// The factor of sym's sum in one piece: of its low-rank product, of its two halves, over sqrt(U).
template <class T>
T sym_share(const Var<T>& r) {
  return share_of(r) / std::sqrt(T(2) * T(r.units()));
}

// sym(M) / sqrt(U) with zero diagonal, M the low-rank product of two readouts of one layer.
template <class T>
Var<T> sym(const TermReads<T>& t, const Var<T>& r, const Var<T>& other) {
  if (t.sizes.is_metz2019()) {
    const T share = T(1) / T(r.examples()) / T(r.channels());
    return symmetrise(t.tape, product_of_readouts(t.tape, r, other, share));
  }
  return symmetric_product(t.tape, r, other, sym_share(r));
}

// x (r other^T + other r^T) share with the diagonal of the matrix left out, [U_lo,U_up] like x: of
// a wide upper layer without a matrix of U_up U_up.
template <class T>
Var<T> times_factors(Tape<T>& tape, const Var<T>& x, const Var<T>& r, const Var<T>& other,
                     T share) {
  const auto through = [&](const Var<T>& in, const Var<T>& out, T factor) {
    return matmul(tape, matmul(tape, x, false, in, false), false, out, true, factor);
  };
  const bool same = r.data == other.data;  // as decorrelate and lin_up_psd have it
  const Var<T> whole =
      same ? through(r, r, T(2) * share)
           : combine(tape, T(1), through(r, other, share), T(1), through(other, r, share));
  return combine(tape, T(1), whole, T(1), scale_columns_by_dots(tape, r, other, x, T(-2) * share));
}

template <class T>
bool takes_factors_of(const Var<T>& x, const Var<T>& r) {
  return takes_factors_above(x.rows(), r.units(), double(r.channels()) * r.examples());
}

}  // namespace

template <class T>
Var<T> TermReads<T>::r_up(int n) const {
  return slice_channels(up.readouts, up.first_channel + (first_up + n) * sizes.G, sizes.G);
}

template <class T>
Var<T> TermReads<T>::r_lo(int n) const {
  return slice_channels(lo.readouts, lo.first_channel + (first_lo + n) * sizes.G, sizes.G);
}

template <class T>
Var<T> TermReads<T>::grown() {
  if (!root_growth.data) root_growth = map(tape, Unary::kRootGrowth, w);
  return root_growth;
}

template <class T>
Var<T> TermReads<T>::correlate(const Var<T>& signal, double factor) const {
  return matmul(tape, lo.s, false, signal, true, T(1) / T(signal.examples()) * T(factor));
}

template <class T>
Var<T> TermReads<T>::lowrank() const {
  const Var<T> r = r_lo(0);
  const T share = sizes.is_metz2019() ? T(1) / T(r.examples()) / T(r.channels()) : share_of(r);
  return product_of_readouts(tape, r, r_up(0), share);
}

// compact leaves out the diagonal, which is w itself.
template <class T>
Var<T> TermReads<T>::decorrelate() const {
  const T per_example = T(1) / T(up.s.examples());
  const bool released = sizes.is_metz2019();
  if (!released && takes_factors_of(w, up.s))
    return rms_normalise(tape, times_factors(tape, w, up.s, up.s, per_example / T(2)), Over::kAll,
                         T(kRule.decorrelate_eps));
  const Var<T> corr = released ? matmul(tape, up.s, false, up.s, true,
                                        per_example * (T(1) / std::sqrt(T(up.s.units()))))
                               : symmetric_product(tape, up.s, up.s, per_example / T(2));
  return rms_normalise(tape, matmul(tape, w, false, corr, false), Over::kAll,
                       T(released ? kReleased.decorrelate_eps : kRule.decorrelate_eps));
}

template <class T>
Var<T> TermReads<T>::times_sym_up(const Var<T>& x) const {
  const Var<T> r = r_up(0), other = r_up(1);
  if (!sizes.is_metz2019() && takes_factors_of(x, r))
    return times_factors(tape, x, r, other, sym_share(r));
  return matmul(tape, x, false, sym(*this, r, other), false);
}

// The released code keeps the diagonal.
template <class T>
Var<T> TermReads<T>::times_psd_up(const Var<T>& x) const {
  const Var<T> r = r_up(0);
  if (!sizes.is_metz2019() && takes_factors_of(x, r))
    return times_factors(tape, x, r, r, sym_share(r));
  if (!sizes.is_metz2019()) return matmul(tape, x, false, sym(*this, r, r), false);
  const T share = T(1) / std::sqrt(T(r.units())) * (T(1) / T(r.examples())) / T(r.channels());
  return matmul(tape, x, false, product_of_readouts(tape, r, r, share), false);
}

// compact: of a wide lower layer without the matrix of U_lo U_lo.
template <class T>
Var<T> TermReads<T>::sym_lo_times(const Var<T>& x) const {
  const Var<T> r = r_lo(0), other = r_lo(1);
  if (sizes.is_metz2019() ||
      !takes_factors(r.units(), x.cols(), double(r.channels()) * r.examples()))
    return matmul(tape, sym(*this, r, other), false, x, false);
  const T share = sym_share(r);
  const auto through = [&](const Var<T>& out, const Var<T>& in) {
    return matmul(tape, out, false, matmul(tape, in, true, x, false), false, share);
  };
  const Var<T> whole = combine(tape, T(1), through(r, other), T(1), through(other, r));
  return combine(tape, T(1), whole, T(1), scale_by_dots(tape, r, other, x, T(-2) * share));
}

template struct TermReads<float>;
template struct TermReads<double>;

}  // namespace metaplastic
