// Meta-training: whole runs, and the pure gradient of one truncation.
#include <pybind11/stl.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/stop.h"
#include "bindings.h"
#include "callable_family.h"
#include "io/json_text.h"
#include "meta/estimate_slot.h"
#include "meta/fields.h"
#include "meta/run_folder.h"
#include "meta/task_traits.h"
#include "meta/trainer.h"
#include "meta/validation.h"
#include "meta_state.h"

namespace py = pybind11;

namespace metaplastic::python {

MetaConfig config_from_json(const std::string& text) {
  const nlohmann::json values = parse_json(text);
  if (values.is_discarded()) fail("config: expected JSON, found other text; use json.dumps");
  MetaConfig config;
  load_json(values, "config", config);
  config.validate();
  return config;
}

namespace {
template <class Record>
py::dict dict_of(const Record& record) {
  py::dict dict;
  auto write = [&](const char* name, const auto& value) { dict[name] = value; };
  visit_fields(write, record);
  return dict;
}
}  // namespace

py::dict validation_dict(const ValidationResult& result) { return dict_of(result); }

py::dict metrics_dict(const OuterMetrics& m) {
  py::dict metrics = dict_of(m);
  metrics["validation"] =
      m.validation ? py::object(dict_of(*m.validation)) : py::object(py::none());
  return metrics;
}

namespace {

std::string config_from_toml(const std::string& path) {
  MetaConfig config;
  load_toml_file(path, config);
  return to_json(config).dump();
}

// A whole run as `metaplastic train` does it. on_step(metrics) returns whether to go on; when not,
// when it raises, and on Ctrl-C the run ends after the step in hand, saved.
std::string run_training(const std::string& config_json, const std::string& out, std::uint64_t seed,
                         int num_threads, bool resume, double minutes, const py::object& on_step,
                         const py::object& on_note, const py::sequence& families) {
  const MetaConfig config = config_from_json(config_json);
  RunOptions options;
  options.out = out;
  options.seed = seed;
  options.num_threads = num_threads;
  options.resume = resume;
  options.minutes = minutes;
  options.families = callable_families(families, config.tasks);
  std::exception_ptr raised;
  options.on_step = [&](const OuterMetrics& metrics) {
    const py::gil_scoped_acquire acquire;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!on_step(metrics_dict(metrics)).cast<bool>()) request_stop();
    } catch (...) {
      if (!raised) raised = std::current_exception();
      request_stop();
    }
  };
  options.on_note = [&](const std::string& line) {
    const py::gil_scoped_acquire acquire;
    if (!on_note.is_none()) on_note(line);
  };
  clear_stop();
  RunEnd end = RunEnd::kFinished;
  {
    const py::gil_scoped_release release;
    end = meta_train(config, options);
  }
  clear_stop();
  if (raised) std::rethrow_exception(raised);
  return end == RunEnd::kFinished ? "finished" : end == RunEnd::kStopped ? "stopped" : "minutes";
}

// The inner loop of one config: gradients as pure functions of (theta, state, seed).
class InnerLoop {
 public:
  InnerLoop(const std::string& config_json, const py::sequence& families)
      : config_(config_from_json(config_json)),
        layout_(config_.rule),
        tasks_(config_.tasks, callable_families(families, config_.tasks)),
        estimator_(make_estimator(config_.estimator)) {}

  std::int64_t num_parameters() const { return layout_.size(); }
  std::vector<std::string> describe() const { return tasks_.describe(); }
  py::array_t<float> theta_at_start(std::uint64_t seed) const {
    return to_array(with_measured_traits(config_, tasks_, seed, initial_theta(config_, seed)));
  }

  TaskState open(int slot_index, std::uint64_t seed, std::int64_t outer_step) const {
    if (slot_index < 0 || slot_index >= config_.outer.outer_batch) {
      fail("slot: expected 0 to {} (outer.outer_batch - 1), found {}",
           config_.outer.outer_batch - 1, slot_index);
    }
    TaskState state;
    state.slot_index = slot_index;
    Slot slot;
    open_slot(config_, tasks_, seed, slot_index, outer_step, slot);
    state.take(slot);
    return state;
  }

