#include "meta/gradient_estimator.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/error.h"
#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

// A stream's step holds truncation and pair.
constexpr int kPairBits = 8;

class Backprop : public GradientEstimator {
 public:
  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t,
                            TrajectoryState& state, std::span<float> gradient) const override {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    const Window window = problem.window(state.inner_step, state.truncation);
    const TruncationResult result = problem.gradient(window, theta, state.phi, gradient);
    move_on(window, state);
    return result;
  }
};

std::unique_ptr<GradientEstimator> make_backprop(const EstimatorConfig&) {
  return std::make_unique<Backprop>();
}

struct EstimatorRow {
  std::string_view name;
  std::unique_ptr<GradientEstimator> (*make)(const EstimatorConfig& config);
};

constexpr EstimatorRow kEstimators[] = {
    {"backprop", make_backprop}, {"truncated-es", make_truncated_es},
    {"full-es", make_full_es},   {"pes", make_pes},
    {"mixed", make_mixed},       {"backprop-es", make_backprop_es}};

}  // namespace

std::vector<std::string> estimator_names() {
  std::vector<std::string> names;
  for (const EstimatorRow& row : kEstimators) names.emplace_back(row.name);
  return names;
}

std::unique_ptr<GradientEstimator> make_estimator(const EstimatorConfig& config) {
  const auto row = std::ranges::find(kEstimators, config.name, &EstimatorRow::name);
  METAPLASTIC_CHECK(row != std::end(kEstimators));
  return row->make(config);
}

void draw_perturbation(std::uint64_t seed, std::uint64_t task_index, std::int64_t truncation,
                       int pair, double sigma, std::span<float> noise) {
  METAPLASTIC_CHECK(truncation >= 0 && truncation < (std::int64_t{1} << (32 - kPairBits)));
  METAPLASTIC_CHECK(pair >= 0 && pair < (1 << kPairBits));
  const auto step =
      (static_cast<std::uint32_t>(truncation) << kPairBits) | static_cast<std::uint32_t>(pair);
  Random random(seed, Purpose::kEstimator, task_index, step);
  for (float& value : noise) value = static_cast<float>(sigma) * random.normal();
}

void perturb(const InnerProblem& problem, std::uint64_t seed, std::int64_t truncation, int pair,
             double sigma, std::span<float> noise) {
  draw_perturbation(seed, problem.task_index(), truncation, pair, sigma, noise);
  problem.keep_trained(noise);
}

void shift(std::span<const float> theta, float sign, std::span<const float> noise,
           std::vector<float>& out) {
  out.resize(theta.size());
  for (std::size_t i = 0; i < theta.size(); ++i) out[i] = theta[i] + sign * noise[i];
}

void ResultMean::add(const TruncationResult& result) {
  sum_.meta_loss += result.meta_loss;
  sum_.accuracy += result.accuracy;
  sum_.num_judged += result.num_judged;
  sum_.finite = sum_.finite && result.finite;
  ++count_;
}

TruncationResult ResultMean::mean() const {
  METAPLASTIC_CHECK(count_ > 0);
  TruncationResult result = sum_;
  result.meta_loss /= count_;
  result.accuracy /= count_;
  return result;
}

void add_pair(double loss_plus, double loss_minus, double sigma, int pairs,
              std::span<const float> noise, std::span<float> gradient) {
  const double slope = (loss_plus - loss_minus) / (2 * sigma * sigma * pairs);
  for (std::size_t i = 0; i < noise.size(); ++i) {
    gradient[i] += static_cast<float>(slope * static_cast<double>(noise[i]));
  }
}

void move_on(const Window& window, TrajectoryState& state) {
  state.inner_step += window.K;
  ++state.truncation;
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace metaplastic
