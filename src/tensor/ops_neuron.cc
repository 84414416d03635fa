#include <algorithm>
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {
namespace {

constexpr int kMaxPieces = 4;

template <class T>
struct LinearCall {
  std::array<Var<T>, kMaxPieces> pieces;
  int num_pieces;
  Var<T> a, bias, unit_offset, example_offset;  // offsets without data are absent
  Var<T> y;
  int U, K, Co, B, first_column;

  // Pointers to the K rows of B examples of unit u, over all pieces in order.
  void rows_of(int u, const T** rows) const {
    for (int p = 0; p < num_pieces; ++p) {
      const Var<T>& piece = pieces[static_cast<std::size_t>(p)];
      const T* row = piece.data + u * piece.unit_stride;
      for (int c = 0; c < piece.channels(); ++c, row += B) *rows++ = row;
    }
  }
};

template <class T>
void linear_forward(Tape<T>& tape, const LinearCall<T>& s) {
  const T** rows =
      static_cast<const T**>(tape.arena().allocate(sizeof(T*) * static_cast<std::size_t>(s.K)));
  T* offset = tape.scratch(s.Co);
  for (int u = 0; u < s.U; ++u) {
    std::fill_n(offset, s.Co, T(0));
    if (s.bias.data) kernels<T>().add_to(s.bias.data + s.first_column, s.Co, true, offset);
    if (s.unit_offset.data) {
      kernels<T>().add_to(s.unit_offset.data + u * s.unit_offset.unit_stride, s.Co, true, offset);
    }
    s.rows_of(u, rows);
    kernels<T>().linear_unit(rows, s.K, s.a.data + s.first_column, s.a.unit_stride, s.Co, s.B,
                             offset, s.example_offset.data, false, s.y.data + u * s.y.unit_stride);
  }
}

// Adjoints of the pieces: piece_bar[u] (+)= A[k,:] y_bar[u], the same kernel with A transposed.
template <class T>
void linear_pieces_vjp(Tape<T>& tape, const LinearCall<T>& s, const T* y_bar) {
  T* a_t = tape.scratch(std::ptrdiff_t{s.K} * s.Co);  // [Co,K]
  for (int k = 0; k < s.K; ++k)
    for (int co = 0; co < s.Co; ++co)
      a_t[co * s.K + k] = s.a.data[k * s.a.unit_stride + s.first_column + co];
  std::array<Bar<T>, kMaxPieces> bars{};
  for (int p = 0; p < s.num_pieces; ++p) {
    const auto at = static_cast<std::size_t>(p);
    if (s.pieces[at].needs_gradient()) bars[at] = tape.bar_for_writing(s.pieces[at]);
  }
  const T** rows =
      static_cast<const T**>(tape.arena().allocate(sizeof(T*) * static_cast<std::size_t>(s.Co)));
  for (int u = 0; u < s.U; ++u) {
    for (int co = 0; co < s.Co; ++co) rows[co] = y_bar + (std::ptrdiff_t{u} * s.Co + co) * s.B;
    int k = 0;
    for (int p = 0; p < s.num_pieces; ++p) {
      const auto at = static_cast<std::size_t>(p);
      const Var<T>& piece = s.pieces[at];
      if (bars[at].data) {
        kernels<T>().linear_unit(rows, s.Co, a_t + k, s.K, piece.channels(), s.B, nullptr, nullptr,
                                 bars[at].accumulate, bars[at].data + u * piece.unit_stride);
      }
      k += piece.channels();
    }
  }
}

// Adjoint of A, over blocks of units that stay in the second-level cache.
template <class T>
void linear_weight_bar(Tape<T>& tape, const LinearCall<T>& s, const T* y_bar) {
  constexpr int kBlock = 8;
  T* a_bar = tape.bar(s.a) + s.first_column;
  const auto pointers = static_cast<std::size_t>(s.K + 1) * kBlock;
  const T** rows = static_cast<const T**>(tape.arena().allocate(sizeof(T*) * pointers));
  const T** bars = rows + std::ptrdiff_t{s.K} * kBlock;
  for (int u0 = 0; u0 < s.U; u0 += kBlock) {
    const int count = std::min(kBlock, s.U - u0);
    for (int i = 0; i < count; ++i) {
      s.rows_of(u0 + i, rows + std::ptrdiff_t{i} * s.K);
      bars[i] = y_bar + std::ptrdiff_t{u0 + i} * s.Co * s.B;
    }
    kernels<T>().linear_weight_vjp(rows, bars, count, s.K, s.Co, s.B, a_bar, s.a.unit_stride);
  }
}

template <class T>
void linear_offsets_vjp(Tape<T>& tape, const LinearCall<T>& s, const T* y_bar) {
  T* bias_bar = s.bias.needs_gradient() ? tape.bar(s.bias) + s.first_column : nullptr;
  T* unit_bar = s.unit_offset.needs_gradient() ? tape.bar(s.unit_offset) : nullptr;
  T* example_bar = s.example_offset.needs_gradient() ? tape.bar(s.example_offset) : nullptr;
  T* sums = tape.scratch(s.Co);
  for (int u = 0; u < s.U; ++u, y_bar += std::ptrdiff_t{s.Co} * s.B) {
    if (bias_bar || unit_bar) {
      std::fill_n(sums, s.Co, T(0));
      kernels<T>().row_sums(y_bar, s.Co, s.B, sums);
    }
    if (bias_bar) kernels<T>().add_to(sums, s.Co, true, bias_bar);
    if (unit_bar) kernels<T>().add_to(sums, s.Co, true, unit_bar + u * s.unit_offset.unit_stride);
    if (example_bar) kernels<T>().add_to(y_bar, std::ptrdiff_t{s.Co} * s.B, true, example_bar);
  }
}

}  // namespace

template <class T>
Var<T> linear(Tape<T>& tape, std::initializer_list<Var<T>> pieces, const Var<T>& a,
              const LinearExtras<T>& extras) {
  METAPLASTIC_CHECK(pieces.size() >= 1 && pieces.size() <= kMaxPieces);
  LinearCall<T> s{};
  std::copy(pieces.begin(), pieces.end(), s.pieces.begin());
  s.num_pieces = static_cast<int>(pieces.size());
  s.a = a;
  s.U = s.pieces[0].units();
  s.B = s.pieces[0].examples();
  s.first_column = extras.first_column;
  s.Co = extras.num_columns < 0 ? a.cols() : extras.num_columns;
  METAPLASTIC_CHECK(s.first_column >= 0 && s.first_column + s.Co <= a.cols());
  bool needs = a.needs_gradient();
  for (const Var<T>& piece : pieces) {
    METAPLASTIC_CHECK(piece.units() == s.U && piece.examples() == s.B);
    s.K += piece.channels();
    needs = needs || piece.needs_gradient();
  }
  METAPLASTIC_CHECK(a.rows() == s.K);
  if (extras.bias) s.bias = *extras.bias;
  if (extras.unit_offset) s.unit_offset = *extras.unit_offset;
  if (extras.example_offset) s.example_offset = *extras.example_offset;
  METAPLASTIC_CHECK(!extras.bias || s.bias.size() == a.cols());
  METAPLASTIC_CHECK(!extras.unit_offset ||
                    (s.unit_offset.rows() == s.U && s.unit_offset.cols() == s.Co));
  METAPLASTIC_CHECK(!extras.example_offset ||
                    s.example_offset.size() == std::ptrdiff_t{s.Co} * s.B);
  needs = needs || s.bias.needs_gradient() || s.unit_offset.needs_gradient() ||
          s.example_offset.needs_gradient();
  s.y = tape.make(s.U, s.Co, s.B, needs);
  linear_forward(tape, s);
  tape.on_backward(s.y, [&tape, s] {
    const T* y_bar = tape.bar(s.y);
    linear_pieces_vjp(tape, s, y_bar);
    if (s.a.needs_gradient()) linear_weight_bar(tape, s, y_bar);
    linear_offsets_vjp(tape, s, y_bar);
  });
  return s.y;
}

template <class T>
Var<T> gate_add(Tape<T>& tape, const Var<T>& x, const Var<T>& gate, const Var<T>& z) {
  METAPLASTIC_CHECK(x.dims == z.dims && gate.units() == x.units() && gate.channels() == 1);
  const int U = x.units(), C = x.channels(), B = x.examples();
  const bool needs = x.needs_gradient() || gate.needs_gradient() || z.needs_gradient();
  const Var<T> y = tape.make(U, C, B, needs);
  for (int u = 0; u < U; ++u) {
    kernels<T>().gate_add_unit(x.data + u * x.unit_stride, gate.data + u * gate.unit_stride,
                               z.data + u * z.unit_stride, C, B, y.data + u * y.unit_stride);
  }
  tape.on_backward(y, [&tape, x, gate, z, y, U, C, B] {
    const T* y_bar = tape.bar(y);
    // The kernel makes both factors' adjoints; that of a constant goes to scratch.
    const auto bar_of = [&](const Var<T>& factor) {
      return factor.needs_gradient() ? tape.bar_for_writing(factor)
                                     : Bar<T>{tape.scratch(factor.size() / U), false};
    };
    // A gate that is a channel of x is added to while x_bar is written: that starts from zero.
    const bool shared = x.needs_gradient() && x.id == gate.id;
    const Bar<T> x_bar = shared ? Bar<T>{tape.bar(x), true} : bar_of(x), gate_bar = bar_of(gate);
    const std::ptrdiff_t x_step = x.needs_gradient() ? x.unit_stride : 0;
    const std::ptrdiff_t gate_step = gate.needs_gradient() ? gate.unit_stride : 0;
    for (int u = 0; u < U; ++u) {
      kernels<T>().gate_add_vjp(x.data + u * x.unit_stride, gate.data + u * gate.unit_stride,
                                y_bar + u * y.unit_stride, C, B, x_bar.accumulate,
                                x_bar.data + u * x_step, gate_bar.accumulate,
                                gate_bar.data + u * gate_step);
    }
    if (!z.needs_gradient()) return;
    const Bar<T> z_bar = tape.bar_for_writing(z);
    for (int u = 0; u < U; ++u) {
      kernels<T>().add_to(y_bar + u * y.unit_stride, std::ptrdiff_t{C} * B, z_bar.accumulate,
                          z_bar.data + u * z.unit_stride);
    }
  });
  return y;
}

template <class T>
Var<T> rms_channels(Tape<T>& tape, const Var<T>& x, T eps) {
  const int U = x.units(), C = x.channels(), B = x.examples();
  const Var<T> y = tape.make(U, C, B, x.needs_gradient());
  T* inv = tape.scratch(std::ptrdiff_t{U} * B);  // [U,B]
  for (int u = 0; u < U; ++u) {
    kernels<T>().rms_channels_unit(x.data + u * x.unit_stride, C, B, eps,
                                   y.data + u * y.unit_stride, inv + std::ptrdiff_t{u} * B);
  }
  tape.on_backward(y, [&tape, x, y, inv, U, C, B] {
    const T* y_bar = tape.bar(y);
    const Bar<T> bar = tape.bar_for_writing(x);
    for (int u = 0; u < U; ++u) {
      kernels<T>().rms_channels_vjp(y.data + u * y.unit_stride, y_bar + u * y.unit_stride,
                                    inv + std::ptrdiff_t{u} * B, C, B, bar.accumulate,
                                    bar.data + u * x.unit_stride);
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                                 \
  template Var<T> linear(Tape<T>&, std::initializer_list<Var<T>>, const Var<T>&,   \
                         const LinearExtras<T>&);                                  \
  template Var<T> gate_add(Tape<T>&, const Var<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> rms_channels(Tape<T>&, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
