#include "baselines/training.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kForwardRows = 512;

NetworkState state_of(const Network& network, const TrainedLayers& layers,
                      std::span<const float> rows, std::int64_t num_rows, int step) {
  NetworkState state;
  state.trunk.activation = layers.architecture.activation;
  state.trunk.layers =
      dense_layers(layers.architecture, network.fold_stack(layers.trunk, rows, num_rows));
  state.trunk.record.inner_steps = step;
  state.trunk.record.inner_batch = kTrainingBatch;
  if (layers.head >= 0) state.head = network.linear_layer(layers.head);
  return state;
}

// Means over the steps since the last point.
class Trace {
 public:
  explicit Trace(int every) : every_(every) {}
  void add(const ObjectivePoint& point, std::vector<ObjectivePoint>& trace) {
    sum_.objective += point.objective;
    sum_.reconstruction += point.reconstruction;
    sum_.divergence += point.divergence;
    if (++count_ < every_) return;
    trace.push_back({point.step, sum_.objective / count_, sum_.reconstruction / count_,
                     sum_.divergence / count_});
    sum_ = {};
    count_ = 0;
  }

 private:
  int every_, count_ = 0;
  ObjectivePoint sum_;
};

}  // namespace

int NetworkState::width(int layer) const {
  METAPLASTIC_CHECK(layer >= 1 && layer <= num_layers());
  return layer > trunk.num_layers() ? static_cast<int>(head.b.size()) : trunk.num_features(layer);
}

void encode_state(const NetworkState& state, std::span<const float> rows, std::int64_t num_rows,
                  int layer, std::span<float> out) {
  if (layer <= state.trunk.num_layers()) return encode(state.trunk, rows, num_rows, layer, out);
  const std::int64_t U_0 = state.trunk.num_inputs();
  const int U_L = state.trunk.num_features();
  const int k = state.width(layer);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == num_rows * k);
  std::vector<float> top(static_cast<std::size_t>(kForwardRows * U_L));
  for (std::int64_t first = 0; first < num_rows; first += kForwardRows) {
    const std::int64_t count = std::min(kForwardRows, num_rows - first);
    encode(
        state.trunk,
        rows.subspan(static_cast<std::size_t>(first * U_0), static_cast<std::size_t>(count * U_0)),
        count, layer - 1, {top.data(), static_cast<std::size_t>(count * U_L)});
    float* block = out.data() + first * k;
    for (std::int64_t i = 0; i < count; ++i) std::ranges::copy(state.head.b, block + i * k);
    gemm(false, false, static_cast<int>(count), k, U_L, 1.0f, top.data(), U_L, state.head.W.data(),
         k, 1.0f, block, k);
  }
}

Training train_network(Network& network, const TrainedLayers& layers,
                       std::span<const float> statistics_rows, std::int64_t num_statistics_rows,
                       const TrainingOptions& options,
                       const std::function<ObjectivePoint(int step)>& set_bars) {
  METAPLASTIC_CHECK(options.num_steps >= 0 && options.trace_every >= 1);
  Training training;
  Trace trace(options.trace_every);
  for (int step = 0;; ++step) {
    if (options.stops.contains(step)) {
      training.states.push_back(
          state_of(network, layers, statistics_rows, num_statistics_rows, step));
    }
    if (step == options.num_steps) return training;
    if (options.should_stop && options.should_stop()) throw Stopped{};
    network.begin_step();
    ObjectivePoint point = set_bars(step);
    point.step = step + 1;
    if (!std::isfinite(point.objective)) {
      training.broken_at = step;
      return training;
    }
    trace.add(point, training.trace);
    network.finish_step(options.lr);
    if (options.on_step) options.on_step(step + 1, options.num_steps);
  }
}

std::vector<FeatureCandidate> state_candidates(
    const std::shared_ptr<const std::vector<NetworkState>>& states, const nlohmann::json& settings,
    ReadLayers layers) {
  std::vector<FeatureCandidate> candidates;
  for (std::size_t n = 0; n < states->size(); ++n) {
    const NetworkState& state = (*states)[n];
    const int top = state.trunk.num_layers();
    std::vector<int> tried = layers_to_try(layers, top);
    if (!layers && state.has_head()) tried.push_back(state.num_layers());
    for (const int layer : tried) {
      FeatureCandidate candidate;
      candidate.settings = settings;
      candidate.num_features =
          layer > top ? state.width(layer) : num_features(state.trunk, {.layer = layer});
      candidate.settings["features"] = candidate.num_features;
      put_layer(layers, layer, candidate.settings);
      if (layer > top) candidate.settings["layer"] = "code";
      candidate.steps = state.trunk.record.inner_steps;
      candidate.encode = [states, n, layer](std::span<const float> rows, std::int64_t num_rows,
                                            std::span<float> out) {
        encode_state((*states)[n], rows, num_rows, layer, out);
      };
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

}  // namespace metaplastic
