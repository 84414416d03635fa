#include <pybind11/stl.h>

#include "base/clock.h"
#include "base/error.h"
#include "callable_family.h"
#include "meta/outer_update.h"
#include "meta/run_folder.h"
#include "meta/task_traits.h"
#include "meta/validation.h"
#include "meta_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

MetaConfig synchronous(MetaConfig config) {
  if (config.outer.mode == "sync") return config;
  fail(
      "outer.mode: expected \"sync\" for a loop that Python drives, which gives one estimate of "
      "each trajectory per update, found \"{}\"; change it, or use train",
      config.outer.mode);
}

// The outer half of a synchronous run, for callers that make the gradients elsewhere: theta, Adam,
// the states of all trajectories, and the run folder. The same bits as meta_train when it is given
// the same gradients.
class OuterLoop {
 public:
  OuterLoop(const std::string& config_json, const std::string& out, std::uint64_t seed, bool resume,
            const py::sequence& families)
      : config_(synchronous(config_from_json(config_json))),
        tasks_(config_.tasks, callable_families(families, config_.tasks)),
        folder_(out, config_, seed, tasks_.describe()) {
    if (resume) {
      state_ = folder_.resume(config_);
      earlier_seconds_ = state_.seconds;
      catch_up_validation();
      return;
    }
    state_.seed = seed;
    state_.outer = start_outer_state(
        with_measured_traits(config_, tasks_, seed, initial_theta(config_, seed)));
    folder_.begin();
    state_.slots.resize(static_cast<std::size_t>(config_.outer.outer_batch));
    for (std::size_t s = 0; s < state_.slots.size(); ++s) {
      open_slot(config_, tasks_, seed, static_cast<int>(s), 0, state_.slots[s]);
      state_.slots[s].task.reset();
    }
    save();  // so that a run which is killed can be resumed, however early
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
                  const std::vector<TaskState>& states, double seconds, int num_threads,
                  const py::object& on_note) {
    if (num_threads < 1) fail("num_threads: expected 1 or more, found {}", num_threads);
    if (gradients.size() != state_.slots.size() || states.size() != state_.slots.size()) {
      fail("update: expected {} gradients and task states, found {} and {}", state_.slots.size(),
           gradients.size(), states.size());
    }
    std::vector<Report> reports = reports_of(gradients, states);
    for (const Report& report : reports) note_if_non_finite(report, on_note);
    OuterMetrics metrics = outer_update(config_, std::move(reports), state_);
    for (std::size_t s = 0; s < states.size(); ++s) state_.slots[s] = states[s].slot();
    metrics.seconds = seconds;
    state_.seconds = earlier_seconds_ + watch_.seconds();
    const bool last = state_.outer.outer_step >= config_.outer.outer_steps;
    const std::int64_t step = state_.outer.outer_step;
    {
      const py::gil_scoped_release release;
      if (last || validation_due(config_, state_)) validate(metrics, num_threads);
      folder_.append_metrics(metrics);
      if (last || step % config_.outer.checkpoint_every == 0) folder_.save(state_);
    }
    return metrics_dict(metrics);
  }

  void save() { folder_.save(state_); }

 private:
  // What ranks would have sent.
  std::vector<Report> reports_of(
      const std::vector<py::array_t<float, py::array::c_style>>& gradients,
      const std::vector<TaskState>& states) const {
    std::vector<Report> reports(states.size());
    for (std::size_t s = 0; s < states.size(); ++s) {
      const TaskState& state = states[s];
      if (state.slot_index != static_cast<int>(s) ||
          gradients[s].size() != static_cast<py::ssize_t>(state_.outer.theta.size())) {
        fail("update: expected the estimate of slot {}, found another; keep their order", s);
      }
      Report& report = reports[s];
      static_cast<SlotEstimate&>(report) = state.made;
      report.slot = state.slot_index;
      report.outer_step = state_.outer.outer_step;
      report.data_seconds = state.data_seconds;
      report.gradient.assign(gradients[s].data(), gradients[s].data() + gradients[s].size());
      finish_report(config_.outer, report);
    }
    return reports;
  }

  void note_if_non_finite(const Report& report, const py::object& on_note) const {
    if (report.result.finite || on_note.is_none()) return;
    on_note(describe_non_finite(report, tasks_, state_.seed));
  }

  // A sitting of the command line that was stopped leaves its validation to the next one.
  void catch_up_validation() {
    if (!validation_due(config_, state_)) return;
    OuterMetrics metrics;
    metrics.outer_step = state_.outer.outer_step;
    validate(metrics, 1);
    folder_.append_metrics(metrics);
  }

  void validate(OuterMetrics& metrics, int num_threads) {
    metrics.validation =
        validate_theta(config_, tasks_, state_.seed, state_.outer.average, num_threads);
    folder_.take_validation(
        {state_.outer.outer_step, metrics.validation->accuracy, state_.outer.average},
        validation_due(config_, state_), state_);
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
      .def(py::init<const std::string&, const std::string&, std::uint64_t, bool,
                    const py::sequence&>(),
           py::arg("config_json"), py::arg("out"), py::arg("seed") = 0, py::arg("resume") = false,
           py::arg("families") = py::tuple())
      .def_property_readonly("theta", &OuterLoop::theta)
      .def_property_readonly("average", &OuterLoop::average)
      .def_property_readonly("outer_step", &OuterLoop::outer_step)
      .def_property_readonly("seed", &OuterLoop::seed)
      .def("states", &OuterLoop::states)
      .def("update", &OuterLoop::update, py::arg("gradients"), py::arg("task_states"),
           py::kw_only(), py::arg("seconds") = 0.0, py::arg("num_threads") = 1,
           py::arg("on_note") = py::none())
      .def("save", &OuterLoop::save);
}

}  // namespace metaplastic::python
