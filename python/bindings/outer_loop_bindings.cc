#include <pybind11/stl.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "meta/run_folder.h"
#include "meta/validation.h"
#include "meta_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// The outer half of a synchronous run, for callers that make the gradients elsewhere: theta, Adam,
// the states of all trajectories, and the run folder. The same bits as meta_train when it is given
// the same gradients.
class OuterLoop {
 public:
  OuterLoop(const std::string& config_json, const std::string& out, std::uint64_t seed, bool resume)
      : config_(config_from_json(config_json)),
        tasks_(config_.tasks),
        folder_(out, config_, seed, tasks_.describe()) {
    if (resume) {
      state_ = folder_.resume(config_);
      earlier_seconds_ = state_.seconds;
      catch_up_validation();
      return;
    }
    state_.seed = seed;
    state_.outer = start_outer_state(initial_theta(config_, seed));
    folder_.begin();
    state_.slots.resize(static_cast<std::size_t>(config_.outer.outer_batch));
    for (std::size_t s = 0; s < state_.slots.size(); ++s) {
      open_slot(config_, tasks_, seed, static_cast<int>(s), 0, state_.slots[s]);
      state_.slots[s].task.reset();
    }
  }

  py::array_t<float> theta() const { return to_array(state_.outer.theta); }
  py::array_t<float> average() const { return to_array(state_.outer.average); }
  std::int64_t outer_step() const { return state_.outer.outer_step; }
  std::uint64_t seed() const { return state_.seed; }

  std::vector<TaskState> states() const {
    std::vector<TaskState> states(state_.slots.size());
    for (std::size_t s = 0; s < states.size(); ++s) {
      states[s].slot_index = static_cast<int>(s);
      states[s].take(state_.slots[s]);
    }
    return states;
  }

  // One update of theta from one estimate per slot, in the order of the slots; validates, records
  // and saves as the config says.
  py::dict update(const std::vector<py::array_t<float, py::array::c_style>>& gradients,
                  const std::vector<TaskState>& states, double seconds, int num_threads) {
    if (gradients.size() != state_.slots.size() || states.size() != state_.slots.size()) {
      fail("update: expected {} gradients and task states, found {} and {}", state_.slots.size(),
           gradients.size(), states.size());
    }
    std::vector<float> gradient(state_.outer.theta.size());
    OuterMetrics metrics = reduce(gradients, states, gradient);
    metrics.gradient_norm = clip_norm(gradient, config_.outer.clip_gradient);
    metrics.outer_lr = outer_lr_at(config_.outer, state_.outer.outer_step);
    adam_step(config_.outer, gradient, state_.outer);
    for (std::size_t s = 0; s < states.size(); ++s) state_.slots[s] = states[s].slot();
    metrics.outer_step = state_.outer.outer_step;
    metrics.seconds = seconds;
    state_.seconds = earlier_seconds_ + watch_.seconds();
    const bool last = state_.outer.outer_step >= config_.outer.outer_steps;
    const std::int64_t step = state_.outer.outer_step;
    {
      const py::gil_scoped_release release;
      if (last || validation_due()) validate(metrics, num_threads);
      folder_.append_metrics(metrics);
      if (last || step % config_.outer.checkpoint_every == 0) folder_.save(state_);
    }
    return metrics_dict(metrics);
  }

  void save() { folder_.save(state_); }

 private:
  // Clips each finite gradient and takes the mean, summed in the order of the slots.
  OuterMetrics reduce(const std::vector<py::array_t<float, py::array::c_style>>& gradients,
                      const std::vector<TaskState>& states, std::vector<float>& gradient) {
    OuterMetrics metrics;
    int num_finite = 0;
    for (std::size_t s = 0; s < states.size(); ++s) {
      const TaskState& state = states[s];
      if (state.slot_index != static_cast<int>(s) ||
          gradients[s].size() != static_cast<py::ssize_t>(gradient.size())) {
        fail("update: expected the estimate of slot {}, found another; keep their order", s);
      }
      ++metrics.num_truncations;
      metrics.inner_steps += state.inner_steps;
      if (!state.result.finite) {
        ++metrics.num_non_finite;
        continue;
      }
      ++num_finite;
      metrics.meta_loss += state.result.meta_loss;
      metrics.accuracy += state.result.accuracy;
      std::vector<float> clipped(gradients[s].data(), gradients[s].data() + gradient.size());
      clip_norm(clipped, config_.outer.clip_truncation);
      for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += clipped[i];
    }
    state_.non_finite_truncations += metrics.num_non_finite;
    if (num_finite == 0) return metrics;
    for (float& value : gradient) value /= static_cast<float>(num_finite);
    metrics.meta_loss /= num_finite;
    metrics.accuracy /= num_finite;
    return metrics;
  }

  bool validation_due() const {
    return state_.outer.outer_step % config_.validation.every == 0 &&
           state_.last_validation < state_.outer.outer_step;
  }

  // A sitting of the command line that was stopped leaves its validation to the next one.
  void catch_up_validation() {
    if (state_.outer.outer_step == 0 || !validation_due()) return;
    OuterMetrics metrics;
    metrics.outer_step = state_.outer.outer_step;
    validate(metrics, 1);
    folder_.append_metrics(metrics);
  }

  void validate(OuterMetrics& metrics, int num_threads) {
    const bool scheduled = validation_due();
    if (scheduled) state_.last_validation = state_.outer.outer_step;
    metrics.validation = judge_average(num_threads);
    const BestRule candidate{state_.outer.outer_step, metrics.validation->accuracy,
                             state_.outer.average};
    const bool best = state_.best.outer_step < 0 || candidate.accuracy >= state_.best.accuracy;
    folder_.write_rules(state_, candidate, best);
    if (best && scheduled) state_.best = candidate;
  }

  ValidationResult judge_average(int num_threads) const {
    std::vector<TaskScore> scores(static_cast<std::size_t>(config_.validation.num_tasks));
    std::vector<ValidationWorkspace> workspaces(static_cast<std::size_t>(num_threads));
    ThreadPool(num_threads).parallel_for(config_.validation.num_tasks, [&](int worker, int index) {
      scores[static_cast<std::size_t>(index)] =
          score_task(config_, tasks_, state_.seed, state_.outer.average, index,
                     workspaces[static_cast<std::size_t>(worker)]);
    });
    return summarize(scores);
  }

  const MetaConfig config_;
  const TaskDistribution tasks_;
  RunFolder folder_;
  RunState state_;
  double earlier_seconds_ = 0;
  Stopwatch watch_;
};

}  // namespace

void add_outer_loop(py::module_& module) {
  py::class_<OuterLoop>(module, "OuterLoop")
      .def(py::init<const std::string&, const std::string&, std::uint64_t, bool>(),
           py::arg("config_json"), py::arg("out"), py::arg("seed") = 0, py::arg("resume") = false)
      .def_property_readonly("theta", &OuterLoop::theta)
      .def_property_readonly("average", &OuterLoop::average)
      .def_property_readonly("outer_step", &OuterLoop::outer_step)
      .def_property_readonly("seed", &OuterLoop::seed)
      .def("states", &OuterLoop::states)
      .def("update", &OuterLoop::update, py::arg("gradients"), py::arg("task_states"),
           py::kw_only(), py::arg("seconds") = 0.0, py::arg("num_threads") = 1)
      .def("save", &OuterLoop::save);
}

}  // namespace metaplastic::python
