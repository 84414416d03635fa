#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {
namespace {

// sums[j] = sum over rows of x z, both [rows,cols].
template <class T>
void column_dots(const Tape<T>& tape, const T* x, const T* z, int rows, int cols, T* sums) {
  tape.in_pieces(cols, kPackMultiple, double(rows) * cols, [&](int, int first, int last) {
    kernels<T>().column_dots(x + first, z + first, rows, last - first, cols, sums + first);
  });
}

// sums[j], squares[j] <- over the rows of w, in their order.
template <class T>
void sums_of_columns(const Tape<T>& tape, const Var<T>& w, T* sums, T* squares) {
  const int rows = w.rows(), cols = w.cols();
  tape.in_pieces(cols, kPackMultiple, 2.0 * double(w.size()), [&](int, int first, int last) {
    std::fill(sums + first, sums + last, T(0));
    std::fill(squares + first, squares + last, T(0));
    for (int i = 0; i < rows; ++i) {
      const T* const row = w.data + std::ptrdiff_t{i} * cols;
      for (int j = first; j < last; ++j) sums[j] += row[j];
      for (int j = first; j < last; ++j) squares[j] += row[j] * row[j];
    }
  });
}

// The same over columns, some rows at a time, which fill the time that an addition takes.
template <class T>
void sums_of_rows(const Tape<T>& tape, const Var<T>& w, T* sums, T* squares) {
  constexpr int kTogether = 8;
  const int rows = w.rows(), cols = w.cols();
  const auto add = [&](int first, int count) {
    std::array<T, kTogether> sum{}, square{};
    const T* const from = w.data + std::ptrdiff_t{first} * cols;
    for (int j = 0; j < cols; ++j)
      for (int r = 0; r < count; ++r) {
        const auto at = static_cast<std::size_t>(r);
        const T value = from[std::ptrdiff_t{r} * cols + j];
        sum[at] += value, square[at] += value * value;
      }
    std::copy_n(sum.begin(), count, sums + first);
    std::copy_n(square.begin(), count, squares + first);
  };
  tape.in_pieces(rows, kTogether, 8.0 * double(w.size()), [&](int, int first, int last) {
    int i = first;
    for (; i + kTogether <= last; i += kTogether) add(i, kTogether);
    for (; i < last; ++i) add(i, 1);
  });
}

template <class T>
Var<T> rms_normalise_all(Tape<T>& tape, const Var<T>& x, T offset) {
  const std::ptrdiff_t n = x.size();
  const Var<T> y = tape.make(x.rows(), x.cols(), x.needs_gradient());
  const T inv = T(1) / std::sqrt(kernels<T>().dot(x.data, x.data, n) / T(n) + offset);
  kernels<T>().axpy(inv, x.data, n, false, y.data);
  tape.on_backward(y, [&tape, x, y, inv, n] {
    // x_bar = inv (y_bar - y mean(y_bar y))
    const T* y_bar = tape.bar(y);
    const T mean = kernels<T>().dot(y_bar, y.data, n) / T(n);
    const Bar<T> bar = tape.bar_for_writing(x);
    kernels<T>().axpy(inv, y_bar, n, bar.accumulate, bar.data);
    kernels<T>().axpy(-inv * mean, y.data, n, true, bar.data);
  });
  return y;
}

template <class T>
Var<T> rms_normalise_columns(Tape<T>& tape, const Var<T>& x, T offset) {
  const int rows = x.rows(), cols = x.cols();
  const Var<T> y = tape.make(rows, cols, x.needs_gradient());
  T* inv = tape.scratch(cols);  // [cols]
  column_dots(tape, x.data, x.data, rows, cols, inv);
  for (int j = 0; j < cols; ++j) inv[j] = T(1) / std::sqrt(inv[j] / T(rows) + offset);
  tape.in_pieces(rows, 1, double(rows) * cols, [&](int, int first, int last) {
    const std::ptrdiff_t at = std::ptrdiff_t{first} * cols;
    kernels<T>().scale_columns(x.data + at, inv, last - first, cols, y.data + at);
  });
  T* mean = y.needs_gradient() ? tape.scratch(cols) : nullptr;
  tape.on_backward(y, [&tape, x, y, inv, mean, rows, cols] {
    const T* y_bar = tape.bar(y);
    kernels<T>().column_dots(y_bar, y.data, rows, cols, cols, mean);
    for (int j = 0; j < cols; ++j) mean[j] /= T(rows);
    const Bar<T> bar = tape.bar_for_writing(x);
    kernels<T>().scale_columns_vjp(y.data, y_bar, inv, mean, rows, cols, bar.accumulate, bar.data);
  });
  return y;
}

}  // namespace

