#include "meta/stack_model.h"

#include <cmath>

#include "meta/inner_run.h"
#include "objective/judge.h"

namespace metaplastic {

PooledAnswers::PooledAnswers(const Architecture& conv, std::span<const float> phi,
                             std::span<const float> examples, const TaskWindows& windows)
    : size_(conv.num_inputs()),
      units_(conv.num_features()),
      activation_(conv.activation),
      grid_{windows.down(), windows.across(), windows.cells_down, windows.cells_across} {
  const LayerOffsets at = layer_offsets(conv, 1);
  const auto S = static_cast<std::size_t>(size_), U = static_cast<std::size_t>(units_);
  W_.assign(phi.begin() + at.W, phi.begin() + at.W + static_cast<std::ptrdiff_t>(S * U));
  b_.assign(phi.begin() + at.b, phi.begin() + at.b + units_);
  const std::size_t N = examples.size() / S;
  METAPLASTIC_CHECK(N >= 2 && examples.size() == N * S);
  Tape<float> tape;
  tape.reset(false);
  const Var<float> sums = matmul(tape, tape.constant(W_.data(), size_, units_), true,
                                 batch_of(tape, conv, examples), false);
  for (std::size_t u = 0; u < U; ++u) {
    double total = 0, square = 0;
    for (std::size_t n = 0; n < N; ++n) total += static_cast<double>(sums.data[u * N + n]);
    const double mean = total / static_cast<double>(N);
    for (std::size_t n = 0; n < N; ++n) {
      const double centred = static_cast<double>(sums.data[u * N + n]) - mean;
      square += centred * centred;
    }
    const double deviation = std::sqrt(square / static_cast<double>(N) + kBatchNormEps);
    b_[u] -= static_cast<float>(mean / deviation);
    for (std::size_t i = u; i < S * U; i += U)
      W_[i] = static_cast<float>(static_cast<double>(W_[i]) / deviation);
  }
}

std::vector<float> PooledAnswers::answer(std::span<const float> windows, int num_instances) const {
  Tape<float> tape;
  tape.reset(false);
  const Var<float> x = tape.constant(windows.data(), size_, 1, num_instances * grid_.places());
  const Var<float> sums = matmul(tape, tape.constant(W_.data(), size_, units_), true, x, false);
  const Var<float> z = add_unit_bias(tape, sums, tape.constant(b_.data(), 1, units_));
  const Var<float> answers = pooled(tape, map(tape, activation_, z), grid_);
  return {answers.data, answers.data + static_cast<std::ptrdiff_t>(num_answers()) * num_instances};
}

void learn_below(const MetaConfig& config, std::span<const float> theta,
                 const TrajectorySettings& settings, Random first_phi, Task& task, TaskData& data,
                 Tape<float>& tape) {
  const Architecture& conv = *settings.below;
  std::optional<NeighbourMetric> metric;
  data.start(task, 0, 1, settings.inner_batch, config, metric, settings.rows);
  std::vector<float> phi = make_phi<float>(conv, config.inner.phi_init(), first_phi);
  const InnerRun run =
      run_inner(config, theta, conv, std::move(phi), settings.T, {settings.T}, data, tape);
  task.see_answers(std::make_shared<PooledAnswers>(conv, run.states.back(), data.pool_examples(),
                                                   *task.windows()));
}

}  // namespace metaplastic
