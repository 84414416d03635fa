#include <algorithm>
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> map(Tape<T>& tape, Unary function, const Var<T>& x) {
  METAPLASTIC_CHECK(x.contiguous());
  const Var<T> y = tape.make(x.dims[0], x.dims[1], x.dims[2], x.needs_gradient());
  T* slope = y.needs_gradient() ? tape.scratch(x.size()) : nullptr;
  // Activation functions cost some ten operations.
  tape.in_pieces(static_cast<int>(x.size()), kPackMultiple, 8.0 * double(x.size()),
                 [&](int, int first, int last) {
                   kernels<T>().map(function, x.data + first, last - first, y.data + first,
                                    slope ? slope + first : nullptr);
                 });
  tape.on_backward(y, [&tape, x, y, slope] {
    const Bar<T> bar = tape.bar_for_writing(x);
    kernels<T>().multiply(tape.bar(y), slope, x.size(), bar.accumulate, bar.data);
    tape.release_scratch(slope, x.size());
  });
  return y;
}

template <class T>
Var<T> multiply(Tape<T>& tape, const Var<T>& a, const Var<T>& b) {
  METAPLASTIC_CHECK(a.dims == b.dims && a.contiguous() && b.contiguous());
  const Var<T> y =
      tape.make(a.dims[0], a.dims[1], a.dims[2], a.needs_gradient() || b.needs_gradient());
  tape.in_pieces(
      static_cast<int>(a.size()), kPackMultiple, double(a.size()), [&](int, int first, int last) {
        kernels<T>().multiply(a.data + first, b.data + first, last - first, false, y.data + first);
      });
  tape.on_backward(y, [&tape, a, b, y] {
    const T* y_bar = tape.bar(y);
    for (const auto& [input, other] : {std::pair{a, b}, std::pair{b, a}}) {
      if (!input.needs_gradient()) continue;
      const Bar<T> bar = tape.bar_for_writing(input);
      kernels<T>().multiply(y_bar, other.data, input.size(), bar.accumulate, bar.data);
    }
  });
  return y;
}

template <class T>
Var<T> multiply_sign(Tape<T>& tape, const Var<T>& a, const Var<T>& w) {
  METAPLASTIC_CHECK(a.dims == w.dims && a.contiguous() && w.contiguous());
  const Var<T> y = tape.make(a.dims[0], a.dims[1], a.dims[2], a.needs_gradient());
  tape.in_pieces(static_cast<int>(a.size()), kPackMultiple, double(a.size()),
                 [&](int, int first, int last) {
                   kernels<T>().multiply_sign(a.data + first, w.data + first, last - first, false,
                                              y.data + first);
                 });
  tape.on_backward(y, [&tape, a, w, y] {
    const Bar<T> bar = tape.bar_for_writing(a);
    kernels<T>().multiply_sign(tape.bar(y), w.data, a.size(), bar.accumulate, bar.data);
  });
  return y;
}

namespace {

constexpr std::size_t kMaxTerms = 32;

}  // namespace

template <class T>
Var<T> mix(Tape<T>& tape, std::span<const Var<T>> terms, const Var<T>& mix_weights, T factor) {
  METAPLASTIC_CHECK(!terms.empty() && terms.size() <= kMaxTerms);
  METAPLASTIC_CHECK(mix_weights.size() == static_cast<std::ptrdiff_t>(terms.size()));
  std::array<Var<T>, kMaxTerms> inputs;
  bool needs_gradient = mix_weights.needs_gradient();
  for (std::size_t k = 0; k < terms.size(); ++k) {
    METAPLASTIC_CHECK(terms[k].dims == terms[0].dims && terms[k].contiguous());
    inputs[k] = terms[k];
    needs_gradient = needs_gradient || terms[k].needs_gradient();
  }
  const Var<T> y = tape.make(terms[0].dims[0], terms[0].dims[1], terms[0].dims[2], needs_gradient);
  for (std::size_t k = 0; k < terms.size(); ++k) {
    kernels<T>().axpy(factor * mix_weights.data[k], terms[k].data, y.size(), k != 0, y.data);
  }
  tape.on_backward(y, [&tape, inputs, mix_weights, y, factor, count = terms.size()] {
    const T* y_bar = tape.bar(y);
    T* mix_bar = mix_weights.needs_gradient() ? tape.bar(mix_weights) : nullptr;
    for (std::size_t k = 0; k < count; ++k) {
      if (mix_bar) mix_bar[k] += factor * kernels<T>().dot(y_bar, inputs[k].data, y.size());
      if (!inputs[k].needs_gradient()) continue;
      const Bar<T> bar = tape.bar_for_writing(inputs[k]);
      kernels<T>().axpy(factor * mix_weights.data[k], y_bar, y.size(), bar.accumulate, bar.data);
    }
  });
  return y;
}