template <class T>
Var<T> rms_normalise(Tape<T>& tape, const Var<T>& x, Over over, T offset) {
  METAPLASTIC_CHECK(x.channels() == 1 && x.contiguous());
  return over == Over::kAll ? rms_normalise_all(tape, x, offset)
                            : rms_normalise_columns(tape, x, offset);
}

template <class T>
Var<T> remove_shrinking(Tape<T>& tape, const Var<T>& step, const Var<T>& w) {
  METAPLASTIC_CHECK(step.dims == w.dims && step.contiguous() && w.contiguous());
  const int rows = w.rows(), cols = w.cols();
  const Var<T> y = tape.make(rows, cols, step.needs_gradient() || w.needs_gradient());
  T* along = tape.scratch(cols);  // relu(mean over rows of step w), [cols]
  column_dots(tape, step.data, w.data, rows, cols, along);
  for (int j = 0; j < cols; ++j) along[j] = std::max(T(0), along[j] / T(rows));
  tape.in_pieces(rows, 1, double(rows) * cols, [&](int, int first, int last) {
    for (int i = first; i < last; ++i) {
      const std::ptrdiff_t row = std::ptrdiff_t{i} * cols;
      const T *step_row = step.data + row, *w_row = w.data + row;
      T* y_row = y.data + row;
      for (int j = 0; j < cols; ++j) y_row[j] = step_row[j] - w_row[j] * along[j];
    }
  });
  T* along_bar = y.needs_gradient() ? tape.scratch(cols) : nullptr;
  tape.on_backward(y, [&tape, step, w, y, along, along_bar, rows, cols] {
    // along_bar = -sum y_bar w where the relu is open; step_bar = y_bar + w along_bar / rows;
    // w_bar = -y_bar along + step along_bar / rows.
    const T* y_bar = tape.bar(y);
    kernels<T>().column_dots(y_bar, w.data, rows, cols, cols, along_bar);
    for (int j = 0; j < cols; ++j) along_bar[j] = along[j] > T(0) ? -along_bar[j] / T(rows) : T(0);
    T* step_bar = step.needs_gradient() ? tape.bar(step) : nullptr;
    T* w_bar = w.needs_gradient() ? tape.bar(w) : nullptr;
    for (int i = 0; i < rows; ++i) {
      const std::ptrdiff_t row = std::ptrdiff_t{i} * cols;
      const T *bar = y_bar + row, *w_row = w.data + row, *step_row = step.data + row;
      if (T* const out = step_bar ? step_bar + row : nullptr)
        for (int j = 0; j < cols; ++j) out[j] += bar[j] + w_row[j] * along_bar[j];
      if (T* const out = w_bar ? w_bar + row : nullptr)
        for (int j = 0; j < cols; ++j) out[j] += step_row[j] * along_bar[j] - bar[j] * along[j];
    }
  });
  return y;
}

namespace {

// w_bar += start + slope w, a line for each column (incoming) or row.
template <class T>
void add_lines(const Var<T>& w, bool incoming, const T* start, const T* slope, T* w_bar) {
  for (int i = 0; i < w.rows(); ++i) {
    const std::ptrdiff_t at = std::ptrdiff_t{i} * w.cols();
    const T* row = w.data + at;
    T* bar = w_bar + at;
    if (incoming) {
      for (int j = 0; j < w.cols(); ++j) bar[j] += start[j] + slope[j] * row[j];
    } else {
      for (int j = 0; j < w.cols(); ++j) bar[j] += start[i] + slope[i] * row[j];
    }
  }
}

}  // namespace

