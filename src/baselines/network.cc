#include "baselines/network.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "baselines/streams.h"

namespace metaplastic {
namespace {

struct AdamConstants {  // Kingma and Ba 2015, the values of their Algorithm 1
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
};
constexpr AdamConstants kAdam{};

// One step of Adam, t = 1, 2, ..: element by element, so that the compiler makes vectors of it.
void adam_step(std::span<const float> gradient, double lr, int t, std::span<float> moment1,
               std::span<float> moment2, std::span<float> values) {
  const auto step = static_cast<float>(lr / (1 - std::pow(double{kAdam.beta1}, t)));
  const auto correct2 = static_cast<float>(1 / (1 - std::pow(double{kAdam.beta2}, t)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float g = gradient[i];
    moment1[i] = kAdam.beta1 * moment1[i] + (1 - kAdam.beta1) * g;
    moment2[i] = kAdam.beta2 * moment2[i] + (1 - kAdam.beta2) * g * g;
    values[i] -= step * moment1[i] / (std::sqrt(moment2[i] * correct2) + kAdam.eps);
  }
}

}  // namespace

Network::Network(std::uint64_t seed, std::uint32_t run)
    : random_(seed, Purpose::kBaseline, kWeightStream, run) {}

std::size_t Network::add_weights(int rows, int cols, double deviation) {
  Weights weights{rows, cols, {}, {}, {}, 0, {}};
  const auto size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
  weights.values.resize(size);
  weights.moment1.assign(size, 0.0f);
  weights.moment2.assign(size, 0.0f);
  for (float& value : weights.values) value = static_cast<float>(deviation) * random_.normal();
  weights_.push_back(std::move(weights));
  return weights_.size() - 1;
}

int Network::add_stack(const Architecture& architecture) {
  architecture.validate();
  stacks_.push_back({architecture, weights_.size()});
  const auto& widths = architecture.widths;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    // Batch norm undoes the scale of W; it only sets how far a step of Adam turns a column.
    add_weights(widths[l - 1], widths[l], 1 / std::sqrt(static_cast<double>(widths[l - 1])));
    add_weights(1, widths[l], 0);
  }
  return static_cast<int>(stacks_.size()) - 1;
}

int Network::add_linear(int U_lo, int U_up) {
  linears_.push_back(add_weights(U_lo, U_up, 1 / std::sqrt(static_cast<double>(U_lo))));
  add_weights(1, U_up, 0);
  return static_cast<int>(linears_.size()) - 1;
}

void Network::begin_step() {
  tape_.reset(true);
  for (Weights& weights : weights_) {
    weights.leaf = tape_.leaf(weights.values.data(), weights.rows, weights.cols);
  }
}

Activations<float> Network::run_stack(int number, const Var<float>& x) {
  const Stack& stack = stacks_[static_cast<std::size_t>(number)];
  PhiVars<float> phi;
  phi.num_layers = stack.architecture.num_layers();
  for (std::size_t l = 1; l <= static_cast<std::size_t>(phi.num_layers); ++l) {
    phi.W[l] = weights_[stack.first + 2 * (l - 1)].leaf;
    phi.b[l] = weights_[stack.first + 2 * (l - 1) + 1].leaf;
  }
  return forward(tape_, phi, stack.architecture.activation, x);
}

Var<float> Network::run_linear(int number, const Var<float>& x) {
  const std::size_t at = linears_[static_cast<std::size_t>(number)];
  return add_unit_bias(tape_, matmul(tape_, weights_[at].leaf, true, x, false),
                       weights_[at + 1].leaf);
}

void Network::finish_step(double lr) {
  tape_.backward();
  for (Weights& weights : weights_) {
    if (!tape_.has_bar(weights.leaf)) continue;
    adam_step({tape_.bar(weights.leaf), weights.values.size()}, lr, ++weights.num_updates,
              weights.moment1, weights.moment2, weights.values);
  }
}

std::vector<FoldedLayer> Network::fold_stack(int number, std::span<const float> rows,
                                             std::int64_t num_rows) const {
  const Stack& stack = stacks_[static_cast<std::size_t>(number)];
  std::vector<float> phi(static_cast<std::size_t>(stack.architecture.phi_size()), 0.0f);
  for (int l = 1; l <= stack.architecture.num_layers(); ++l) {
    const LayerOffsets at = layer_offsets(stack.architecture, l);
    const std::size_t first = stack.first + 2 * static_cast<std::size_t>(l - 1);
    std::ranges::copy(weights_[first].values, phi.begin() + at.W);
    std::ranges::copy(weights_[first + 1].values, phi.begin() + at.b);
  }
  return fold_layers(stack.architecture, phi, rows, num_rows);
}

FoldedLayer Network::linear_layer(int number) const {
  const std::size_t at = linears_[static_cast<std::size_t>(number)];
  return {weights_[at].values, weights_[at + 1].values};
}

}  // namespace metaplastic
