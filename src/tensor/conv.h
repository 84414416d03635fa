// Convolutions over the examples or over the units of a neuron batch, with the norm behind them.
//
// A normed value relu((y - mean) inv + offset) is never stored: whoever reads it computes it, a
// unit at a time, from y. That halves the memory of a chain of convolutions, and its traffic.
// Convolutions are sums over taps of products with shifted rows, all of them one product per unit.
#pragma once

#include <array>
#include <initializer_list>

#include "tensor/tape.h"

namespace metaplastic {

enum class Axis { kExamples, kUnits };

// What the moments of a norm are taken over: units and examples, for each channel; or, so that no
// neuron learns of another, channels and examples, for each unit.
enum class NormOver { kLayer, kUnit };

template <class T>
struct Normed {
  Var<T> n;                   // [U,C,B], for its bar alone: its data is null
  const T* y = nullptr;       // [U,C,B], contiguous
  const T* mean = nullptr;    // [C] or [U,C]
  const T* inv = nullptr;     // the same: 1 / sqrt(variance + eps)
  std::ptrdiff_t stride = 0;  // of mean and inv from unit to unit: 0 or C
  Var<T> offset;              // [1,C]
};

// What a convolution or a linear map reads: values side by side in the channels, or one normed
// value, or the sum of two.
template <class T>
struct Feed {
  Feed(std::initializer_list<Var<T>> values);
  Feed(const Normed<T>& value);  // NOLINT(google-explicit-constructor)
  Feed(const Normed<T>& value, const Normed<T>& added);

  static constexpr int kMaxPieces = 5;
  std::array<Var<T>, kMaxPieces> pieces;
  std::array<Normed<T>, 2> normed;
  int num_pieces = 0, num_normed = 0;
  int units = 0, channels = 0, examples = 0;
  bool needs_gradient = false;
};

// y[u,co,b] = bias[co] + sum over taps t, channels ci of A[t Ci + ci, co] x[u,ci,b + t - half] or
// x[u + t - half,ci,b]; x is zero beyond its ends. half = (taps - 1) / 2, taps = rows of A / Ci,
// odd. Uses columns [first, first + num) of A and bias [1,N]; num < 0 is all. Cost 2 U B taps Ci
// Co.
template <class T>
Var<T> conv(Tape<T>& tape, Axis axis, const Feed<T>& x, const Var<T>& a, const Var<T>& bias,
            int first_column = 0, int num_columns = -1);
// relu(norm(conv(x)) + offset): no bias, which the norm over a layer would take away.
template <class T>
Normed<T> conv_norm_relu(Tape<T>& tape, Axis axis, const Feed<T>& x, const Var<T>& a,
                         const Var<T>& offset, T eps, NormOver over);
// The value itself with units and channels exchanged: [U,C,B] -> [C,U,B].
template <class T>
Var<T> swap_units_and_channels(Tape<T>& tape, const Normed<T>& x);
// All pieces side by side in the channels, each channel normed: (x - mean) inv + offset, no ReLU.
template <class T>
Var<T> concat_norm(Tape<T>& tape, std::initializer_list<Var<T>> pieces, const Var<T>& offset, T eps,
                   NormOver over);

}  // namespace metaplastic
