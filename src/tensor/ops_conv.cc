#include <algorithm>
#include <cmath>
#include <optional>

#include "tensor/conv_rows.h"
#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Feed<T>::Feed(std::initializer_list<Var<T>> values) {
  METAPLASTIC_CHECK(values.size() >= 1 && values.size() <= kMaxPieces);
  std::copy(values.begin(), values.end(), pieces.begin());
  num_pieces = static_cast<int>(values.size());
  units = pieces[0].units();
  examples = pieces[0].examples();
  for (const Var<T>& value : values) {
    METAPLASTIC_CHECK(value.units() == units && value.examples() == examples);
    channels += value.channels();
    needs_gradient = needs_gradient || value.needs_gradient();
  }
}

template <class T>
Feed<T>::Feed(const Normed<T>& value) {
  normed[0] = value;
  num_normed = 1;
  units = value.n.units(), channels = value.n.channels(), examples = value.n.examples();
  needs_gradient = value.n.needs_gradient();
}

template <class T>
Feed<T>::Feed(const Normed<T>& value, const Normed<T>& added) : Feed(value) {
  METAPLASTIC_CHECK(value.n.dims == added.n.dims);
  normed[1] = added;
  num_normed = 2;
  needs_gradient = needs_gradient || added.n.needs_gradient();
}

namespace {

template <class T>
struct ConvCall {
  Axis axis;
  Feed<T> x;
  Var<T> a, bias;  // no data: no bias
  int first_column, taps, U, Ci, Co, B;

  std::ptrdiff_t unit_size() const { return std::ptrdiff_t{Co} * B; }
  bool needs_gradient() const {
    return x.needs_gradient || a.needs_gradient() || bias.needs_gradient();
  }
};

template <class T>
ConvCall<T> make_call(Axis axis, const Feed<T>& x, const Var<T>& a, int first, int count) {
  const int taps = a.rows() / x.channels;
  METAPLASTIC_CHECK(taps * x.channels == a.rows() && taps % 2 == 1);
  METAPLASTIC_CHECK(first >= 0 && first + count <= a.cols());
  return {axis, x, a, Var<T>{}, first, taps, x.units, x.channels, count, x.examples};
}

// y unit by unit; done(u, y of u) while it is in the cache.
template <class T, class Done>
void conv_forward(Tape<T>& tape, const ConvCall<T>& s, T* y, const Done& done) {
  ShiftedRows<T> x(tape, s.axis, s.taps, s.U, s.Ci, s.B);
  const int K = s.taps * s.Ci;
  const T** rows = static_cast<const T**>(tape.arena().allocate(sizeof(T*) * std::size_t(K)));
  const T* bias = s.bias.data ? s.bias.data + s.first_column : nullptr;
  for (int u = 0; u < s.U; ++u, y += s.unit_size()) {
    x.advance(u + 1, [&](int v, T* out, std::ptrdiff_t ld) { fill_unit(s.x, v, out, ld); });
    x.rows_of(u, rows);
    kernels<T>().linear_unit(rows, K, s.a.data + s.first_column, s.a.unit_stride, s.Co, s.B, bias,
                             nullptr, false, y);
    done(u, y);
  }
  tape.arena().release(rows, sizeof(T*) * std::size_t(K));
}

// The matrix of the adjoint: [taps Co, Ci], taps in reverse.
template <class T>
const T* reversed_transpose(Tape<T>& tape, const ConvCall<T>& s) {
  T* a_t = tape.scratch(std::ptrdiff_t{s.taps} * s.Co * s.Ci);
  for (int t = 0; t < s.taps; ++t)
    for (int ci = 0; ci < s.Ci; ++ci) {
      const T* from = s.a.data + (std::ptrdiff_t{t} * s.Ci + ci) * s.a.unit_stride + s.first_column;
      for (int co = 0; co < s.Co; ++co)
        a_t[(std::ptrdiff_t{s.taps - 1 - t} * s.Co + co) * s.Ci + ci] = from[co];
    }
  return a_t;
}

// Adds A^T y_bar to the bars of what was read, a unit at a time.
template <class T>
class FeedBars {
 public:
  FeedBars(Tape<T>& tape, const ConvCall<T>& s) : s_(s), a_t_(reversed_transpose(tape, s)) {
    const Feed<T>& x = s.x;
    for (int p = 0; p < x.num_pieces; ++p) add_target(tape, x.pieces[std::size_t(p)]);
    for (int i = 0; i < x.num_normed; ++i) add_target(tape, x.normed[std::size_t(i)].n);
    if (x.num_normed == 2) sum_ = tape.scratch(std::ptrdiff_t{s.Ci} * s.B);
  }
  void add(const T* const* rows, int u) const {
    if (sum_) {
      product(rows, 0, s_.Ci, {sum_, false});
      for (int i = 0; i < 2; ++i) {
        const Bar<T>& bar = bars_[std::size_t(i)];
        const std::ptrdiff_t size = std::ptrdiff_t{s_.Ci} * s_.B;
        if (bar.data) kernels<T>().add_to(sum_, size, bar.accumulate, bar.data + u * size);
      }
      return;
    }
    int first = 0;
    for (int i = 0; i < num_; ++i) {
      const Var<T>& target = targets_[std::size_t(i)];
      const Bar<T>& bar = bars_[std::size_t(i)];
      if (bar.data)
        product(rows, first, target.channels(),
                {bar.data + u * target.unit_stride, bar.accumulate});
      first += target.channels();
    }
  }