template <class T>
Var<T> normalised_mix(Tape<T>& tape, std::span<const Var<T>> terms, T offset,
                      const Var<T>& mix_weights, T factor) {
  METAPLASTIC_CHECK(!terms.empty() && terms.size() <= kMaxTerms);
  METAPLASTIC_CHECK(mix_weights.size() == static_cast<std::ptrdiff_t>(terms.size()));
  std::array<Var<T>, kMaxTerms> inputs;
  std::array<const T*, kMaxTerms> data;
  const int count = static_cast<int>(terms.size()), rows = terms[0].rows();
  const int cols = terms[0].channels() * terms[0].examples();
  bool needs_gradient = mix_weights.needs_gradient();
  for (std::size_t k = 0; k < terms.size(); ++k) {
    METAPLASTIC_CHECK(terms[k].dims == terms[0].dims && terms[k].contiguous());
    inputs[k] = terms[k];
    data[k] = terms[k].data;
    needs_gradient = needs_gradient || terms[k].needs_gradient();
  }
  const Var<T> y = tape.make(rows, terms[0].channels(), terms[0].examples(), needs_gradient);
  T* inv = tape.scratch(std::ptrdiff_t{2} * count * cols);  // [count,cols]
  T* scales = inv + std::ptrdiff_t{count} * cols;           // [count,cols]
  // Columns of each term, in panels.
  const int panels = (cols + kPackMultiple - 1) / kPackMultiple;
  tape.for_each(count * panels, double(count) * rows * cols, [&](int index) {
    const int k = index / panels, first = index % panels * kPackMultiple;
    const int num = std::min(kPackMultiple, cols - first);
    const std::ptrdiff_t at = std::ptrdiff_t{k} * cols + first;
    const T* const term = data[static_cast<std::size_t>(k)] + first;
    kernels<T>().column_dots(term, term, rows, num, cols, inv + at);
    const T weight = factor * mix_weights.data[k];
    for (std::ptrdiff_t j = at; j < at + num; ++j) {
      inv[j] = T(1) / std::sqrt(inv[j] / T(rows) + offset);
      scales[j] = weight * inv[j];
    }
  });
  tape.in_pieces(rows, 1, double(count) * rows * cols, [&](int, int first, int last) {
    const std::ptrdiff_t at = std::ptrdiff_t{first} * cols;
    std::array<const T*, kMaxTerms> from{};
    for (std::size_t k = 0; k < terms.size(); ++k) from[k] = data[k] + at;
    kernels<T>().mix_columns(from.data(), scales, count, last - first, cols, y.data + at);
  });
  tape.on_backward(y, [&tape, inputs, mix_weights, y, inv, scales, factor, count, rows, cols] {
    // With a_j = sum_i y_bar t: mix_bar += factor sum_j inv a;
    // t_bar = factor mix inv (y_bar - t inv^2 a / rows).
    const T* y_bar = tape.bar(y);
    T* mix_bar = mix_weights.needs_gradient() ? tape.bar(mix_weights) : nullptr;
    T* along = tape.scratch(cols);
    for (int k = 0; k < count; ++k) {
      const Var<T>& term = inputs[static_cast<std::size_t>(k)];
      const T *inv_k = inv + std::ptrdiff_t{k} * cols, *scale_k = scales + std::ptrdiff_t{k} * cols;
      kernels<T>().column_dots(y_bar, term.data, rows, cols, cols, along);
      if (mix_bar) mix_bar[k] += factor * kernels<T>().dot(inv_k, along, cols);
      if (!term.needs_gradient()) continue;
      for (int j = 0; j < cols; ++j) along[j] *= scale_k[j] * inv_k[j] * inv_k[j] / T(rows);
      const Bar<T> bar = tape.bar_for_writing(term);
      kernels<T>().mix_columns_vjp(y_bar, term.data, scale_k, along, rows, cols, bar.accumulate,
                                   bar.data);
    }
    tape.release_scratch(along, cols);
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                          \
  template Var<T> map(Tape<T>&, Unary, const Var<T>&);                      \
  template Var<T> multiply(Tape<T>&, const Var<T>&, const Var<T>&);         \
  template Var<T> multiply_sign(Tape<T>&, const Var<T>&, const Var<T>&);    \
  template Var<T> mix(Tape<T>&, std::span<const Var<T>>, const Var<T>&, T); \
  template Var<T> normalised_mix(Tape<T>&, std::span<const Var<T>>, T, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
