#include "meta/stack_model.h"

#include <utility>

#include "base/transpose.h"
#include "meta/inner_run.h"
#include "objective/judge.h"

namespace metaplastic {

PooledAnswers::PooledAnswers(const Architecture& conv, std::span<const float> phi,
                             std::span<const float> examples, const TaskWindows& windows)
    : size_(conv.num_inputs()),
      units_(conv.num_features()),
      activation_(conv.activation),
      grid_{windows.down(), windows.across(), windows.cells_down, windows.cells_across} {
  const std::size_t N = examples.size() / static_cast<std::size_t>(size_);
  std::vector<float> rows(examples.size());
  transpose_rows(examples, size_, rows);
  layer_ = std::move(fold_layers(conv, phi, rows, static_cast<std::int64_t>(N)).front());
}

std::vector<float> PooledAnswers::answer(std::span<const float> windows, int num_instances) const {
  Tape<float> tape;
  tape.reset(false);
  const Var<float> x = tape.constant(windows.data(), size_, 1, num_instances * grid_.places());
  const Var<float> sums =
      matmul(tape, tape.constant(layer_.W.data(), size_, units_), true, x, false);
  const Var<float> z = add_unit_bias(tape, sums, tape.constant(layer_.b.data(), 1, units_));
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
