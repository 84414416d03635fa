// How inputs of a convolution are put together: transposed, side by side and normed.
#include <algorithm>
#include <cmath>

#include "tensor/conv.h"
#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> swap_units_and_channels(Tape<T>& tape, const Normed<T>& x) {
  const int U = x.n.units(), C = x.n.channels(), B = x.n.examples();
  const std::ptrdiff_t row = std::ptrdiff_t{U} * B;
  const Var<T> out = tape.make(C, U, B, x.n.needs_gradient());
  for (int u = 0; u < U; ++u) {
    kernels<T>().normed_rows(x.y + std::ptrdiff_t{u} * C * B, x.mean + u * x.stride,
                             x.inv + u * x.stride, x.offset.data, C, B, false,
                             out.data + std::ptrdiff_t{u} * B, row);
  }
  tape.on_backward(out, [&tape, x, out, U, C, B, row] {
    const T* out_bar = tape.bar(out);
    const Bar<T> bar = tape.bar_for_writing(x.n);
    for (int u = 0; u < U; ++u)
      for (int c = 0; c < C; ++c)
        kernels<T>().add_to(out_bar + c * row + std::ptrdiff_t{u} * B, B, bar.accumulate,
                            bar.data + (std::ptrdiff_t{u} * C + c) * B);
  });
  return out;
}

namespace {

constexpr std::size_t kMaxPieces = 4;

template <class T>
struct ConcatNorm {
  std::array<Var<T>, kMaxPieces> pieces;
  std::size_t num_pieces = 0;
  Var<T> offset, out;
  T *mean, *inv;  // [U,C] whatever the moments are over
  int U, C, B;
  NormOver over;

