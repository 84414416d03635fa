#include "neighbours/neighbour_metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "neighbours/constants.h"
#include "neighbours/near_examples.h"
#include "neighbours/sparse_inputs.h"
#include "tensor/blas.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr double kWhitening[] = {0, 0.25, 0.5};
// Memories of walks that differ by less are alike, and then components are whitened less.
constexpr double kSameMemory = 1e-3;
// Of the largest component's: below it lies the rounding of the inputs.
constexpr double kLeastVariance = 1e-6;
// Few examples tell few components from chance: an eighth of their number, but as many as this.
constexpr int kFewComponents = 8, kExamplesPerComponent = 8;

// Columns of x [rows,N] become of length 1; columns of zeros stay.
void scale_to_unit_length(std::vector<float>& x, std::size_t N) {
  std::vector<float> scale(N);
  for (std::size_t row = 0; row < x.size(); row += N)
    for (std::size_t n = 0; n < N; ++n) scale[n] += x[row + n] * x[row + n];
  for (float& square : scale)
    square = 1 / std::sqrt(std::max(square, std::numeric_limits<float>::min()));
  for (std::size_t row = 0; row < x.size(); row += N)
    for (std::size_t n = 0; n < N; ++n) x[row + n] *= scale[n];
}

// What sparse inputs are multiplied by: 1 / sqrt(mean of the row of x [U,N]), 0 for a row of zeros.
std::vector<float> scale_of_sparse(std::span<const float> x, std::size_t U) {
  const std::size_t N = x.size() / U;
  std::vector<float> scale(U);
  for (std::size_t u = 0; u < U; ++u) {
    double sum = 0;
    for (const float value : x.subspan(u * N, N)) sum += static_cast<double>(value);
    if (sum > 0) scale[u] = static_cast<float>(std::sqrt(static_cast<double>(N) / sum));
  }
  return scale;
}

// Takes a mean [U] away from every column of x [U,N].
void subtract_mean(std::vector<float>& x, std::span<const float> mean) {
  const std::size_t N = x.size() / mean.size();
  for (std::size_t u = 0; u < mean.size(); ++u)
    for (std::size_t n = 0; n < N; ++n) x[u * N + n] -= mean[u];
}

// `num` of the columns of x [U,N], evenly spread: examples may come sorted by kind.
std::vector<float> spread_columns(std::span<const float> x, std::size_t N, std::size_t num) {
  std::vector<float> columns;
  columns.reserve(x.size() / N * num);
  for (std::size_t row = 0; row < x.size(); row += N)
    for (std::size_t n = 0; n < num; ++n) columns.push_back(x[row + n * N / num]);
  return columns;
}

using Components = NeighbourMetric::Components;

// The largest components of shapes [U,P] around their mean.
Components components_of(const std::vector<float>& shapes, int U) {
  const auto P = static_cast<int>(shapes.size()) / U;
  constexpr int kBlocks = 4, kSpare = 16;
  const LeadingSpace space = leading_space(
      U, kNeighbourhood.components + kSpare, kBlocks, [&](const RowMatrix& block) -> RowMatrix {
        const auto m = static_cast<int>(block.cols());
        RowMatrix within(P, m), product(U, m);
        gemm(true, false, P, m, U, 1.0f, shapes.data(), P, block.data(), m, 0.0f, within.data(), m);
        gemm(false, false, U, m, P, 1.0f / static_cast<float>(P), shapes.data(), P, within.data(),
             m, 0.0f, product.data(), m);
        return product;
      });
  const int most = std::min({kNeighbourhood.components, static_cast<int>(space.values.size()),
                             std::max(kFewComponents, P / kExamplesPerComponent)});
  Components found;
  for (int c = 0; c < most; ++c) {
    // The first one always: examples of one and the same shape are all equally near.
    if (c > 0 && space.values[c] <= kLeastVariance * space.values[0]) break;
    found.variances.push_back(
        std::max(static_cast<float>(space.values[c]), std::numeric_limits<float>::min()));
    for (int u = 0; u < U; ++u) found.axes.push_back(space.vectors(u, c));
  }
  return found;
}

// The axes [k,U], each times its variance to minus `power`.
std::vector<float> whitened_axes(const Components& components, double power) {
  std::vector<float> axes = components.axes;
  const std::size_t U = axes.size() / components.variances.size();
  for (std::size_t c = 0; c < components.variances.size(); ++c) {
    const double scale = std::pow(static_cast<double>(components.variances[c]), -power);
    for (std::size_t u = 0; u < U; ++u) axes[c * U + u] *= static_cast<float>(scale);
  }
  return axes;
}

