#include "rule/weight_step.h"

#include <array>
#include <span>

#include "rule/constants.h"
#include "tensor/released.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMostTerms = 32;

// sum_k mix_k term_k / sqrt(1 + mean over rows of term_k^2), times the gain.
template <class T>
Var<T> mixed(Tape<T>& tape, std::span<Var<T>> terms, const Var<T>& mix_weights,
             const Var<T>* mix_bias, T gain) {
  if (!mix_bias) {
    return normalised_mix(tape, std::span<const Var<T>>(terms), T(kRule.term_offset), mix_weights,
                          gain);
  }
  for (Var<T>& term : terms) term = rms_normalise(tape, term, Over::kColumns, T(kRule.term_offset));
  return add_scalar(tape, mix(tape, std::span<const Var<T>>(terms), mix_weights, gain), *mix_bias,
                    gain);
}

}  // namespace

template <class T>
Var<T> weight_step(Tape<T>& tape, const ThetaLayout& layout, const Var<T>& W, const Side<T>& up,
                   const Side<T>& lo, const Var<T>& mix_weights, const Var<T>* mix_bias, T keep) {
  const RuleSizes& sizes = layout.sizes();
  const bool released = sizes.is_metz2019();
  const Var<T> w =
      rms_normalise(tape, W, Over::kColumns, T(released ? kReleased.column_eps : kRule.column_eps));
  const std::size_t above_w = tape.mark();
  TermReads<T> reads{tape, sizes, w, up, lo, 0, 0, {}};
  std::array<Var<T>, kMostTerms> terms;
  const auto count = static_cast<std::size_t>(layout.num_terms());
  METAPLASTIC_CHECK(count <= kMostTerms);
  for (std::size_t k = 0; k < count; ++k) {
    const LayoutTerm& term = layout.terms()[k];
    reads.first_up = term.first_up, reads.first_lo = term.first_lo;
    const std::size_t mark = tape.mark();
    const bool has_grown = reads.root_growth.data;
    terms[k] = (*term.term)(reads);
    const bool is_shared = !has_grown && reads.root_growth.data;  // a later term reads it too
    if (!is_shared) terms[k] = tape.keep(mark, terms[k]);
  }
  const auto only = [&](const Var<T>& value) { return tape.keep(above_w, value); };
  Var<T> step = only(mixed(tape, std::span<Var<T>>(terms.data(), count), mix_weights, mix_bias,
                           T(sizes.mix_gain())));
  // Released: one mean over the whole matrix, in which neurons learn of one another.
  step = only(released && !sizes.is_local() ? remove_shrinking_whole(tape, step, w)
                                            : remove_shrinking(tape, step, w));
  step = only(rms_normalise(tape, step, Over::kColumns, T(kRule.step_offset)));
  return combine(tape, T(1), step, -keep, w);
}

#define METAPLASTIC_INSTANTIATE(T)                                                         \
  template Var<T> weight_step(Tape<T>&, const ThetaLayout&, const Var<T>&, const Side<T>&, \
                              const Side<T>&, const Var<T>&, const Var<T>*, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
