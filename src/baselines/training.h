// The training loop that all gradient-trained baselines share, and what comes out of it: encoders
// at several stopping points, and the objective over time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "baselines/network.h"
#include "eval/learned_method.h"
#include "eval/method.h"

namespace metaplastic {

inline constexpr int kTrainingBatch = 128;

// The base model at one stopping point, and the linear layer behind it (a code, an embedding).
struct NetworkState {
  Encoder trunk;     // record.inner_steps: the training steps done
  FoldedLayer head;  // empty: none to read out

  bool has_head() const { return !head.b.empty(); }
  int num_layers() const { return trunk.num_layers() + has_head(); }
  int width(int layer) const;
};
// Features of prepared rows [N,U_0] at layer 1..num_layers(): out [N,width(layer)].
void encode_state(const NetworkState& state, std::span<const float> rows, std::int64_t num_rows,
                  int layer, std::span<float> out);

// What is maximised, per row and in nats where it is a likelihood; a mean over the training batches
// since the point before.
struct ObjectivePoint {
  int step = 0;
  double objective = 0;       // reconstruction - divergence, or minus the loss
  double reconstruction = 0;  // of autoencoders: log p(x | code)
  double divergence = 0;      // of the VAE: KL(q(code | x) || p(code))
};

struct Training {
  std::vector<NetworkState> states;   // ascending in steps
  std::vector<ObjectivePoint> trace;  // ascending in steps
  std::optional<int> broken_at;       // the step whose loss was not finite; states end before it
};

struct TrainingOptions {
  double lr = 1e-3;
  int num_steps = 6000;
  std::set<int> stops;   // steps to keep a state at, each in 0..num_steps
  int trace_every = 50;  // steps per point of the trace
  std::function<void(int step, int num_steps)> on_step;
  std::function<bool()> should_stop;
};

// The base model with a head, as layers of a network; `trunk` and `head` are their numbers, -1 for
// no head.
struct TrainedLayers {
  Architecture architecture;
  int trunk = 0, head = -1;
};

// Each step: `set_bars` builds the step's loss on the network's tape and sets its bars. States are
// folded by the statistics rows [N,U_0]. Ends early, with broken_at, where the loss is not finite.
Training train_network(Network& network, const TrainedLayers& layers,
                       std::span<const float> statistics_rows, std::int64_t num_statistics_rows,
                       const TrainingOptions& options,
                       const std::function<ObjectivePoint(int step)>& set_bars);

// Every state and layer as a candidate (with kTopLayer: only the base model's top layer), with
// `settings` and the layer; the head is called "code".
std::vector<FeatureCandidate> state_candidates(
    const std::shared_ptr<const std::vector<NetworkState>>& states, const nlohmann::json& settings,
    ReadLayers layers);

}  // namespace metaplastic
