// Rows for the products of a convolution: a few units at a time, in the cache, normed on the way.
#pragma once

#include <algorithm>

#include "tensor/conv.h"
#include "tensor/kernels.h"

namespace metaplastic {

inline constexpr int kBlock = 8;  // units whose rows stay in the second-level cache
inline constexpr int kMargin =
    16;  // zeros on either side of a row, so that rows start at whole vectors

// The value of unit u into out, rows `ld` apart.
template <class T>
void fill_unit(const Normed<T>& x, int u, bool accumulate, T* out, std::ptrdiff_t ld) {
  const int C = x.n.channels(), B = x.n.examples();
  kernels<T>().normed_rows(x.y + std::ptrdiff_t{u} * C * B, x.mean + u * x.stride,
                           x.inv + u * x.stride, x.offset.data, C, B, accumulate, out, ld);
}

template <class T>
void fill_unit(const Feed<T>& x, int u, T* out, std::ptrdiff_t ld) {
  for (int i = 0; i < x.num_normed; ++i)
    fill_unit(x.normed[static_cast<std::size_t>(i)], u, i > 0, out, ld);
  for (int p = 0; p < x.num_pieces; ++p) {
    const Var<T>& piece = x.pieces[static_cast<std::size_t>(p)];
    const T* row = piece.data + u * piece.unit_stride;
    for (int c = 0; c < piece.channels(); ++c, row += x.examples, out += ld)
      std::copy_n(row, x.examples, out);
  }
}

// Rows of a few units at a time, laid out so that a shift along the axis is another pointer.
template <class T>
class ShiftedRows {
 public:
  ShiftedRows(Tape<T>& tape, Axis axis, int taps, int U, int C, int B)
      : axis_(axis), taps_(taps), half_((taps - 1) / 2), U_(U), C_(C), tape_(tape) {
    METAPLASTIC_CHECK(half_ <= kMargin);
    const bool padded = axis == Axis::kExamples && taps > 1;
    start_ = padded ? kMargin : 0;
    ld_ = B + 2 * start_;
    slots_ = kBlock + 2 * halo();
    const std::size_t count = static_cast<std::size_t>(slots_) * static_cast<std::size_t>(C * ld_);
    bytes_ = (count + static_cast<std::size_t>(ld_)) * sizeof(T);
    rows_ = static_cast<T*>(tape.arena().allocate(bytes_));
    zeros_ = rows_ + count;
    std::fill_n(zeros_, ld_, T(0));
    if (padded) std::fill_n(rows_, count, T(0));
  }
  ~ShiftedRows() { tape_.arena().release(rows_, bytes_); }
  ShiftedRows(const ShiftedRows&) = delete;
  ShiftedRows& operator=(const ShiftedRows&) = delete;

  int halo() const { return axis_ == Axis::kUnits ? half_ : 0; }
  std::ptrdiff_t ld() const { return ld_; }
  bool contiguous() const { return start_ == 0; }
  // Rows of unit u, which must be among the last ones filled.
  T* unit(int u) const { return rows_ + std::ptrdiff_t{u % slots_} * C_ * ld_ + start_; }
  // Fills units up to and without `end`, and what lies `halo` beyond; fill(u, out, ld).
  template <class Fill>
  void advance(int end, const Fill& fill) {
    for (; next_ < std::min(U_, end + halo()); ++next_) fill(next_, unit(next_), ld_);
  }
  // The taps * C rows that unit u of the result is made of.
  void rows_of(int u, const T** rows) const {
    for (int t = 0; t < taps_; ++t) {
      const int from = axis_ == Axis::kUnits ? u + t - half_ : u;
      const bool inside = from >= 0 && from < U_;
      const T* row = inside ? unit(from) + (axis_ == Axis::kExamples ? t - half_ : 0) : zeros_;
      for (int c = 0; c < C_; ++c, row += inside ? ld_ : 0) *rows++ = row;
    }
  }

 private:
  Axis axis_;
  int taps_, half_, U_, C_, slots_ = 0, next_ = 0;
  std::ptrdiff_t start_ = 0, ld_ = 0;
  Tape<T>& tape_;
  std::size_t bytes_ = 0;
  T *rows_ = nullptr, *zeros_ = nullptr;
};

}  // namespace metaplastic
