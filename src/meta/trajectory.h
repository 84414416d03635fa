// One trajectory of the inner loop: its draw (architecture, T), its state, and its data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/task.h"
#include "meta/meta_config.h"
#include "meta/truncation.h"

namespace metaplastic {

// What is drawn once per trajectory; a function of (config, seed, task_index).
struct TrajectoryShape {
  Architecture architecture;
  int T = 1;
  int inner_batch = 64;
};
TrajectoryShape draw_trajectory(const MetaConfig& config, std::uint64_t seed,
                                std::uint64_t task_index);

// The task's batches as a truncation wants them; batch k belongs to inner step first_step + k.
class TaskData : public TruncationData<float> {
 public:
  // Nothing is copied: task must outlive the use.
  void start(const Task& task, std::uint32_t first_step, int K, int inner_batch, int shots);
  std::span<const float> inner_batch(int k) override;
  const Probe<float>& probe(int k) override;
  // Time spent making batches since the last call.
  double take_seconds();

 private:
  const Task* task_ = nullptr;
  std::uint32_t first_step_ = 0;
  int batch_size_ = 0;
  int shots_ = 0;
  std::vector<float> batches_;  // [K, U_0, B]
  std::vector<char> drawn_;     // [K]
  TaskBatch scratch_, support_, query_;
  Probe<float> probe_;
  double seconds_ = 0;
};

// A place among the trajectories in flight. Its tasks are slot, slot + S, slot + 2 S, ...
struct Slot {
  std::int64_t generation = 0;  // trajectories finished or given up here
  std::int64_t inner_step = 0;  // of the present trajectory
  std::int64_t truncation = 0;  // truncations done in it
  std::vector<float> phi;       // [phi_size]
  // Rebuilt from (config, seed, task index), never saved:
  TrajectoryShape shape;
  std::optional<Task> task;
};

std::uint64_t slot_task_index(const Slot& slot, int slot_index, int num_slots);
// Draws shape and task of the slot's present generation; also phi when `fresh`.
void open_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
               int slot_index, bool fresh, Slot& slot);

}  // namespace metaplastic
