// The differentiable operations of the tape. Every operation and its adjoint stand side by side
// in ops_*.cc; each adds to the bars of its inputs. Shapes: see Var in tape.h and docs/notation.md.
//
// A neuron batch is [U, C, B]: per neuron a small matrix of channels by examples, examples last,
// so that every kernel runs its vectors along the examples whatever C is.
#pragma once

#include <initializer_list>
#include <span>
#include <type_traits>

#include "tensor/conv.h"
#include "tensor/kernels.h"
#include "tensor/tape.h"

namespace metaplastic {

// ---- matrices (ops_matrix.cc) ----------------------------------------------------------------

// alpha op(A) op(B). Trailing dims count as one index, so [U_lo,U_up] x [U_up,D,B] -> [U_lo,D,B]
// and [U_lo,G,B] x [U_up,G,B]^T -> [U_lo,U_up]. Cost 2 m n k flops.
template <class T>
Var<T> matmul(Tape<T>& tape, const Var<T>& a, bool transpose_a, const Var<T>& b, bool transpose_b,
              T alpha = T(1));
// alpha M with a zero diagonal; M [U,U].
template <class T>
Var<T> off_diagonal(Tape<T>& tape, const Var<T>& m, T alpha);
// (M + M^T) / sqrt(2 U) with a zero diagonal; M [U,U].           [docs/method.md: sym]
template <class T>
Var<T> symmetrise(Tape<T>& tape, const Var<T>& m);
// alpha (a b^T + b a^T) with a zero diagonal; a, b [U,C,B] -> [U,U]. Of one value with itself it
// costs half, and its adjoint too.                        [docs/method.md: corr, sym, psd]
template <class T>
Var<T> symmetric_product(Tape<T>& tape, const Var<T>& a, const Var<T>& b, T alpha);
// alpha (a_u . b_u) x_u for every row u (ops_rows.cc); a, b [U,C,B] alike, x [U,..] -> as x. With
// it diag(a b^T) x needs no product of U U.
template <class T>
Var<T> scale_by_dots(Tape<T>& tape, const Var<T>& a, const Var<T>& b, const Var<T>& x, T alpha);
// alpha (a_u . b_u) x[..,u] for every column u of a matrix x [m,U]: x diag(a b^T).
template <class T>
Var<T> scale_columns_by_dots(Tape<T>& tape, const Var<T>& a, const Var<T>& b, const Var<T>& x,
                             T alpha);
// alpha a + beta b, same shape.
template <class T>
Var<T> combine(Tape<T>& tape, T alpha, const Var<T>& a, T beta, const Var<T>& b);
// The same memory read as [units, channels, examples]; of contiguous values only: no channel
// slices, neither of the argument nor of the result.
template <class T>
Var<T> reshape(const Var<T>& value, int units, int channels, int examples);

// ---- element by element (ops_elementwise.cc) -----------------------------------------------

template <class T>
Var<T> map(Tape<T>& tape, Unary function, const Var<T>& x);
template <class T>
Var<T> multiply(Tape<T>& tape, const Var<T>& a, const Var<T>& b);
// a sign(w); the sign has no gradient.
template <class T>
Var<T> multiply_sign(Tape<T>& tape, const Var<T>& a, const Var<T>& w);
// factor * sum_k mix[k] terms[k]; mix [1,n].
template <class T>
Var<T> mix(Tape<T>& tape, std::span<const Var<T>> terms, const Var<T>& mix_weights, T factor);
// factor * sum_k mix[k] terms[k] / sqrt(offset + mean over rows of terms[k]^2); mix [1,n]
// and terms [R,..], whose trailing dims count as one index.
template <class T>
Var<T> normalised_mix(Tape<T>& tape, std::span<const Var<T>> terms, T offset,
                      const Var<T>& mix_weights, T factor);

// ---- normalisations of matrices (ops_columns.cc) -------------------------------------------

enum class Over { kColumns, kAll };
// X / sqrt(offset + mean of X^2), the mean over the rows of each column or over all of X.
template <class T>
Var<T> rms_normalise(Tape<T>& tape, const Var<T>& x, Over over, T offset);
// step - w relu(mean over rows of step w): takes away what would shrink a column.
template <class T>
Var<T> remove_shrinking(Tape<T>& tape, const Var<T>& step, const Var<T>& w);
// [U,4]: mean and rms of a unit's incoming column of W_in [U_lo,U] and of its outgoing row of
// W_out [U,U_up]; the one that is missing (null) repeats the other.
template <class T>
Var<T> weight_statistics(Tape<T>& tape, const Var<T>* w_in, const Var<T>* w_out, T eps);
// s - min(0, mean(s)) for a vector s.
template <class T>
Var<T> shift_to_nonnegative_mean(Tape<T>& tape, const Var<T>& s);

// ---- neuron batches (ops_neuron.cc, ops_moments.cc, ops_pairs.cc, ops_linear.cc,
// ops_linear_norm.cc)

// (x - mean_B) / sqrt(var_B + eps) for each row of x [U,1,B]; with num_parts each of so many parts
// of equal length of a row by itself.
template <class T>
Var<T> standardise(Tape<T>& tape, const Var<T>& x, T eps, int num_parts = 1);
// x [U,1,B] + b [U], b given as [1,U] or [U,1].
template <class T>
Var<T> add_unit_bias(Tape<T>& tape, const Var<T>& x, const Var<T>& b);
// Examples b and b + B/2 change places: of a batch of pairs, every example's partner. x [U,1,B].
template <class T>
Var<T> swap_halves(Tape<T>& tape, const Var<T>& x);
// The first (which = 0) or second half of the examples. x [U,1,2N] -> [U,1,N].
template <class T>
Var<T> half_of(Tape<T>& tape, const Var<T>& x, int which);
// The units of scale * a, then those of b. a [U,1,B], b [V,1,B] -> [U+V,1,B].
template <class T>
Var<T> side_by_side(Tape<T>& tape, const Var<T>& a, T scale, const Var<T>& b);
// Places of an example, down x across, in cells_down x cells_across cells of nearly equal size.
struct PlaceGrid {
  int down = 1, across = 1, cells_down = 1, cells_across = 1;
  int places() const { return down * across; }
  int cells() const { return cells_down * cells_across; }
};
// The root of the mean over the places of every cell, sqrt(|mean| + eps) - sqrt(eps) with its sign.
// x [U,1,N places], the places of an example together -> [U cells,1,N].
template <class T>
Var<T> pool_places(Tape<T>& tape, const Var<T>& x, const PlaceGrid& grid, T eps);
// x - s mean over examples of x s, of each unit; for standardised s what s does not predict of x.
// x, s [U,1,B].
template <class T>
Var<T> regress_out(Tape<T>& tape, const Var<T>& x, const Var<T>& s);
// Mean over examples: [U,1,B] -> [1,U].
template <class T>
Var<T> mean_over_batch(Tape<T>& tape, const Var<T>& x);

template <class T>
struct LinearExtras {
  const Var<T>* bias = nullptr;            // [1,N] over all columns of A
  const Var<T>* unit_offset = nullptr;     // [U,Co]
  const Var<T>* example_offset = nullptr;  // [1,Co,B]
  int first_column = 0;                    // use columns [first, first + num) of A
  int num_columns = -1;                    // -1: all
};
// y[u,co,b] = sum over the channels k of all pieces, in order, A[k,co] piece[u,k,b] + extras.
// pieces [U,C_i,B], A [sum C_i, N] -> [U,Co,B]. Cost 2 U B K Co flops. Instead of pieces it reads a
// normed value of linear_norm_relu, which it computes a unit at a time.
template <class T>
using LinearInput = std::type_identity_t<Feed<T>>;
template <class T>
Var<T> linear(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
              const LinearExtras<T>& extras = {});
// norm_relu(linear(...)) without an offset in the norm, in one operation: moments are taken while
// the values are in the cache, and neither the value nor the bars of the map are ever stored.
template <class T>
Normed<T> linear_norm_relu(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
                           const LinearExtras<T>& extras, T eps);
template <class T>
struct NormedBatch {
  Normed<T> n;        // [U,Co,B]
  Var<T> over_batch;  // [U,2Co] moments_over_batch of n
  Var<T> over_units;  // [1,2Co,B] moments_over_units of n
};
template <class T>
NormedBatch<T> linear_norm_relu_moments(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
                                        const LinearExtras<T>& extras, T eps, T moments_eps);
// relu((y - mean) / sqrt(var + eps) + offset), moments per channel over units and examples;
// offset [1,C] or null.
template <class T>
Var<T> norm_relu(Tape<T>& tape, const Var<T>& y, T eps, const Var<T>* offset = nullptr);
// Per unit: mean and sqrt(var + eps) over examples, [U,C,B] -> [U,2C] (means first).
template <class T>
Var<T> moments_over_batch(Tape<T>& tape, const Var<T>& x, T eps);
// Per example: mean and sqrt(var + eps) over units, [U,C,B] -> [1,2C,B].
template <class T>
Var<T> moments_over_units(Tape<T>& tape, const Var<T>& x, T eps);
// x[u,c,b] gate[u,b] + z[u,c,b]; gate [U,1,B].
template <class T>
Var<T> gate_add(Tape<T>& tape, const Var<T>& x, const Var<T>& gate, const Var<T>& z);
// x / sqrt(mean over channels of x^2 + eps), [U,C,B].
template <class T>
Var<T> rms_channels(Tape<T>& tape, const Var<T>& x, T eps);

}  // namespace metaplastic