  // theta on the held-out tasks, as a run of this config validates.
  py::dict validate(const py::array_t<float, py::array::c_style | py::array::forcecast>& theta,
                    std::uint64_t seed, int num_threads) const {
    check_theta(theta.size());
    const std::vector<float> values(theta.data(), theta.data() + theta.size());
    ValidationResult result;
    {
      const py::gil_scoped_release release;
      result = validate_theta(config_, tasks_, seed, values, num_threads);
    }
    return validation_dict(result);
  }

  py::tuple estimate(const py::array_t<float, py::array::c_style | py::array::forcecast>& theta,
                     const TaskState& from, std::uint64_t seed, std::int64_t outer_step) {
    check_theta(theta.size());
    // A copy: whoever else holds the array may write to it while the GIL is released.
    const std::vector<float> values(theta.data(), theta.data() + theta.size());
    py::array_t<float> gradient(theta.size());
    const std::span<float> out(gradient.mutable_data(), values.size());
    TaskState state = from;
    {
      const py::gil_scoped_release release;
      advance(values, seed, outer_step, state, out);
    }
    return py::make_tuple(gradient, state);
  }

 private:
  void check_theta(std::int64_t size) const {
    if (size == layout_.size()) return;
    fail("theta: expected {} numbers, found {}; use the config's rule sizes", layout_.size(), size);
  }

  void advance(std::span<const float> theta, std::uint64_t seed, std::int64_t outer_step,
               TaskState& state, std::span<float> gradient) {
    Slot slot = state.slot();
    reopen_slot(config_, tasks_, seed, state.slot_index, slot);
    std::unique_ptr<TrajectoryWorkspace> workspace = take_workspace();
    state.made = estimate_slot({config_, layout_, tasks_, *estimator_, seed}, theta, outer_step,
                               state.slot_index, slot, *workspace, gradient);
    state.data_seconds = workspace->data.take_seconds();
    state.take(slot);
    const std::lock_guard lock(mutex_);
    workspaces_.push_back(std::move(workspace));
  }

  std::unique_ptr<TrajectoryWorkspace> take_workspace() {
    const std::lock_guard lock(mutex_);
    if (workspaces_.empty()) return std::make_unique<TrajectoryWorkspace>();
    auto workspace = std::move(workspaces_.back());
    workspaces_.pop_back();
    return workspace;
  }

  const MetaConfig config_;
  const ThetaLayout layout_;
  const TaskDistribution tasks_;
  const std::unique_ptr<GradientEstimator> estimator_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<TrajectoryWorkspace>> workspaces_;  // idle; guarded by mutex_
};

}  // namespace

void add_meta(py::module_& module) {
  module.def("config_from_toml", &config_from_toml, py::arg("path"));
  module.def(
      "full_config", [](const std::string& text) { return to_json(config_from_json(text)).dump(); },
      py::arg("config_json"));
  module.def("run_training", &run_training, py::arg("config_json"), py::arg("out"), py::kw_only(),
             py::arg("seed"), py::arg("num_threads"), py::arg("resume"), py::arg("minutes"),
             py::arg("on_step"), py::arg("on_note"), py::arg("families") = py::tuple());
  py::class_<InnerLoop>(module, "InnerLoop")
      .def(py::init<const std::string&, const py::sequence&>(), py::arg("config_json"),
           py::arg("families") = py::tuple())
      .def_property_readonly("num_parameters", &InnerLoop::num_parameters)
      .def_property_readonly("tasks", &InnerLoop::describe)
      .def("initial_theta", &InnerLoop::theta_at_start, py::arg("seed") = 0)
      .def("open", &InnerLoop::open, py::arg("slot"), py::arg("seed") = 0,
           py::arg("outer_step") = 0)
      .def("validate", &InnerLoop::validate, py::arg("theta"), py::arg("seed") = 0, py::kw_only(),
           py::arg("num_threads") = 1)
      .def("estimate", &InnerLoop::estimate, py::arg("theta"), py::arg("task_state"),
           py::arg("seed") = 0, py::arg("outer_step") = 0);
  add_task_state(module);
  add_outer_loop(module);
}

}  // namespace metaplastic::python