 private:
  void add_target(Tape<T>& tape, const Var<T>& target) {
    const auto at = static_cast<std::size_t>(num_++);
    targets_[at] = target;
    bars_[at] = target.needs_gradient() ? tape.bar_for_writing(target) : Bar<T>{nullptr, false};
  }
  void product(const T* const* rows, int first, int count, Bar<T> out) const {
    kernels<T>().linear_unit(rows, s_.taps * s_.Co, a_t_ + first, s_.Ci, count, s_.B, nullptr,
                             nullptr, out.accumulate, out.data);
  }
  const ConvCall<T>& s_;
  const T* a_t_;
  std::array<Var<T>, Feed<T>::kMaxPieces> targets_;
  std::array<Bar<T>, Feed<T>::kMaxPieces> bars_{};
  int num_ = 0;
  T* sum_ = nullptr;
};

// Blocks of units: the rows read and the bars of y in the cache, for both adjoints. y_bar_of(u,
// out) writes the bar [Co,B] of y's unit u.
template <class T, class YBar>
void conv_backward(Tape<T>& tape, const ConvCall<T>& s, const YBar& y_bar_of) {
  const int K = s.taps * s.Ci;
  ShiftedRows<T> x(tape, s.axis, s.taps, s.U, s.Ci, s.B);
  ShiftedRows<T> y_bar(tape, s.axis, s.taps, s.U, s.Co, s.B);
  T* flat = y_bar.contiguous() ? nullptr : tape.scratch(kBlock * s.unit_size());
  const auto flat_unit = [&](int u) {
    return flat ? flat + (u % kBlock) * s.unit_size() : y_bar.unit(u);
  };
  const auto fill_bar = [&](int u, T* out, std::ptrdiff_t ld) {
    y_bar_of(u, flat_unit(u));
    if (flat)
      for (int co = 0; co < s.Co; ++co)
        std::copy_n(flat_unit(u) + std::ptrdiff_t{co} * s.B, s.B, out + co * ld);
  };
  T* a_bar = s.a.needs_gradient() ? tape.bar(s.a) + s.first_column : nullptr;
  T* bias_bar = s.bias.needs_gradient() ? tape.bar(s.bias) + s.first_column : nullptr;
  const auto pointers = static_cast<std::ptrdiff_t>(kBlock * (K + 1) + s.taps * s.Co);
  const T** rows =
      static_cast<const T**>(tape.arena().allocate(sizeof(T*) * std::size_t(pointers)));
  const T** bars = rows + std::ptrdiff_t{kBlock} * K;
  const T** bar_rows = bars + kBlock;
  std::optional<FeedBars<T>> feed;
  if (s.x.needs_gradient) feed.emplace(tape, s);
  for (int u0 = 0; u0 < s.U; u0 += kBlock) {
    const int count = std::min(kBlock, s.U - u0);
    y_bar.advance(u0 + count, fill_bar);
    if (a_bar)
      x.advance(u0 + count, [&](int v, T* out, std::ptrdiff_t ld) { fill_unit(s.x, v, out, ld); });
    for (int i = 0; i < count; ++i) {
      if (a_bar) x.rows_of(u0 + i, rows + std::ptrdiff_t{i} * K);
      bars[i] = flat_unit(u0 + i);
      if (bias_bar) kernels<T>().row_sums(bars[i], s.Co, s.B, bias_bar);
      if (!feed) continue;
      y_bar.rows_of(u0 + i, bar_rows);
      feed->add(bar_rows, u0 + i);
    }
    if (a_bar)
      kernels<T>().linear_weight_vjp(rows, bars, count, K, s.Co, s.B, a_bar, s.a.unit_stride);
  }
}

}  // namespace

