#include "tensor/ops_linear.h"

namespace metaplastic {
namespace {

// Examples whose rows and bars are at hand when the matrix's bar takes them: enough to hide the
// sums over lanes at the end, few enough for the cache.
constexpr int kExamplesOfBlock = 1024;

}  // namespace

template <class T>
LinearCall<T>::LinearCall(const Feed<T>& x, const Var<T>& matrix, const LinearExtras<T>& extras)
    : pieces(x.pieces),
      num_pieces(x.num_pieces),
      a(matrix),
      U(x.units),
      K(x.channels),
      B(x.examples) {
  if (x.num_normed > 0) {
    normed = x.normed[0];
    METAPLASTIC_CHECK(x.num_normed == 1 && normed.stride == 0 && !normed.offset.data);
    pieces[0] = normed.n;
    num_pieces = 1;
  }
  first_column = extras.first_column;
  Co = extras.num_columns < 0 ? a.cols() : extras.num_columns;
  METAPLASTIC_CHECK(first_column >= 0 && first_column + Co <= a.cols());
  METAPLASTIC_CHECK(a.rows() == K);
  if (extras.bias) bias = *extras.bias;
  if (extras.unit_offset) unit_offset = *extras.unit_offset;
  if (extras.example_offset) example_offset = *extras.example_offset;
  METAPLASTIC_CHECK(!extras.bias || bias.size() == a.cols());
  METAPLASTIC_CHECK(!extras.unit_offset || (unit_offset.rows() == U && unit_offset.cols() == Co));
  METAPLASTIC_CHECK(!extras.example_offset || example_offset.size() == unit_size());
  // The adjoint of a piece is written while those of the others are added to.
  for (const Var<T>& piece : pieces) {
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
      offset_(tape.scratch(std::ptrdiff_t{tape.num_workers()} * call.Co)),
      buffer_(tape.scratch(tape.num_workers() * call.buffer_size())) {}

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
  s.rows_of(u, rows, buffer_ + worker * s.buffer_size());
  kernels<T>().linear_unit(rows, s.K, s.a.data + s.first_column, s.a.unit_stride, s.Co, s.B, offset,
                           s.example_offset.data, false, y);
}

template <class T>
LinearAdjoint<T>::LinearAdjoint(Tape<T>& tape, const LinearCall<T>& s) : tape_(tape), call_(s) {
  Arena& arena = tape.arena();
  const auto K = static_cast<std::size_t>(s.K), Co = static_cast<std::size_t>(s.Co);
  block_ = std::clamp(kExamplesOfBlock / s.B, 1, s.U);
  const auto block = static_cast<std::size_t>(block_);
  x_rows_ = arena.template allocate_array<const T*>(block * K);
  buffer_ = tape.scratch(block_ * s.buffer_size());
  y_bars_ = arena.template allocate_array<const T*>(block);
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
  if (s.a.needs_gradient()) a_bar_ = tape.bar(s.a) + s.first_column;
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
void LinearAdjoint<T>::unit(int u, const T* y_bar) {
  if (num_rows_ > 0) piece_bars(u, y_bar);
  if (!a_bar_) return;
  const int at = u % block_;
  call_.rows_of(u, x_rows_ + std::ptrdiff_t{at} * call_.K, buffer_ + at * call_.buffer_size());
  y_bars_[at] = y_bar;
  if (at + 1 < block_ && u + 1 < call_.U) return;
  kernels<T>().linear_weight_vjp(x_rows_, y_bars_, at + 1, call_.K, call_.Co, call_.B, a_bar_,
                                 call_.a.unit_stride);
}

template <class T>
void LinearAdjoint<T>::finish() {
  const auto K = static_cast<std::size_t>(call_.K), Co = static_cast<std::size_t>(call_.Co);
  const auto block = static_cast<std::size_t>(block_);
  tape_.release_scratch(buffer_, block_ * call_.buffer_size());
  tape_.release_scratch(transposed_, std::ptrdiff_t{call_.K} * call_.Co);
  Arena& arena = tape_.arena();
  arena.release(accumulates_, K * sizeof(bool));
  arena.release(piece_rows_, K * sizeof(T*));
  arena.release(y_rows_, Co * sizeof(T*));
  arena.release(y_bars_, block * sizeof(T*));
  arena.release(x_rows_, block * K * sizeof(T*));
}

template <class T>
Var<T> linear(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
              const LinearExtras<T>& extras) {
  const LinearCall<T> s(x, a, extras);
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

#define METAPLASTIC_INSTANTIATE(T) \
  template struct LinearCall<T>;   \
  template class LinearForward<T>; \
  template class LinearAdjoint<T>; \
  template Var<T> linear(Tape<T>&, const LinearInput<T>&, const Var<T>&, const LinearExtras<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
