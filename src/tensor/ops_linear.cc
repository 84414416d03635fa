#include "tensor/ops_linear.h"

namespace metaplastic {

template <class T>
LinearCall<T>::LinearCall(std::initializer_list<Var<T>> inputs, const Var<T>& matrix,
                          const LinearExtras<T>& extras)
    : pieces{}, num_pieces(static_cast<int>(inputs.size())), a(matrix), K(0) {
  METAPLASTIC_CHECK(num_pieces >= 1 && num_pieces <= kMaxPieces);
  std::copy(inputs.begin(), inputs.end(), pieces.begin());
  U = pieces[0].units();
  B = pieces[0].examples();
  first_column = extras.first_column;
  Co = extras.num_columns < 0 ? a.cols() : extras.num_columns;
  METAPLASTIC_CHECK(first_column >= 0 && first_column + Co <= a.cols());
  for (const Var<T>& piece : inputs) {
    METAPLASTIC_CHECK(piece.units() == U && piece.examples() == B);
    K += piece.channels();
  }
  METAPLASTIC_CHECK(a.rows() == K);
  if (extras.bias) bias = *extras.bias;
  if (extras.unit_offset) unit_offset = *extras.unit_offset;
  if (extras.example_offset) example_offset = *extras.example_offset;
  METAPLASTIC_CHECK(!extras.bias || bias.size() == a.cols());
  METAPLASTIC_CHECK(!extras.unit_offset || (unit_offset.rows() == U && unit_offset.cols() == Co));
  METAPLASTIC_CHECK(!extras.example_offset || example_offset.size() == unit_size());
  // The adjoint of a piece is written while those of the others are added to.
  for (const Var<T>& piece : inputs) {
    for (const Var<T>& other : {a, bias, unit_offset, example_offset})
      METAPLASTIC_CHECK(!piece.needs_gradient() || piece.id != other.id);
  }
}

template <class T>
bool LinearCall<T>::needs_gradient() const {
  bool needs = a.needs_gradient() || bias.needs_gradient() || unit_offset.needs_gradient() ||
               example_offset.needs_gradient();
  for (const Var<T>& piece : pieces) needs = needs || piece.needs_gradient();
  return needs;
}

template <class T>
LinearForward<T>::LinearForward(Tape<T>& tape, const LinearCall<T>& call)
    : call_(call),
      rows_(tape.arena().template allocate_array<const T*>(
          static_cast<std::size_t>(tape.num_workers() * call.K))),
      offset_(tape.scratch(std::ptrdiff_t{tape.num_workers()} * call.Co)) {}

template <class T>
void LinearForward<T>::unit(int worker, int u, T* y) const {
  const LinearCall<T>& s = call_;
  T* offset = offset_ + std::ptrdiff_t{worker} * s.Co;
  const T** rows = rows_ + std::ptrdiff_t{worker} * s.K;
  std::fill_n(offset, s.Co, T(0));
  if (s.bias.data) kernels<T>().add_to(s.bias.data + s.first_column, s.Co, true, offset);
  if (s.unit_offset.data) {
    kernels<T>().add_to(s.unit_offset.data + u * s.unit_offset.unit_stride, s.Co, true, offset);
  }
  s.rows_of(u, rows);
  kernels<T>().linear_unit(rows, s.K, s.a.data + s.first_column, s.a.unit_stride, s.Co, s.B, offset,
                           s.example_offset.data, false, y);
}

template <class T>
LinearAdjoint<T>::LinearAdjoint(Tape<T>& tape, const LinearCall<T>& s) : tape_(tape), call_(s) {
  Arena& arena = tape.arena();
  const auto K = static_cast<std::size_t>(s.K), Co = static_cast<std::size_t>(s.Co);
  y_rows_ = arena.template allocate_array<const T*>(Co);
  piece_rows_ = arena.template allocate_array<T*>(K);
  accumulates_ = arena.template allocate_array<bool>(K);
  transposed_ = tape.scratch(std::ptrdiff_t{s.K} * s.Co);
  int k = 0;
  for (int p = 0; p < s.num_pieces; ++p) {
    const auto at = static_cast<std::size_t>(p);
    const Var<T>& piece = s.pieces[at];
    if (piece.needs_gradient()) {
      bars_[at] = tape.bar_for_writing(piece);
      for (int c = 0; c < piece.channels(); ++c, ++num_rows_) {
        accumulates_[num_rows_] = bars_[at].accumulate;
        for (int co = 0; co < s.Co; ++co)
          transposed_[co * s.K + num_rows_] =
              s.a.data[(k + c) * s.a.unit_stride + s.first_column + co];
      }
    }
    k += piece.channels();
  }
  ld_ = (s.Co + kPackMultiple - 1) / kPackMultiple * kPackMultiple;
  if (s.a.needs_gradient()) {
    a_bar_ = tape.bar(s.a) + s.first_column;
    sums_ = tape.scratch(s.K * ld_);
    std::fill_n(sums_, s.K * ld_, T(0));
    packed_ = tape.scratch(s.B * ld_);
  }
  if (s.bias.needs_gradient()) bias_bar_ = tape.bar(s.bias) + s.first_column;
  if (s.unit_offset.needs_gradient()) unit_bar_ = tape.bar(s.unit_offset);
  if (s.example_offset.needs_gradient()) example_bar_ = tape.bar(s.example_offset);
}

template <class T>
void LinearAdjoint<T>::unit_offsets(int u, const T* sums) {
  if (bias_bar_) kernels<T>().add_to(sums, call_.Co, true, bias_bar_);
  if (unit_bar_)
    kernels<T>().add_to(sums, call_.Co, true, unit_bar_ + u * call_.unit_offset.unit_stride);
}

// piece_bar[u] (+)= A[k,:] y_bar[u]: the kernel of the map, with A transposed.
template <class T>
void LinearAdjoint<T>::piece_bars(int u, const T* y_bar) {
  const LinearCall<T>& s = call_;
  for (int co = 0; co < s.Co; ++co) y_rows_[co] = y_bar + std::ptrdiff_t{co} * s.B;
  T** row = piece_rows_;
  for (int p = 0; p < s.num_pieces; ++p) {
    const auto at = static_cast<std::size_t>(p);
    if (!bars_[at].data) continue;
    T* bar = bars_[at].data + u * s.pieces[at].unit_stride;
    for (int c = 0; c < s.pieces[at].channels(); ++c, bar += s.B) *row++ = bar;
  }
  kernels<T>().linear_rows(y_rows_, s.Co, transposed_, s.K, num_rows_, s.B, piece_rows_,
                           accumulates_);
}

template <class T>
void LinearAdjoint<T>::weight_sums(int u, const T* y_bar) {
  const LinearCall<T>& s = call_;
  std::array<const T*, LinearCall<T>::kMaxPieces> units{};
  std::array<int, LinearCall<T>::kMaxPieces> channels{};
  for (std::size_t p = 0; p < static_cast<std::size_t>(s.num_pieces); ++p) {
    units[p] = s.pieces[p].data + u * s.pieces[p].unit_stride;
    channels[p] = s.pieces[p].channels();
  }
  kernels<T>().unit_weight_vjp(units.data(), channels.data(), s.num_pieces, y_bar, s.Co, s.B,
                               packed_, sums_, ld_);
}

template <class T>
void LinearAdjoint<T>::unit(int u, const T* y_bar) {
  if (num_rows_ > 0) piece_bars(u, y_bar);
  if (a_bar_) weight_sums(u, y_bar);
}

template <class T>
void LinearAdjoint<T>::finish() {
  const std::ptrdiff_t K = call_.K, Co = call_.Co;
  if (a_bar_) {
    for (int k = 0; k < K; ++k)
      kernels<T>().add_to(sums_ + k * ld_, Co, true, a_bar_ + k * call_.a.unit_stride);
    tape_.release_scratch(packed_, call_.B * ld_);
    tape_.release_scratch(sums_, K * ld_);
  }
  tape_.release_scratch(transposed_, K * Co);
  Arena& arena = tape_.arena();
  arena.release(accumulates_, static_cast<std::size_t>(K) * sizeof(bool));
  arena.release(piece_rows_, static_cast<std::size_t>(K) * sizeof(T*));
  arena.release(y_rows_, static_cast<std::size_t>(Co) * sizeof(T*));
}

template <class T>
Var<T> linear(Tape<T>& tape, std::initializer_list<Var<T>> pieces, const Var<T>& a,
              const LinearExtras<T>& extras) {
  const LinearCall<T> s(pieces, a, extras);
  const Var<T> y = tape.make(s.U, s.Co, s.B, s.needs_gradient());
  const LinearForward<T> map(tape, s);
  tape.in_pieces(s.U, 1, map.work(), [&](int worker, int first, int last) {
    for (int u = first; u < last; ++u) map.unit(worker, u, y.data + u * y.unit_stride);
  });
  tape.on_backward(y, [&tape, s, y] {
    LinearAdjoint<T> adjoint(tape, s);
    const T* y_bar = tape.bar(y);
    T* sums = tape.scratch(s.Co);
    for (int u = 0; u < s.U; ++u) {
      const T* unit = y_bar + u * s.unit_size();
      if (adjoint.needs_sums()) {
        std::fill_n(sums, s.Co, T(0));
        kernels<T>().row_sums(unit, s.Co, s.B, sums);
        adjoint.unit_offsets(u, sums);
      }
      if (adjoint.example_bar())
        kernels<T>().add_to(unit, s.unit_size(), true, adjoint.example_bar());
      adjoint.unit(u, unit);
    }
    tape.release_scratch(sums, s.Co);
    adjoint.finish();
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                               \
  template struct LinearCall<T>;                                                 \
  template class LinearForward<T>;                                               \
  template class LinearAdjoint<T>;                                               \
  template Var<T> linear(Tape<T>&, std::initializer_list<Var<T>>, const Var<T>&, \
                         const LinearExtras<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
