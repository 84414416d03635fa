#include "base/error.h"
#include "meta_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;

std::vector<float> to_vector(const py::handle& values) {
  const Floats array = Floats::ensure(values);
  if (!array) fail("task state: expected arrays of numbers, found something else");
  return {array.data(), array.data() + array.size()};
}

py::list to_list(const std::vector<std::vector<float>>& arrays) {
  py::list list;
  for (const auto& array : arrays) list.append(to_array(array));
  return list;
}

std::vector<std::vector<float>> to_vectors(const py::handle& list) {
  std::vector<std::vector<float>> arrays;
  for (const py::handle array : list.cast<py::list>()) arrays.push_back(to_vector(array));
  return arrays;
}

py::tuple get_task(const TaskState& state) {
  const TrajectoryState& trajectory = state.trajectory;
  const SlotEstimate& made = state.made;
  return py::make_tuple(state.slot_index, state.generation, state.opened_at, trajectory.inner_step,
                        trajectory.truncation, to_array(trajectory.phi),
                        to_list(trajectory.particles), to_list(trajectory.perturbations),
                        py::make_tuple(made.result.meta_loss, made.result.accuracy,
                                       made.result.num_judged, made.result.finite, made.task_index,
                                       made.inner_step, made.inner_steps, state.data_seconds));
}

TaskState set_task(const py::tuple& saved) {
  if (saved.size() != 9) fail("pickle: expected a task state, found another object");
  TaskState state;
  state.slot_index = saved[0].cast<int>();
  state.generation = saved[1].cast<std::int64_t>();
  state.opened_at = saved[2].cast<std::int64_t>();
  state.trajectory.inner_step = saved[3].cast<std::int64_t>();
  state.trajectory.truncation = saved[4].cast<std::int64_t>();
  state.trajectory.phi = to_vector(saved[5]);
  state.trajectory.particles = to_vectors(saved[6]);
  state.trajectory.perturbations = to_vectors(saved[7]);
  const auto made = saved[8].cast<py::tuple>();
  if (made.size() != 8) fail("pickle: expected a task state, found another object");
  state.made.result = {made[0].cast<double>(), made[1].cast<double>(), made[2].cast<int>(),
                       made[3].cast<bool>()};
  state.made.task_index = made[4].cast<std::uint64_t>();
  state.made.inner_step = made[5].cast<std::int64_t>();
  state.made.inner_steps = made[6].cast<std::int64_t>();
  state.data_seconds = made[7].cast<double>();
  return state;
}

}  // namespace

void add_task_state(py::module_& module) {
  py::class_<TaskState>(module, "TaskState")
      .def_readonly("slot", &TaskState::slot_index)
      .def_property_readonly("inner_steps", [](const TaskState& s) { return s.made.inner_steps; })
      .def_property_readonly("generation", [](const TaskState& s) { return s.generation; })
      .def_property_readonly("inner_step",
                             [](const TaskState& s) { return s.trajectory.inner_step; })
      .def_property_readonly("truncation",
                             [](const TaskState& s) { return s.trajectory.truncation; })
      .def_property_readonly("phi", [](const TaskState& s) { return to_array(s.trajectory.phi); })
      .def_property_readonly("meta_loss",
                             [](const TaskState& s) { return s.made.result.meta_loss; })
      .def_property_readonly("accuracy", [](const TaskState& s) { return s.made.result.accuracy; })
      .def_property_readonly("finite", [](const TaskState& s) { return s.made.result.finite; })
      .def(py::pickle(&get_task, &set_task));
}

}  // namespace metaplastic::python
