#include "baselines/softhebb.h"

#include <algorithm>
#include <cmath>

#include "apply/training_rows.h"
#include "base/error.h"
#include "baselines/patch_method.h"
#include "baselines/streams.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

// In place, u [B,U] to y: the softmax, less than 0 for all but the winner.
void compete(std::span<float> u, int U, double temperature) {
  const auto scale = static_cast<float>(1 / temperature);
  for (std::size_t first = 0; first < u.size(); first += static_cast<std::size_t>(U)) {
    const auto row = u.subspan(first, static_cast<std::size_t>(U));
    const std::size_t winner =
        static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    const float most = row[winner];
    float sum = 0;
    for (float& value : row) sum += value = std::exp((value - most) * scale);
    for (float& value : row) value /= -sum;
    row[winner] = -row[winner];
  }
}

// The filters of max(0, u_k - mean of u).
FoldedLayer triangle_filters(std::span<const float> weights, int U) {
  const std::size_t K = weights.size() / static_cast<std::size_t>(U);
  FoldedLayer layer;
  layer.b.assign(static_cast<std::size_t>(U), 0.0f);
  layer.W.resize(weights.size());
  for (std::size_t k = 0; k < K; ++k) {
    float sum = 0;
    for (std::size_t u = 0; u < layer.b.size(); ++u) sum += weights[u * K + k];
    for (std::size_t u = 0; u < layer.b.size(); ++u)
      layer.W[k * layer.b.size() + u] = weights[u * K + k] - sum / static_cast<float>(U);
  }
  return layer;
}

class SoftHebb : public PatchMethod {
 public:
  SoftHebb(const FitOptions& fit, int num_steps)
      : PatchMethod("softhebb", fit), num_steps_(num_steps) {}

 protected:
  std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows, const RowSource&,
                                      const MethodContext& context) override {
    SoftHebbOptions options;
    options.units = rows.layers[0].spec.units;
    options.lr = trial % 3 == 1 ? 0.02 : 0.08;
    options.temperature = trial % 3 == 2 ? 0.5 : 1;
    options.num_steps = num_steps_;
    options.seed = context.seed;
    options.run = static_cast<std::uint32_t>(trial);
    const std::vector<float> weights = train_softhebb(*rows.windows, options);
    PatchRows own = rows;
    own.layers[0].spec.sparse = false;  // triangles are, and have no batch norm
    FeatureCandidate candidate = filter_candidate(own, triangle_filters(weights, options.units));
    candidate.steps = options.num_steps;
    candidate.settings["lr"] = options.lr;
    candidate.settings["temperature"] = options.temperature;
    return {candidate};
  }

 private:
  int num_steps_;
};

}  // namespace

void softhebb_step(std::span<const float> windows, int num_inputs, double lr, double temperature,
                   std::span<float> weights) {
  const int K = num_inputs, U = static_cast<int>(weights.size()) / K,
            B = static_cast<int>(windows.size()) / K;
  std::vector<float> u(static_cast<std::size_t>(B) * static_cast<std::size_t>(U)),
      step(weights.size());
  gemm(false, true, B, U, K, 1.0f, windows.data(), K, weights.data(), K, 0.0f, u.data(), U);
  std::vector<float> y = u;
  compete(y, U, temperature);
  gemm(true, false, U, K, B, 1.0f, y.data(), U, windows.data(), K, 0.0f, step.data(), K);
  float largest = 0;
  for (int k = 0; k < U; ++k) {
    float moved = 0;  // sum over windows of y_k u_k
    for (int b = 0; b < B; ++b) {
      const auto at = static_cast<std::size_t>(b * U + k);
      moved += y[at] * u[at];
    }
    for (int i = 0; i < K; ++i) {
      const auto at = static_cast<std::size_t>(k * K + i);
      step[at] -= moved * weights[at];
      largest = std::max(largest, std::abs(step[at]));
    }
  }
  if (largest == 0) return;
  for (int k = 0; k < U; ++k) {
    float* const w = weights.data() + std::ptrdiff_t{k} * K;
    const double length = std::sqrt(static_cast<double>(kernels<float>().dot(w, w, K)));
    const double rate = lr * std::sqrt(std::abs(length - 1)) / static_cast<double>(largest);
    for (int i = 0; i < K; ++i)
      w[i] += static_cast<float>(rate) * step[static_cast<std::size_t>(k * K + i)];
  }
}

std::vector<float> train_softhebb(const RowSource& windows, const SoftHebbOptions& options) {
  METAPLASTIC_CHECK(options.units >= 1 && options.num_steps >= 0 && options.batch >= 1);
  const int K = windows.num_features();
  std::vector<float> weights(static_cast<std::size_t>(options.units) * static_cast<std::size_t>(K));
  Random random(options.seed, Purpose::kBaseline, kWeightStream, options.run);
  const auto deviation = static_cast<float>(options.radius / std::sqrt(static_cast<double>(K)));
  for (float& weight : weights) weight = deviation * random.normal();
  TrainingRows rows(windows, options.seed, options.batch, Purpose::kBaseline, options.run);
  for (int step = 0; step < options.num_steps; ++step) {
    rows.batch(step);
    softhebb_step(rows.last_rows(), K, options.lr, options.temperature, weights);
  }
  if (!std::ranges::all_of(weights, [](float w) { return std::isfinite(w); }))
    fail("softhebb: expected finite weights, found others; leave it out of --methods");
  return weights;
}

std::unique_ptr<FeatureMethod> softhebb_method(const FitOptions& options, int num_steps) {
  return std::make_unique<SoftHebb>(options, num_steps);
}

}  // namespace metaplastic
