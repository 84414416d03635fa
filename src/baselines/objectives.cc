#include "baselines/objectives.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace metaplastic {

template <class T>
double bernoulli_loss(Tape<T>& tape, const Var<T>& logits, std::span<const T> target) {
  const std::ptrdiff_t n = logits.size();
  METAPLASTIC_CHECK(static_cast<std::ptrdiff_t>(target.size()) == n && logits.contiguous());
  T* softplus = tape.scratch(n);
  T* sigmoid = tape.scratch(n);
  kernels<T>().map(Unary::kSoftplus, logits.data, n, softplus, sigmoid);
  T* bar = tape.bar(logits);
  const T share = T(1) / T(logits.examples());
  double loss = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const T wanted = target[static_cast<std::size_t>(i)];
    loss += static_cast<double>(softplus[i] - wanted * logits.data[i]);
    bar[i] += share * (sigmoid[i] - wanted);
  }
  return loss * static_cast<double>(share);
}

template <class T>
double squared_loss(Tape<T>& tape, const Var<T>& x, std::span<const T> target) {
  METAPLASTIC_CHECK(static_cast<std::ptrdiff_t>(target.size()) == x.size() && x.contiguous());
  T* bar = tape.bar(x);
  const T share = T(1) / T(x.examples());
  double loss = 0;
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
    const T error = x.data[i] - target[static_cast<std::size_t>(i)];
    loss += static_cast<double>(error * error) / 2;
    bar[i] += share * error;
  }
  return loss * static_cast<double>(share);
}

template <class T>
double pixel_loss(Tape<T>& tape, const Var<T>& logits, std::span<const T> target,
                  double deviation) {
  const std::ptrdiff_t n = logits.size();
  METAPLASTIC_CHECK(static_cast<std::ptrdiff_t>(target.size()) == n && logits.contiguous());
  METAPLASTIC_CHECK(deviation > 0);
  T* softplus = tape.scratch(n);
  T* sigmoid = tape.scratch(n);  // the derivative of softplus
  kernels<T>().map(Unary::kSoftplus, logits.data, n, softplus, sigmoid);
  T* bar = tape.bar(logits);
  const T share = T(1) / T(logits.examples());
  const T precision = T(1 / (deviation * deviation));
  double squares = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const T error = sigmoid[i] - target[static_cast<std::size_t>(i)];
    squares += static_cast<double>(error * error);
    bar[i] += share * precision * error * sigmoid[i] * (T(1) - sigmoid[i]);
  }
  const double constant = std::log(deviation) + std::log(2 * std::numbers::pi) / 2;
  return static_cast<double>(share) *
         (squares * static_cast<double>(precision) / 2 + static_cast<double>(n) * constant);
}

template <class T>
double divergence_loss(Tape<T>& tape, const Var<T>& mean, const Var<T>& deviation) {
  METAPLASTIC_CHECK(mean.dims == deviation.dims && mean.contiguous() && deviation.contiguous());
  T* mean_bar = tape.bar(mean);
  T* deviation_bar = tape.bar(deviation);
  const T share = T(1) / T(mean.examples());
  double loss = 0;
  for (std::ptrdiff_t i = 0; i < mean.size(); ++i) {
    const T m = mean.data[i], s = deviation.data[i];
    loss += static_cast<double>((m * m + s * s - T(1)) / T(2) - std::log(s));
    mean_bar[i] += share * m;
    deviation_bar[i] += share * (s - T(1) / s);
  }
  return loss * static_cast<double>(share);
}

template <class T>
double cross_entropy_loss(Tape<T>& tape, const Var<T>& logits, std::span<const int> labels) {
  const int Y = logits.units(), B = logits.examples();
  METAPLASTIC_CHECK(static_cast<int>(labels.size()) == B && logits.contiguous());
  T* bar = tape.bar(logits);
  const T share = T(1) / T(B);
  double loss = 0;
  for (int b = 0; b < B; ++b) {
    const auto at = [&](int y) { return std::ptrdiff_t{y} * B + b; };
    T most = logits.data[at(0)];
    for (int y = 1; y < Y; ++y) most = std::max(most, logits.data[at(y)]);
    T sum = T(0);
    for (int y = 0; y < Y; ++y) sum += std::exp(logits.data[at(y)] - most);
    const int label = labels[static_cast<std::size_t>(b)];
    METAPLASTIC_CHECK(label >= 0 && label < Y);
    loss += static_cast<double>(std::log(sum) + most - logits.data[at(label)]);
    for (int y = 0; y < Y; ++y) {
      const T probability = std::exp(logits.data[at(y)] - most) / sum;
      bar[at(y)] += share * (probability - T(y == label ? 1 : 0));
    }
  }
  return loss * static_cast<double>(share);
}

#define METAPLASTIC_INSTANTIATE(T)                                                 \
  template double bernoulli_loss(Tape<T>&, const Var<T>&, std::span<const T>);     \
  template double squared_loss(Tape<T>&, const Var<T>&, std::span<const T>);       \
  template double pixel_loss(Tape<T>&, const Var<T>&, std::span<const T>, double); \
  template double divergence_loss(Tape<T>&, const Var<T>&, const Var<T>&);         \
  template double cross_entropy_loss(Tape<T>&, const Var<T>&, std::span<const int>);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