template <class T>
Var<T> conv(Tape<T>& tape, Axis axis, const Feed<T>& x, const Var<T>& a, const Var<T>& bias,
            int first_column, int num_columns) {
  METAPLASTIC_CHECK(bias.size() == a.cols());
  ConvCall<T> s = make_call(axis, x, a, first_column, num_columns < 0 ? a.cols() : num_columns);
  s.bias = bias;
  const Var<T> y = tape.make(s.U, s.Co, s.B, s.needs_gradient());
  conv_forward(tape, s, y.data, [](int, const T*) {});
  tape.on_backward(y, [&tape, s, y] {
    const T* bars = tape.bar(y);
    conv_backward(
        tape, s, [&](int u, T* out) { std::copy_n(bars + u * s.unit_size(), s.unit_size(), out); });
  });
  return y;
}

namespace {

// Moments of y while its units are made. Squares are taken about the mean of the first unit (or of
// the unit itself), so that a mean far from zero costs no digits.
template <class T>
class Moments {
 public:
  Moments(Tape<T>& tape, NormOver over, T eps, int U, int C, int B)
      : over_(over), eps_(eps), U_(U), C_(C), B_(B) {
    const int count = over == NormOver::kUnit ? U * C : C;
    mean_ = tape.scratch(count);
    inv_ = tape.scratch(count);
    center_ = tape.scratch(C);
    squares_ = tape.scratch(C);
    sums_ = tape.scratch(C);
    clear();
  }
  void add(int u, const T* y) {
    if (over_ == NormOver::kUnit || u == 0) {
      if (over_ == NormOver::kUnit) clear();
      std::fill_n(center_, C_, T(0));
      kernels<T>().row_sums(y, C_, B_, center_);
      for (int c = 0; c < C_; ++c) center_[c] /= T(B_);
    }
    if (over_ == NormOver::kLayer) {
      kernels<T>().row_moments(y, center_, C_, B_, sums_, squares_);
      return;
    }
    T mean = T(0), square = T(0);
    for (int c = 0; c < C_; ++c) mean += center_[c] / T(C_);
    std::fill_n(center_, C_, mean);
    kernels<T>().row_moments(y, center_, C_, B_, sums_, squares_);
    for (int c = 0; c < C_; ++c) square += squares_[c];
    std::fill_n(mean_ + std::ptrdiff_t{u} * C_, C_, mean);
    std::fill_n(inv_ + std::ptrdiff_t{u} * C_, C_,
                T(1) / std::sqrt(square / (T(C_) * T(B_)) + eps_));
  }
  void finish() {
    if (over_ == NormOver::kUnit) return;
    const T share = T(1) / (T(U_) * T(B_));
    for (int c = 0; c < C_; ++c) {
      mean_[c] = sums_[c] * share;
      const T off = mean_[c] - center_[c];
      inv_[c] = T(1) / std::sqrt(std::max(T(0), squares_[c] * share - off * off) + eps_);
    }
  }
  const T* mean() const { return mean_; }
  const T* inv() const { return inv_; }
  std::ptrdiff_t stride() const { return over_ == NormOver::kUnit ? C_ : 0; }

