// What the operations built on a linear map of channels share: the call, and its adjoint unit by
// unit, so that a unit's bars are still in the cache when the matrix and the pieces need them.
// Internal to src/tensor/ (ops_linear.cc, ops_linear_norm.cc).
#pragma once

#include <algorithm>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
struct LinearCall {
  static constexpr int kMaxPieces = Feed<T>::kMaxPieces;
  std::array<Var<T>, kMaxPieces> pieces;  // [U,C_i,B]
  Normed<T> normed;                       // with y: instead of the data of the only piece
  int num_pieces;
  Var<T> a, bias, unit_offset, example_offset;  // offsets without data are absent
  int U, K, Co, B, first_column;

  LinearCall(const Feed<T>& x, const Var<T>& matrix, const LinearExtras<T>& extras);
  bool needs_gradient() const;
  std::ptrdiff_t unit_size() const { return std::ptrdiff_t{Co} * B; }
  // Elements of the buffer that rows_of takes.
  std::ptrdiff_t buffer_size() const { return normed.y ? std::ptrdiff_t{K} * B : 0; }
  // Pointers to the K rows of B examples of unit u, over all pieces in order. A normed value is
  // computed into the buffer.
  void rows_of(int u, const T** rows, T* buffer) const {
    if (normed.y) {
      kernels<T>().norm_relu_unit(normed.y + std::ptrdiff_t{u} * K * B, normed.mean, normed.inv,
                                  nullptr, K, B, buffer);
      for (int k = 0; k < K; ++k) rows[k] = buffer + std::ptrdiff_t{k} * B;
      return;
    }
    for (int p = 0; p < num_pieces; ++p) {
      const Var<T>& piece = pieces[static_cast<std::size_t>(p)];
      const T* row = piece.data + u * piece.unit_stride;
      for (int c = 0; c < piece.channels(); ++c, row += B) *rows++ = row;
    }
  }
};

// Runs the map one unit at a time. Its memory, some for each worker, comes from the tape.
template <class T>
class LinearForward {
 public:
  LinearForward(Tape<T>& tape, const LinearCall<T>& call);
  void unit(int worker, int u, T* y) const;  // y [Co,B]
  // About the number of element operations of all units.
  double work() const { return double(call_.U) * call_.K * call_.Co * call_.B / 4; }

 private:
  const LinearCall<T>& call_;
  const T** rows_;
  T *offset_, *buffer_;
};

// The adjoint, unit by unit.
template <class T>
class LinearAdjoint {
 public:
  // Takes hold of the bars of all inputs, and of memory until finish().
  LinearAdjoint(Tape<T>& tape, const LinearCall<T>& call);
  bool needs_sums() const { return bias_bar_ || unit_bar_; }
  T* example_bar() const { return example_bar_; }  // [Co,B], null when it needs none
  // sums [Co]: the sums over b of y_bar of unit u.
  void unit_offsets(int u, const T* sums);
  // Pieces and matrix; y_bar [Co,B] of unit u, units in order. It must stay until the last unit of
  // the block is done: every `block()` units the matrix's bar takes all of theirs.
  void unit(int u, const T* y_bar);
  int block() const { return block_; }
  // After the last unit: gives memory back.
  void finish();

 private:
  void piece_bars(int u, const T* y_bar);

  Tape<T>& tape_;
  const LinearCall<T>& call_;
  int num_rows_ = 0;  // channels of the pieces that need a gradient
  std::array<Bar<T>, LinearCall<T>::kMaxPieces> bars_{};
  T* transposed_ = nullptr;  // [Co,num_rows]: A^T, the channels of pieces with a gradient
  T* a_bar_ = nullptr;
  int block_;
  T *bias_bar_ = nullptr, *unit_bar_ = nullptr, *example_bar_ = nullptr;
  const T** x_rows_ = nullptr;  // [block,K], the rows of the pieces
  T* buffer_ = nullptr;         // [block,K,B] where they are normed
  const T** y_bars_ = nullptr;  // [block]
  const T** y_rows_ = nullptr;
  T** piece_rows_ = nullptr;
  bool* accumulates_ = nullptr;
};

}  // namespace metaplastic
