#include "tasks/table_family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "tasks/table_latent.h"

namespace metaplastic {
namespace {

constexpr int kNumRows = 1 << 16;    // rows of a class; made when asked for, never stored
constexpr int kNumFitted = 256;      // rows that columns are standardised on
constexpr float kLargestNoise = 20;  // in deviations, so that tails are heavy but finite

// What becomes of a column's value, as tables have it.
enum class Marginal { kPlain, kExponential, kSquashed, kPower, kRounded, kBinary };
constexpr int kNumMarginals = 6;

struct TableColumn {
  Marginal marginal = Marginal::kPlain;
  float noise = 0, offset = 0;
  float mean = 0, scale = 1;  // out = (value - mean) * scale
};

float apply_marginal(Marginal marginal, float value) {
  switch (marginal) {
    case Marginal::kPlain:
      return value;
    case Marginal::kExponential:
      return std::exp(std::clamp(value, -4.0f, 4.0f));
    case Marginal::kSquashed:
      return std::tanh(2 * value);
    case Marginal::kPower:
      return std::copysign(std::pow(std::abs(value), 1.7f), value);
    case Marginal::kRounded:
      return std::round(2 * value);
    case Marginal::kBinary:
      return value > 0 ? 1.0f : 0.0f;
  }
  return value;
}

class TableClassSet : public ClassSet {
 public:
  TableClassSet(TableShape shape, int num_classes, int num_inputs, Random& random)
      : num_classes_(num_classes),
        seed_(draw_seed(random)),
        latent_(shape, num_classes, random),
        tail_(random.below(2) == 0 ? 0.0f : random.uniform(0.2f, 0.8f)),
        columns_(static_cast<std::size_t>(num_inputs)) {
    draw_columns(random);
    standardise(random);
  }
  int num_classes() const override { return num_classes_; }
  int num_inputs() const override { return static_cast<int>(columns_.size()); }
  int num_instances(int) const override { return kNumRows; }
  // A row is a function of its number.
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    Random row(seed_, Purpose::kTask, static_cast<std::uint64_t>(class_index),
               static_cast<std::uint32_t>(instance_index));
    raw_row(class_index, row, out);
    for (std::size_t u = 0; u < out.size(); ++u) {
      out[u] = (out[u] - columns_[u].mean) * columns_[u].scale;
    }
  }

 private:
  // Signal columns mix some or all of the factors; the others are noise alone.
  void draw_columns(Random& random) {
    const auto F = static_cast<std::size_t>(latent_.num_factors());
    const float signal_share = random.uniform(0.25f, 1.0f);
    const float plain_share = random.uniform(0.2f, 1.0f);
    const float nuisance = random.log_uniform(0.3f, 2.0f);
    const float noise = random.log_uniform(0.1f, 1.0f);
    const bool sparse = random.below(2) == 0;
    mix_.assign(columns_.size() * F, 0.0f);
    for (std::size_t u = 0; u < columns_.size(); ++u) {
      TableColumn& column = columns_[u];
      if (random.uniform() >= plain_share) {
        column.marginal = static_cast<Marginal>(random.between(1, kNumMarginals - 1));
      }
      column.offset = 0.5f * random.normal();
      // One column of each signal at least.
      if (u >= static_cast<std::size_t>(latent_.num_signals()) &&
          random.uniform() >= signal_share) {
        column.noise = 1;
        continue;
      }
      column.noise = noise * random.log_uniform(0.5f, 2.0f);
      const int count = sparse ? std::min(3, static_cast<int>(F)) : static_cast<int>(F);
      for (int n = 0; n < count; ++n) {
        const auto f =
            sparse ? random.below(static_cast<std::uint32_t>(F)) : static_cast<std::uint32_t>(n);
        const float size = f < static_cast<std::uint32_t>(latent_.num_signals()) ? 1.0f : nuisance;
        mix_[u * F + f] = size * random.normal() / std::sqrt(static_cast<float>(count));
      }
    }
  }

  // As fit_preprocess does: by mean and deviation, a constant column becomes 0.
  void standardise(Random& random) {
    std::vector<float> row(columns_.size());
    std::vector<double> sum(columns_.size()), square(columns_.size());
    for (int n = 0; n < kNumFitted; ++n) {
      raw_row(n % num_classes_, random, row);
      for (std::size_t u = 0; u < row.size(); ++u) {
        sum[u] += row[u];
        square[u] += double{row[u]} * row[u];
      }
    }
    for (std::size_t u = 0; u < row.size(); ++u) {
      const double mean = sum[u] / kNumFitted;
      const double variance = square[u] / kNumFitted - mean * mean;
      columns_[u].mean = static_cast<float>(mean);
      columns_[u].scale = variance > 1e-6 ? static_cast<float>(1 / std::sqrt(variance)) : 0.0f;
    }
  }

  void raw_row(int class_index, Random& random, std::span<float> out) const {
    const auto F = static_cast<std::size_t>(latent_.num_factors());
    std::vector<float> factors(F);
    latent_.draw(class_index, random, factors);
    for (std::size_t u = 0; u < out.size(); ++u) {
      const TableColumn& column = columns_[u];
      float noise = random.normal();
      if (tail_ > 0) noise *= std::exp(tail_ * random.normal());
      float value = column.offset + column.noise * std::clamp(noise, -kLargestNoise, kLargestNoise);
      for (std::size_t f = 0; f < F; ++f) value += mix_[u * F + f] * factors[f];
      out[u] = apply_marginal(column.marginal, value);
    }
  }

  int num_classes_;
  std::uint64_t seed_;
  TableLatent latent_;
  float tail_;  // 0: normal noise; else its deviation is log-normal with this spread
  std::vector<TableColumn> columns_;
  std::vector<float> mix_;  // [num_inputs, num_factors]
};

}  // namespace

std::span<const TableShape> table_shapes(Split split) {
  static constexpr std::array kTrain = {TableShape::kClusters, TableShape::kEllipsoids,
                                        TableShape::kSubspaces, TableShape::kShells};
  static constexpr std::array kValidation = {TableShape::kCurves, TableShape::kPolytopes};
  if (split == Split::kTrain) return kTrain;
  return kValidation;
}

std::unique_ptr<ClassSet> TableFamily::draw_classes(Split split, int num_classes,
                                                    Random& random) const {
  const auto shapes = table_shapes(split);
  const TableShape shape = shapes[random.below(static_cast<std::uint32_t>(shapes.size()))];
  return draw_classes(shape, num_classes, random);
}

std::unique_ptr<ClassSet> TableFamily::draw_classes(TableShape shape, int num_classes,
                                                    Random& random) const {
  const int num_inputs = draw_num_inputs(min_inputs_, max_inputs_, random);
  return std::make_unique<TableClassSet>(shape, num_classes, num_inputs, random);
}

}  // namespace metaplastic
