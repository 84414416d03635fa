#include "baselines/pair_objectives.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

// Turns scores [n] into softmax probabilities; returns log(sum of exp(score)).
template <class T>
T softmax(T* scores, int n) {
  const T most = *std::max_element(scores, scores + n);
  T sum = T(0);
  for (int i = 0; i < n; ++i) sum += scores[i] = std::exp(scores[i] - most);
  for (int i = 0; i < n; ++i) scores[i] /= sum;
  return most + std::log(sum);
}

// Values whose examples lie apart, [B,k], so that one example is contiguous.
template <class T>
T* by_example(Tape<T>& tape, const Var<T>& x) {
  const int k = x.units(), B = x.examples();
  T* out = tape.scratch(x.size());
  for (int u = 0; u < k; ++u) {
    for (int b = 0; b < B; ++b) out[std::ptrdiff_t{b} * k + u] = x.data[std::ptrdiff_t{u} * B + b];
  }
  return out;
}

}  // namespace

template <class T>
double prototype_loss(Tape<T>& tape, const Var<T>& embedding, int num_classes, int num_support) {
  METAPLASTIC_CHECK(embedding.channels() == 1 && embedding.contiguous());
  const int k = embedding.units(), B = embedding.examples(), Y = num_classes;
  METAPLASTIC_CHECK(Y >= 2 && num_support >= 1 && B > Y * num_support && B % Y == 0);
  const int num_query = B / Y - num_support, first = Y * num_support;
  const T* f = by_example(tape, embedding);  // [B,k]
  T* bar = tape.scratch(embedding.size());   // [B,k]
  T* means = tape.scratch(std::ptrdiff_t{Y} * k);
  T* means_bar = tape.scratch(std::ptrdiff_t{Y} * k);
  T* scores = tape.scratch(Y);
  std::fill_n(bar, embedding.size(), T(0));
  std::fill_n(means, std::ptrdiff_t{Y} * k, T(0));
  std::fill_n(means_bar, std::ptrdiff_t{Y} * k, T(0));
  const T support_share = T(1) / T(num_support), query_share = T(1) / T(Y * num_query);
  for (int b = 0; b < first; ++b) {
    kernels<T>().axpy(support_share, f + std::ptrdiff_t{b} * k, k, true,
                      means + std::ptrdiff_t{b / num_support} * k);
  }
  double loss = 0;
  for (int b = first; b < B; ++b) {
    const T* query = f + std::ptrdiff_t{b} * k;
    // |query|^2 is the same for all classes and drops out of the softmax.
    for (int y = 0; y < Y; ++y) {
      const T* mean = means + std::ptrdiff_t{y} * k;
      scores[y] = 2 * kernels<T>().dot(query, mean, k) - kernels<T>().dot(mean, mean, k);
    }
    const int label = (b - first) / num_query;
    const T wanted = scores[label];
    loss += static_cast<double>(softmax(scores, Y) - wanted);
    for (int y = 0; y < Y; ++y) {
      const T g = 2 * query_share * (scores[y] - T(y == label ? 1 : 0));
      const T* mean = means + std::ptrdiff_t{y} * k;
      T* mean_bar = means_bar + std::ptrdiff_t{y} * k;
      kernels<T>().axpy(g, mean, k, true, bar + std::ptrdiff_t{b} * k);
      kernels<T>().axpy(g, query, k, true, mean_bar);
      kernels<T>().axpy(-g, mean, k, true, mean_bar);
    }
  }
  for (int b = 0; b < first; ++b) {
    kernels<T>().axpy(support_share, means_bar + std::ptrdiff_t{b / num_support} * k, k, true,
                      bar + std::ptrdiff_t{b} * k);
  }
  T* out = tape.bar(embedding);
  for (int u = 0; u < k; ++u) {
    for (int b = 0; b < B; ++b) out[std::ptrdiff_t{u} * B + b] += bar[std::ptrdiff_t{b} * k + u];
  }
  return loss * static_cast<double>(query_share);
}

template <class T>
double contrast_loss(Tape<T>& tape, const Var<T>& embedding, T temperature) {
  const int k = embedding.units(), B = embedding.examples();
  METAPLASTIC_CHECK(B >= 4 && B % 2 == 0);
  constexpr T kEps = T(1e-8);
  // Every example gets length sqrt(k); the factor of the products makes that 1.
  const Var<T> unit = reshape(rms_channels(tape, reshape(embedding, 1, k, B), kEps), k, 1, B);
  const Var<T> cosines = matmul(tape, unit, true, unit, false, T(1) / (T(k) * temperature));
  T* bar = tape.bar(cosines);  // [B,B]
  T* others = tape.scratch(B - 1);
  const T share = T(1) / T(B);
  double loss = 0;
  for (int i = 0; i < B; ++i) {
    const T* row = cosines.data + std::ptrdiff_t{i} * B;
    T* row_bar = bar + std::ptrdiff_t{i} * B;
    std::copy_n(row, i, others);
    std::copy_n(row + i + 1, B - 1 - i, others + i);
    const int partner = (i + B / 2) % B;
    loss += static_cast<double>(softmax(others, B - 1) - row[partner]);
    for (int j = 0; j < B; ++j) {
      if (j != i) row_bar[j] += share * others[j < i ? j : j - 1];
    }
    row_bar[partner] -= share;
  }
  return loss * static_cast<double>(share);
}

#define METAPLASTIC_INSTANTIATE(T)                                   \
  template double prototype_loss(Tape<T>&, const Var<T>&, int, int); \
  template double contrast_loss(Tape<T>&, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