  std::ptrdiff_t at(int u, int c) const { return (std::ptrdiff_t{u} * C + c) * B; }
  T hat(int u, int c, int b) const { return out.data[at(u, c) + b] - offset.data[c]; }
};

// Calls visit(u, number of the piece, its first channel) for every unit and piece.
template <class T, class Visit>
void for_pieces(const ConcatNorm<T>& s, const Visit& visit) {
  for (int u = 0; u < s.U; ++u) {
    int first = 0;
    for (std::size_t p = 0; p < s.num_pieces; ++p) {
      visit(u, p, first);
      first += s.pieces[p].channels();
    }
  }
}

// sums [U,C] of a unit's rows -> the mean over what the norm is over, in the same array.
template <class T>
void share_means(const ConcatNorm<T>& s, T* sums) {
  if (s.over == NormOver::kUnit) {
    for (int u = 0; u < s.U; ++u) {
      T* of_unit = sums + std::ptrdiff_t{u} * s.C;
      T sum = T(0);
      for (int c = 0; c < s.C; ++c) sum += of_unit[c];
      std::fill_n(of_unit, s.C, sum / (T(s.C) * T(s.B)));
    }
    return;
  }
  for (int c = 0; c < s.C; ++c) {
    T sum = T(0);
    for (int u = 0; u < s.U; ++u) sum += sums[std::ptrdiff_t{u} * s.C + c];
    for (int u = 0; u < s.U; ++u) sums[std::ptrdiff_t{u} * s.C + c] = sum / (T(s.U) * T(s.B));
  }
}

template <class T>
void concat_norm_forward(const ConcatNorm<T>& s, T eps) {
  const std::ptrdiff_t count = std::ptrdiff_t{s.U} * s.C;
  std::fill_n(s.mean, count, T(0));
  std::fill_n(s.inv, count, T(0));
  for_pieces(s, [&](int u, std::size_t p, int first) {
    const Var<T>& piece = s.pieces[p];
    kernels<T>().row_sums(piece.data + u * piece.unit_stride, piece.channels(), s.B,
                          s.mean + std::ptrdiff_t{u} * s.C + first);
  });
  share_means(s, s.mean);
  T* unused = s.out.data;  // its first C values; everything is written below
  for_pieces(s, [&](int u, std::size_t p, int first) {
    const Var<T>& piece = s.pieces[p];
    const std::ptrdiff_t at = std::ptrdiff_t{u} * s.C + first;
    std::fill_n(unused, piece.channels(), T(0));
    kernels<T>().row_moments(piece.data + u * piece.unit_stride, s.mean + at, piece.channels(), s.B,
                             unused, s.inv + at);
  });
  share_means(s, s.inv);
  for (std::ptrdiff_t i = 0; i < count; ++i) s.inv[i] = T(1) / std::sqrt(s.inv[i] + eps);
  for_pieces(s, [&](int u, std::size_t p, int first) {
    const Var<T>& piece = s.pieces[p];
    for (int c = 0; c < piece.channels(); ++c) {
      const T* row = piece.data + u * piece.unit_stride + std::ptrdiff_t{c} * s.B;
      const std::ptrdiff_t i = std::ptrdiff_t{u} * s.C + first + c;
      const T mean = s.mean[i], inv = s.inv[i], offset = s.offset.data[first + c];
      T* to = s.out.data + s.at(u, first + c);
      for (int b = 0; b < s.B; ++b) to[b] = (row[b] - mean) * inv + offset;
    }
  });
}

// x_bar = inv (y_bar - mean(y_bar) - hat mean(y_bar hat))
template <class T>
void concat_norm_backward(Tape<T>& tape, const ConcatNorm<T>& s) {
  const T* bars = tape.bar(s.out);
  const std::ptrdiff_t count = std::ptrdiff_t{s.U} * s.C;
  T *mean = tape.scratch(count), *along = tape.scratch(count);
  std::fill_n(mean, count, T(0));
  for (int u = 0; u < s.U; ++u) {
    kernels<T>().row_sums(bars + s.at(u, 0), s.C, s.B, mean + std::ptrdiff_t{u} * s.C);
    for (int c = 0; c < s.C; ++c) {
      const std::ptrdiff_t i = std::ptrdiff_t{u} * s.C + c;
      along[i] = kernels<T>().dot(bars + s.at(u, c), s.out.data + s.at(u, c), s.B) -
                 s.offset.data[c] * mean[i];
    }
    if (s.offset.needs_gradient())
      kernels<T>().add_to(mean + std::ptrdiff_t{u} * s.C, s.C, true, tape.bar(s.offset));
  }
  share_means(s, mean);
  share_means(s, along);
  std::array<Bar<T>, kMaxPieces> targets{};
  for (std::size_t p = 0; p < s.num_pieces; ++p)
    if (s.pieces[p].needs_gradient()) targets[p] = tape.bar_for_writing(s.pieces[p]);
  for_pieces(s, [&](int u, std::size_t p, int first) {
    const Var<T>& piece = s.pieces[p];
    if (targets[p].data == nullptr) return;
    for (int c = 0; c < piece.channels(); ++c) {
      const std::ptrdiff_t i = std::ptrdiff_t{u} * s.C + first + c;
      const T* bar = bars + s.at(u, first + c);
      T* to = targets[p].data + u * piece.unit_stride + std::ptrdiff_t{c} * s.B;
      for (int b = 0; b < s.B; ++b) {
        const T value = s.inv[i] * (bar[b] - mean[i] - s.hat(u, first + c, b) * along[i]);
        to[b] = targets[p].accumulate ? to[b] + value : value;
      }
    }
  });
}

}  // namespace

template <class T>
Var<T> concat_norm(Tape<T>& tape, std::initializer_list<Var<T>> pieces, const Var<T>& offset, T eps,
                   NormOver over) {
  METAPLASTIC_CHECK(pieces.size() >= 1 && pieces.size() <= kMaxPieces);
  ConcatNorm<T> s{};
  bool needs = offset.needs_gradient();
  for (const Var<T>& piece : pieces) {
    s.pieces[s.num_pieces++] = piece;
    METAPLASTIC_CHECK(piece.units() == s.pieces[0].units() &&
                      piece.examples() == s.pieces[0].examples());
    s.C += piece.channels();
    needs = needs || piece.needs_gradient();
  }
  METAPLASTIC_CHECK(offset.size() == s.C);
  s.U = s.pieces[0].units(), s.B = s.pieces[0].examples();
  s.offset = offset;
  s.over = over;
  s.mean = tape.scratch(std::ptrdiff_t{s.U} * s.C);
  s.inv = tape.scratch(std::ptrdiff_t{s.U} * s.C);
  s.out = tape.make(s.U, s.C, s.B, needs);
  concat_norm_forward(s, eps);
  tape.on_backward(s.out, [&tape, s] { concat_norm_backward(tape, s); });
  return s.out;
}

#define METAPLASTIC_INSTANTIATE(T)                                     \
  template Var<T> swap_units_and_channels(Tape<T>&, const Normed<T>&); \
  template Var<T> concat_norm(Tape<T>&, std::initializer_list<Var<T>>, const Var<T>&, T, NormOver);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
