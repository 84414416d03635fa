#include "objective/probe_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace metaplastic {

template <class T>
int largest_class(const T* values, int num_classes, int M, int m) {
  int best = 0;
  for (int j = 1; j < num_classes; ++j) {
    if (values[std::ptrdiff_t{j} * M + m] > values[std::ptrdiff_t{best} * M + m]) best = j;
  }
  return best;
}

namespace {

constexpr double kCosineEps = 1e-8;

// Sums of p p, y y and p y over the targets of example m.
template <class T>
std::array<T, 3> cosine_sums(const Predictions<T>& s, int m) {
  std::array<T, 3> sums{};
  for (int j = 0; j < s.Y; ++j) {
    const std::ptrdiff_t at = std::ptrdiff_t{j} * s.M + m;
    const T p = s.predicted[at], y = s.targets[at];
    sums[0] += p * p, sums[1] += y * y, sums[2] += p * y;
  }
  return sums;
}

template <class T>
T cosine_loss(const Predictions<T>& s) {
  T total = T(0);
  for (int m = 0; m < s.M; ++m) {
    const auto [pp, yy, py] = cosine_sums(s, m);
    total += T(1) - py / std::sqrt((pp + T(kCosineEps)) * (yy + T(kCosineEps)));
  }
  return total / T(s.M);
}

template <class T>
void cosine_loss_vjp(const Predictions<T>& s, T loss_bar) {
  const T share = -loss_bar / T(s.M);
  for (int m = 0; m < s.M; ++m) {
    const auto [pp, yy, py] = cosine_sums(s, m);
    const T inv = T(1) / std::sqrt((pp + T(kCosineEps)) * (yy + T(kCosineEps)));
    const T along = py / (pp + T(kCosineEps));
    for (int j = 0; j < s.Y; ++j) {
      const std::ptrdiff_t at = std::ptrdiff_t{j} * s.M + m;
      s.predicted[at] = share * inv * (s.targets[at] - s.predicted[at] * along);
    }
  }
}

// The largest logit of example m, and the sum of exp(logit - largest) over the classes.
template <class T>
std::pair<T, T> softmax_sums(const Predictions<T>& s, int m) {
  const auto logit = [&](int j) {
    return T(kCrossEntropyScale) * s.predicted[std::ptrdiff_t{j} * s.M + m];
  };
  const T largest = logit(largest_class(s.predicted, s.num_classes, s.M, m));
  T sum = T(0);
  for (int j = 0; j < s.num_classes; ++j) sum += std::exp(logit(j) - largest);
  return {largest, sum};
}

template <class T>
T cross_entropy(const Predictions<T>& s) {
  T total = T(0);
  for (int m = 0; m < s.M; ++m) {
    const auto [largest, sum] = softmax_sums(s, m);
    const std::ptrdiff_t at =
        std::ptrdiff_t{largest_class(s.targets, s.num_classes, s.M, m)} * s.M + m;
    total += largest + std::log(sum) - T(kCrossEntropyScale) * s.predicted[at];
  }
  return total / T(s.M);
}

template <class T>
void cross_entropy_vjp(const Predictions<T>& s, T loss_bar) {
  const T share = T(kCrossEntropyScale) * loss_bar / T(s.M);
  for (int m = 0; m < s.M; ++m) {
    const auto [largest, sum] = softmax_sums(s, m);
    const int label = largest_class(s.targets, s.num_classes, s.M, m);
    for (int j = 0; j < s.Y; ++j) {
      T& p = s.predicted[std::ptrdiff_t{j} * s.M + m];
      const T likely =
          j < s.num_classes ? std::exp(T(kCrossEntropyScale) * p - largest) / sum : T(0);
      p = share * (likely - T(j == label));
    }
  }
}

}  // namespace

template <class T>
T probe_loss(ProbeLoss kind, const Predictions<T>& p) {
  return kind == ProbeLoss::kCosine ? cosine_loss(p) : cross_entropy(p);
}

template <class T>
void probe_loss_vjp(ProbeLoss kind, const Predictions<T>& p, T loss_bar) {
  if (kind == ProbeLoss::kCosine) {
    cosine_loss_vjp(p, loss_bar);
  } else {
    cross_entropy_vjp(p, loss_bar);
  }
}

template <class T>
double probe_accuracy(const Predictions<T>& p) {
  int right = 0;
  for (int m = 0; m < p.M; ++m)
    right += largest_class(p.predicted, p.num_classes, p.M, m) ==
             largest_class(p.targets, p.num_classes, p.M, m);
  return static_cast<double>(right) / p.M;
}

#define METAPLASTIC_INSTANTIATE(T)                                   \
  template int largest_class(const T*, int, int, int);               \
  template T probe_loss(ProbeLoss, const Predictions<T>&);           \
  template void probe_loss_vjp(ProbeLoss, const Predictions<T>&, T); \
  template double probe_accuracy(const Predictions<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
