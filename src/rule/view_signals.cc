#include "rule/view_signals.h"

#include <cmath>

namespace metaplastic {
namespace {

// off(s seen^T / B) seen / sqrt(U), [U,1,B] each: what other units have in common with a unit.
template <class T>
Var<T> in_common(Tape<T>& tape, const Var<T>& s, const Var<T>& seen) {
  const int U = s.units(), B = s.examples();
  const T per_example = T(1) / T(B), share = T(1) / std::sqrt(T(U));
  if (U > 8 * B) {  // (s seen^T) seen = s (seen^T seen) is far less work then
    const Var<T> products = matmul(tape, seen, true, seen, false, per_example);  // [B,B]
    return combine(tape, T(1), matmul(tape, s, false, products, false, share), T(1),
                   scale_by_dots(tape, s, seen, seen, -per_example * share));
  }
  // Symmetric; with the partner's, since every pair counts both ways.
  const Var<T> corr = matmul(tape, s, false, seen, true, per_example);  // [U,U]
  return matmul(tape, off_diagonal(tape, corr, share), false, seen, false);
}

}  // namespace

template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s, OtherUnits others,
                            WantedSignals wanted) {
  const bool of_partner = others == OtherUnits::kPartner;
  Var<T> partner;
  if (wanted.surprise || (wanted.shared && of_partner)) partner = swap_halves(tape, s);
  ViewSignals<T> signals;
  if (wanted.surprise) signals.surprise = regress_out(tape, partner, s);
  if (wanted.shared) {
    const std::size_t mark = tape.mark();
    const Var<T> shared = in_common(tape, s, of_partner ? partner : s);
    signals.shared = tape.keep(mark, regress_out(tape, shared, s));
  }
  return signals;
}

template ViewSignals<float> view_signals(Tape<float>&, const Var<float>&, OtherUnits,
                                         WantedSignals);
template ViewSignals<double> view_signals(Tape<double>&, const Var<double>&, OtherUnits,
                                          WantedSignals);

}  // namespace metaplastic
