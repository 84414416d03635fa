#include "rule/neighbour_metric.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "rule/constants.h"
#include "rule/leading_space.h"
#include "rule/near_examples.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr double kWhitening[] = {0, 0.25, 0.5};
// Of the largest component's: below it lies the rounding of the inputs.
constexpr double kLeastVariance = 1e-6;
// Few examples tell few components from chance: an eighth of their number, but as many as this.
constexpr std::size_t kFewComponents = 8, kExamplesPerComponent = 8;

float inverse_root(float square) {
  return 1 / std::sqrt(std::max(square, std::numeric_limits<float>::min()));
}

// Columns of x [rows,N] become of length 1; columns of zeros stay.
void scale_to_unit_length(std::vector<float>& x, std::size_t N) {
  std::vector<float> square(N);
  for (std::size_t i = 0; i < x.size(); ++i) square[i % N] += x[i] * x[i];
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= inverse_root(square[i % N]);
}

// Columns of x [U,N] less their mean over the inputs, and of length 1.
std::vector<float> shapes_of(std::span<const float> x, std::size_t U) {
  const std::size_t N = x.size() / U;
  std::vector<float> shapes(x.begin(), x.end()), mean(N);
  for (std::size_t i = 0; i < x.size(); ++i) mean[i % N] += x[i] / static_cast<float>(U);
  for (std::size_t i = 0; i < x.size(); ++i) shapes[i] -= mean[i % N];
  scale_to_unit_length(shapes, N);
  return shapes;
}

// The first `num` columns of x [U,N].
std::vector<float> first_columns(std::span<const float> x, std::size_t N, std::size_t num) {
  std::vector<float> columns;
  for (std::size_t row = 0; row < x.size(); row += N) {
    const std::span<const float> values = x.subspan(row, num);
    columns.insert(columns.end(), values.begin(), values.end());
  }
  return columns;
}

// axes [k,U], row c times variances[c]^-power.
std::vector<float> scaled(const std::vector<float>& axes, const std::vector<float>& variances,
                          double power) {
  std::vector<float> result = axes;
  const std::size_t U = axes.size() / variances.size();
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] *= static_cast<float>(std::pow(static_cast<double>(variances[i / U]), -power));
  return result;
}

}  // namespace

NeighbourMetric::NeighbourMetric(std::span<const float> examples, int num_inputs)
    : num_inputs_(static_cast<std::size_t>(num_inputs)) {
  METAPLASTIC_CHECK(num_inputs >= 1 && !examples.empty() && examples.size() % num_inputs_ == 0);
  by_shape_ = std::ranges::none_of(examples, [](float value) { return value < 0; });
  if (!by_shape_) return;
  const std::size_t count = examples.size() / num_inputs_,
                    P = std::min(count, std::size_t{kRule.neighbour_metric_examples});
  const std::vector<float> inputs = first_columns(examples, count, P);
  std::vector<float> shapes = shapes_of(inputs, num_inputs_), variances;
  mean_.assign(num_inputs_, 0);
  for (std::size_t i = 0; i < shapes.size(); ++i) mean_[i / P] += shapes[i] / static_cast<float>(P);
  for (std::size_t i = 0; i < shapes.size(); ++i) shapes[i] -= mean_[i / P];
  find_components(shapes, P, variances);
  const std::vector<float> axes = axes_;
  std::vector<float> best_axes;
  double best = -1;
  for (const double power : kWhitening) {
    axes_ = scaled(axes, variances, power);
    const std::vector<float> coordinates = project(shapes, P);
    const LocatedExamples located{inputs, coordinates, P};
    const double memory = walk_memory(nearest_others(located, located), P);
    if (memory <= best) continue;
    best = memory, whitening_ = power, best_axes = axes_;
  }
  axes_ = std::move(best_axes);
}

void NeighbourMetric::find_components(const std::vector<float>& shapes, std::size_t P,
                                      std::vector<float>& variances) {
  const auto U = static_cast<int>(num_inputs_), examples = static_cast<int>(P);
  constexpr int kBlocks = 4, kSpare = 16;
  const LeadingSpace space = leading_space(
      U, kRule.neighbour_components + kSpare, kBlocks, [&](const RowMatrix& block) -> RowMatrix {
        const auto m = static_cast<int>(block.cols());
        RowMatrix within(examples, m), product(U, m);
        gemm(true, false, examples, m, U, 1.0f, shapes.data(), examples, block.data(), m, 0.0f,
             within.data(), m);
        gemm(false, false, U, m, examples, 1.0f / static_cast<float>(examples), shapes.data(),
             examples, within.data(), m, 0.0f, product.data(), m);
        return product;
      });
  const std::size_t most = std::min({static_cast<std::size_t>(kRule.neighbour_components),
                                     static_cast<std::size_t>(space.values.size()),
                                     std::max(kFewComponents, P / kExamplesPerComponent)});
  for (std::size_t c = 0; c < most; ++c) {
    const auto column = static_cast<Eigen::Index>(c);
    // The first one always: examples of one and the same shape are all equally near.
    if (c > 0 && space.values[column] <= kLeastVariance * space.values[0]) break;
    variances.push_back(
        std::max(static_cast<float>(space.values[column]), std::numeric_limits<float>::min()));
    for (Eigen::Index u = 0; u < U; ++u) axes_.push_back(space.vectors(u, column));
  }
}

std::vector<float> NeighbourMetric::project(const std::vector<float>& shapes, std::size_t N) const {
  const std::size_t k = axes_.size() / num_inputs_;
  std::vector<float> coordinates(k * N);
  const auto columns = static_cast<std::ptrdiff_t>(N);
  gemm(false, false, static_cast<int>(k), static_cast<int>(N), static_cast<int>(num_inputs_), 1.0f,
       axes_.data(), static_cast<std::ptrdiff_t>(num_inputs_), shapes.data(), columns, 0.0f,
       coordinates.data(), columns);
  scale_to_unit_length(coordinates, N);
  return coordinates;
}

std::vector<float> NeighbourMetric::coordinates(std::span<const float> x) const {
  METAPLASTIC_CHECK(num_inputs_ >= 1 && x.size() % num_inputs_ == 0);
  if (!by_shape_) return {x.begin(), x.end()};
  const std::size_t N = x.size() / num_inputs_;
  std::vector<float> shapes = shapes_of(x, num_inputs_);
  for (std::size_t i = 0; i < shapes.size(); ++i) shapes[i] -= mean_[i / N];
  return project(shapes, N);
}

}  // namespace metaplastic