 private:
  void clear() {
    std::fill_n(sums_, C_, T(0));
    std::fill_n(squares_, C_, T(0));
  }
  NormOver over_;
  T eps_;
  int U_, C_, B_;
  T *mean_, *inv_, *center_, *squares_, *sums_;
};

// What the adjoint of norm + ReLU subtracts: means of g and of g hat, [C] or [U,C].
template <class T>
struct BarMeans {
  T *g, *gx;
  std::ptrdiff_t stride;
};

template <class T>
BarMeans<T> bar_means(Tape<T>& tape, const Normed<T>& x, const T* n_bar) {
  const int U = x.n.units(), C = x.n.channels(), B = x.n.examples();
  const int blocks = x.stride != 0 ? U : 1;
  BarMeans<T> means{tape.scratch(std::ptrdiff_t{blocks} * C),
                    tape.scratch(std::ptrdiff_t{blocks} * C), x.stride};
  std::fill_n(means.g, blocks * C, T(0));
  std::fill_n(means.gx, blocks * C, T(0));
  for (int u = 0; u < U; ++u) {
    const std::ptrdiff_t at = std::ptrdiff_t{u} * C * B;
    kernels<T>().norm_relu_sums(x.y + at, n_bar + at, x.mean + u * x.stride, x.inv + u * x.stride,
                                x.offset.data, C, B, means.g + u * x.stride,
                                means.gx + u * x.stride);
  }
  T* offset_bar = x.offset.needs_gradient() ? tape.bar(x.offset) : nullptr;
  for (int i = 0; i < blocks; ++i) {
    T *g = means.g + std::ptrdiff_t{i} * C, *gx = means.gx + std::ptrdiff_t{i} * C;
    if (offset_bar) kernels<T>().add_to(g, C, true, offset_bar);
    if (x.stride == 0) {
      for (int c = 0; c < C; ++c) g[c] /= T(U) * T(B), gx[c] /= T(U) * T(B);
    } else {
      T sum = T(0), sum_x = T(0);
      for (int c = 0; c < C; ++c) sum += g[c], sum_x += gx[c];
      std::fill_n(g, C, sum / (T(C) * T(B)));
      std::fill_n(gx, C, sum_x / (T(C) * T(B)));
    }
  }
  return means;
}

}  // namespace

template <class T>
Normed<T> conv_norm_relu(Tape<T>& tape, Axis axis, const Feed<T>& x, const Var<T>& a,
                         const Var<T>& offset, T eps, NormOver over) {
  METAPLASTIC_CHECK(offset.size() == a.cols());
  const ConvCall<T> s = make_call(axis, x, a, 0, a.cols());
  const std::ptrdiff_t size = s.U * s.unit_size();
  T* y = tape.scratch(size);
  Moments<T> moments(tape, over, eps, s.U, s.Co, s.B);
  conv_forward(tape, s, y, [&](int u, const T* unit) { moments.add(u, unit); });
  moments.finish();
  Normed<T> result;
  result.n = s.needs_gradient() || offset.needs_gradient() ? tape.leaf(nullptr, s.U, s.Co, s.B)
                                                           : tape.constant(nullptr, s.U, s.Co, s.B);
  result.y = y;
  result.mean = moments.mean();
  result.inv = moments.inv();
  result.stride = moments.stride();
  result.offset = offset;
  tape.on_backward(result.n, [&tape, s, result, y, size] {
    const T* n_bar = tape.bar(result.n);
    const BarMeans<T> means = bar_means(tape, result, n_bar);
    if (!s.needs_gradient()) return;
    conv_backward(tape, s, [&](int u, T* out) {
      const std::ptrdiff_t at = u * s.unit_size();
      kernels<T>().norm_relu_vjp(result.y + at, n_bar + at, result.mean + u * result.stride,
                                 result.inv + u * result.stride, result.offset.data,
                                 means.g + u * means.stride, means.gx + u * means.stride, s.Co, s.B,
                                 false, out);
    });
    tape.arena().release(y, static_cast<std::size_t>(size) * sizeof(T));
  });
  return result;
}

#define METAPLASTIC_INSTANTIATE(T)                                                                \
  template struct Feed<T>;                                                                        \
  template Var<T> conv(Tape<T>&, Axis, const Feed<T>&, const Var<T>&, const Var<T>&, int, int);   \
  template Normed<T> conv_norm_relu(Tape<T>&, Axis, const Feed<T>&, const Var<T>&, const Var<T>&, \
                                    T, NormOver);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
