// What meta-training's bindings share: the state of one trajectory, and conversions.
#pragma once

#include <string>
#include <vector>

#include "bindings.h"
#include "meta/trainer.h"
#include "meta/trajectory.h"

namespace metaplastic::python {

// A place among the trajectories in flight, and what the last estimate there came to. A value: it
// is pickled to other machines and goes on there.
struct TaskState {
  int slot_index = 0;
  std::int64_t generation = 0, opened_at = 0;  // as in Slot
  TrajectoryState trajectory;
  SlotEstimate made;        // the last estimate
  double data_seconds = 0;  // of the last estimate

  // What Slot holds, but for shape and task, which are made anew where they are needed.
  void take(const Slot& slot) {
    generation = slot.generation;
    opened_at = slot.opened_at;
    trajectory = slot;
  }
  Slot slot() const {
    Slot slot;
    static_cast<TrajectoryState&>(slot) = trajectory;
    slot.generation = generation;
    slot.opened_at = opened_at;
    return slot;
  }
};

MetaConfig config_from_json(const std::string& text);
pybind11::dict metrics_dict(const OuterMetrics& metrics);
pybind11::dict validation_dict(const ValidationResult& result);
void add_task_state(pybind11::module_& module);
void add_outer_loop(pybind11::module_& module);

}  // namespace metaplastic::python