template <class T>
Var<T> weight_statistics(Tape<T>& tape, const Var<T>* w_in, const Var<T>* w_out, T eps) {
  METAPLASTIC_CHECK(w_in != nullptr || w_out != nullptr);
  const int U = w_in ? w_in->cols() : w_out->rows();
  METAPLASTIC_CHECK(!w_in || !w_out || w_out->rows() == U);
  const bool needs = (w_in && w_in->needs_gradient()) || (w_out && w_out->needs_gradient());
  const Var<T> y = tape.make(U, 4, needs);
  // Sums and sums of squares, [U] each, in columns 0 and 1 for incoming, 2 and 3 for outgoing.
  T* const sums = tape.scratch(std::ptrdiff_t{2} * U);
  T* const squares = sums + U;
  const auto write = [&](int num_weights, int column) {
    const T share = T(1) / T(num_weights);
    for (int u = 0; u < U; ++u) {
      T* out = y.data + std::ptrdiff_t{4} * u + column;
      out[0] = sums[u] * share;
      out[1] = std::sqrt(squares[u] * share + eps);
    }
  };
  if (w_in) {
    sums_of_columns(tape, *w_in, sums, squares);
    write(w_in->rows(), 0);
  }
  if (w_out) {
    sums_of_rows(tape, *w_out, sums, squares);
    write(w_out->cols(), 2);
  }
  tape.release_scratch(sums, std::ptrdiff_t{2} * U);
  for (int u = 0; u < U; ++u) {
    T* out = y.data + std::ptrdiff_t{4} * u;
    if (!w_in) out[0] = out[2], out[1] = out[3];
    if (!w_out) out[2] = out[0], out[3] = out[1];
  }
  const bool both = w_in && w_out;
  const Var<T> in = w_in ? *w_in : Var<T>{}, out = w_out ? *w_out : Var<T>{};
  tape.on_backward(y, [&tape, y, in, out, both, U] {
    T* const lines = tape.scratch(std::ptrdiff_t{2} * U);  // start and slope
    const T* y_bar = tape.bar(y);
    const auto spread = [&](const Var<T>& w, bool incoming, int column) {
      if (w.data == nullptr || !w.needs_gradient()) return;
      T *start = lines, *slope = lines + U;
      const T share = T(1) / T(incoming ? w.rows() : w.cols());
      for (std::ptrdiff_t u = 0; u < U; ++u) {
        const T* bar = y_bar + 4 * u;
        T mean_bar = bar[column], rms_bar = bar[column + 1];
        if (!both) mean_bar = bar[0] + bar[2], rms_bar = bar[1] + bar[3];
        start[u] = share * mean_bar;
        slope[u] = share * rms_bar / y.data[4 * u + column + 1];
      }
      add_lines(w, incoming, start, slope, tape.bar(w));
    };
    spread(in, true, 0);
    spread(out, false, 2);
    tape.release_scratch(lines, std::ptrdiff_t{2} * U);
  });
  return y;
}

template <class T>
Var<T> shift_to_nonnegative_mean(Tape<T>& tape, const Var<T>& s) {
  METAPLASTIC_CHECK(s.contiguous());
  const std::ptrdiff_t n = s.size();
  const Var<T> y = tape.make(s.dims[0], s.dims[1], s.dims[2], s.needs_gradient());
  T mean = T(0);
  for (std::ptrdiff_t i = 0; i < n; ++i) mean += s.data[i];
  mean /= T(n);
  const T shift = std::max(T(0), -mean);
  for (std::ptrdiff_t i = 0; i < n; ++i) y.data[i] = s.data[i] + shift;
  tape.on_backward(y, [&tape, s, y, n, shifted = shift > T(0)] {
    const T* y_bar = tape.bar(y);
    T mean_bar = T(0);
    if (shifted) {
      for (std::ptrdiff_t i = 0; i < n; ++i) mean_bar += y_bar[i];
      mean_bar /= T(n);
    }
    T* s_bar = tape.bar(s);
    for (std::ptrdiff_t i = 0; i < n; ++i) s_bar[i] += y_bar[i] - mean_bar;
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                              \
  template Var<T> rms_normalise(Tape<T>&, const Var<T>&, Over, T);              \
  template Var<T> remove_shrinking(Tape<T>&, const Var<T>&, const Var<T>&);     \
  template Var<T> weight_statistics(Tape<T>&, const Var<T>*, const Var<T>*, T); \
  template Var<T> shift_to_nonnegative_mean(Tape<T>&, const Var<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
