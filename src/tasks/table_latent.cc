#include "tasks/table_latent.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace metaplastic {
namespace {

constexpr int kMaxSignals = 10;
constexpr int kNumHarmonics = 3;

// How far the centres lie apart. Shapes that differ in more than their centres get closer ones.
float draw_separation(TableShape shape, Random& random) {
  switch (shape) {
    case TableShape::kClusters:
    case TableShape::kEllipsoids:
      return random.log_uniform(0.5f, 1.6f);
    case TableShape::kPolytopes:
      return 0;
    default:
      return random.log_uniform(0.1f, 0.8f);
  }
}

void add_scaled(std::span<const float> from, float factor, std::span<float> to) {
  for (std::size_t j = 0; j < to.size(); ++j) to[j] += factor * from[j];
}

}  // namespace

TableLatent::TableLatent(TableShape shape, int num_classes, Random& random)
    : shape_(shape),
      num_signals_(random.between(2, kMaxSignals)),
      num_nuisances_(random.between(0, num_signals_)),
      separation_(draw_separation(shape, random)),
      spread_(random.log_uniform(0.1f, 0.5f)),
      bimodal_(random.below(2) == 0) {
  for (int c = 0; c < num_classes; ++c) classes_.push_back(draw_class(c, num_classes, random));
}

TableLatent::Class TableLatent::draw_class(int class_index, int num_classes, Random& random) const {
  const auto n = static_cast<std::size_t>(num_signals_);
  Class drawn;
  drawn.centre.resize(n);
  for (float& value : drawn.centre) value = separation_ * random.normal();
  // Radii in the order of the classes, each within its own share of the range.
  drawn.radius = 0.4f + 1.6f * (static_cast<float>(class_index) + random.uniform(0.25f, 0.75f)) /
                            static_cast<float>(num_classes);
  switch (shape_) {
    case TableShape::kClusters:
      drawn.num_directions = random.between(1, 3);
      break;
    case TableShape::kEllipsoids:
      drawn.num_directions = num_signals_;
      break;
    case TableShape::kSubspaces:
      drawn.num_directions = random.between(1, std::min(3, num_signals_ - 1));
      break;
    case TableShape::kShells:
      break;
    case TableShape::kCurves:
      drawn.num_directions = 2 * kNumHarmonics;
      break;
    case TableShape::kPolytopes:
      drawn.num_directions = random.between(3, 5);
      break;
  }
  const float scale = shape_ == TableShape::kClusters ? separation_
                      : shape_ == TableShape::kEllipsoids
                          ? 1 / std::sqrt(static_cast<float>(num_signals_))
                          : 1.0f;
  for (int d = 0; d < drawn.num_directions; ++d) {
    const float length =
        shape_ == TableShape::kEllipsoids ? scale * random.log_uniform(0.2f, 2.0f) : scale;
    for (std::size_t j = 0; j < n; ++j) drawn.directions.push_back(length * random.normal());
  }
  return drawn;
}

void TableLatent::draw_signals(const Class& chosen, Random& random, std::span<float> out) const {
  const std::size_t n = out.size();
  const auto direction = [&](int d) {
    return std::span(chosen.directions).subspan(static_cast<std::size_t>(d) * n, n);
  };
  std::copy(chosen.centre.begin(), chosen.centre.end(), out.begin());
  switch (shape_) {
    case TableShape::kClusters:
      add_scaled(direction(random.between(0, chosen.num_directions - 1)), 1, out);
      break;
    case TableShape::kEllipsoids:
    case TableShape::kSubspaces:
      for (int d = 0; d < chosen.num_directions; ++d) {
        add_scaled(direction(d), random.normal(), out);
      }
      break;
    case TableShape::kShells: {
      std::vector<float> ray(n);
      float square = 0;
      for (float& value : ray) value = random.normal(), square += value * value;
      add_scaled(ray, chosen.radius / std::sqrt(square + 1e-6f), out);
      break;
    }
    case TableShape::kCurves: {
      const float t = 2 * std::numbers::pi_v<float> * random.uniform();
      for (int h = 0; h < kNumHarmonics; ++h) {
        const auto k = static_cast<float>(h + 1);
        add_scaled(direction(2 * h), std::cos(k * t) / k, out);
        add_scaled(direction(2 * h + 1), std::sin(k * t) / k, out);
      }
      break;
    }
    case TableShape::kPolytopes: {
      // Exponential variates over their sum: uniform within the corners.
      std::vector<float> shares(static_cast<std::size_t>(chosen.num_directions));
      float sum = 0;
      for (float& share : shares) share = -std::log(1 - random.uniform()), sum += share;
      for (int d = 0; d < chosen.num_directions; ++d) {
        add_scaled(direction(d), shares[static_cast<std::size_t>(d)] / (sum + 1e-6f), out);
      }
      break;
    }
  }
  for (float& value : out) value += spread_ * random.normal();
}

void TableLatent::draw(int class_index, Random& random, std::span<float> factors) const {
  const auto n = static_cast<std::size_t>(num_signals_);
  draw_signals(classes_[static_cast<std::size_t>(class_index)], random, factors.first(n));
  for (float& value : factors.subspan(n)) {
    value = random.normal();
    if (bimodal_) value = 0.3f * value + (random.below(2) == 0 ? -1.0f : 1.0f);
  }
}

}  // namespace metaplastic