// axes [k,U], shapes [U,N] around their mean -> [k,N], columns of length 1.
std::vector<float> project(const std::vector<float>& axes, const std::vector<float>& shapes,
                           std::size_t U) {
  const std::size_t k = axes.size() / U, N = shapes.size() / U;
  std::vector<float> coordinates(k * N);
  const auto columns = static_cast<std::ptrdiff_t>(N);
  gemm(false, false, static_cast<int>(k), static_cast<int>(N), static_cast<int>(U), 1.0f,
       axes.data(), static_cast<std::ptrdiff_t>(U), shapes.data(), columns, 0.0f,
       coordinates.data(), columns);
  scale_to_unit_length(coordinates, N);
  return coordinates;
}

}  // namespace

NeighbourMetric::NeighbourMetric(std::span<const float> examples, int num_inputs,
                                 ThreadPool* threads)
    : num_inputs_(static_cast<std::size_t>(num_inputs)) {
  METAPLASTIC_CHECK(num_inputs >= 1 && !examples.empty() && examples.size() % num_inputs_ == 0);
  by_shape_ = std::ranges::none_of(examples, [](float value) { return value < 0; });
  if (!by_shape_) return;
  const std::size_t count = examples.size() / num_inputs_,
                    P = std::min(count, std::size_t{kNeighbourhood.metric_examples});
  const std::vector<float> inputs = spread_columns(examples, count, P);
  if (are_sparse(inputs, num_inputs)) scale_ = scale_of_sparse(inputs, num_inputs_);
  std::vector<float> shapes = shapes_of(inputs);
  mean_.assign(num_inputs_, 0);
  for (std::size_t u = 0; u < num_inputs_; ++u)
    for (std::size_t p = 0; p < P; ++p) mean_[u] += shapes[u * P + p] / static_cast<float>(P);
  subtract_mean(shapes, mean_);
  components_ = components_of(shapes, num_inputs);
  choose_whitening(inputs, shapes, threads);
}

// Where there are fewer threads than whitenings, the last ones are looked at by all threads, one
// after the other.
void NeighbourMetric::choose_whitening(std::span<const float> inputs,
                                       const std::vector<float>& shapes, ThreadPool* threads) {
  constexpr std::size_t kCount = std::size(kWhitening);
  const std::size_t P = inputs.size() / num_inputs_;
  std::array<std::vector<float>, kCount> axes;
  std::array<double, kCount> memories;
  const auto look_at = [&](std::size_t n, ThreadPool* helpers) {
    axes[n] = whitened_axes(components_, kWhitening[n]);
    const LocatedExamples located(inputs, static_cast<int>(num_inputs_),
                                  project(axes[n], shapes, num_inputs_));
    memories[n] = walk_memory(nearest_others(located, located, helpers), P, helpers);
  };
  const std::size_t workers =
      threads ? std::min(kCount, static_cast<std::size_t>(threads->num_threads())) : 0;
  if (threads) {
    threads->parallel_for(static_cast<int>(workers),
                          [&](int, int n) { look_at(static_cast<std::size_t>(n), nullptr); });
  }
  for (std::size_t n = workers; n < kCount; ++n) look_at(n, threads);
  double best = -1;
  for (std::size_t n = 0; n < kCount; ++n) {
    if (memories[n] <= best + kSameMemory) continue;
    best = memories[n], whitening_ = kWhitening[n], axes_ = std::move(axes[n]);
  }
}

NeighbourMetric NeighbourMetric::with_whitening(double power) const {
  NeighbourMetric metric = *this;
  if (!by_shape_) return metric;
  metric.whitening_ = power;
  metric.axes_ = whitened_axes(components_, power);
  return metric;
}

// Columns of x [U,N] less their mean over the inputs, and of length 1.
std::vector<float> NeighbourMetric::shapes_of(std::span<const float> x) const {
  const std::size_t U = num_inputs_, N = x.size() / U;
  std::vector<float> shapes(x.begin(), x.end()), mean(N);
  for (std::size_t u = 0; u < U; ++u) {
    const float scale = scale_.empty() ? 1.0f : scale_[u];
    for (std::size_t n = 0; n < N; ++n) {
      shapes[u * N + n] *= scale;
      mean[n] += shapes[u * N + n] / static_cast<float>(U);
    }
  }
  for (std::size_t row = 0; row < x.size(); row += N)
    for (std::size_t n = 0; n < N; ++n) shapes[row + n] -= mean[n];
  scale_to_unit_length(shapes, N);
  return shapes;
}

std::vector<float> NeighbourMetric::coordinates(std::span<const float> x) const {
  METAPLASTIC_CHECK(num_inputs_ >= 1 && x.size() % num_inputs_ == 0);
  if (!by_shape_) return {x.begin(), x.end()};
  std::vector<float> shapes = shapes_of(x);
  subtract_mean(shapes, mean_);
  return project(axes_, shapes, num_inputs_);
}

}  // namespace metaplastic
