// One trajectory of the inner loop: its draw (architecture, T), its state, and its data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "meta/first_phi.h"
#include "meta/gradient_estimator.h"
#include "meta/meta_config.h"
#include "neighbours/traits.h"
#include "neighbours/views.h"
#include "rule/resolve.h"
#include "tasks/task.h"

namespace metaplastic {

// What is drawn once per trajectory; a function of (config, seed, task_index, outer_step), the last
// only where config.inner.curriculum_steps is positive.
struct TrajectorySettings {
  Architecture architecture;
  std::optional<Architecture> below;  // a conv layer that learns first (meta/stack_model.h)
  int T = 1;
  int inner_batch = 64;
  // Of the data set that the batches are drawn from; 0: as many as are asked for. With windows,
  // images (or signals) of which the pool holds several windows each.
  int rows = 0;
};
// Rows of a data set (inner.min_rows, inner.max_rows).
int draw_rows(const MetaConfig& config, Random random);
// num_inputs: U_0, which belongs to the task. outer_step: when the trajectory starts.
TrajectorySettings draw_trajectory(const MetaConfig& config, std::uint64_t seed,
                                   std::uint64_t task_index, int num_inputs,
                                   std::int64_t outer_step);

// The task's batches as a truncation wants them; batch k belongs to inner step first_step + k.
class TaskData : public TruncationData<float> {
 public:
  // Nothing is copied: all that is referred to must outlive the use. With two views a batch holds
  // inner_batch examples and as many second views (rule/views.h). metric: of the task's examples;
  // where it is none it is made when neighbours are first looked for, which takes as long as
  // many inner steps. rows: TrajectorySettings.
  void start(const Task& task, std::uint32_t first_step, int K, int inner_batch,
             const MetaConfig& config, std::optional<NeighbourMetric>& metric, int rows = 0);
  // Goes on with K steps of the same trajectory from there; keeps the pool of neighbours.
  void move_to(std::uint32_t first_step, int K);
  std::span<const float> inner_batch(int k) override;
  double homeostatic_share() const override { return pool_.settings().share; }
  // Batches are made with these from now on, and again where they were made.
  void use_settings(const ViewSettings& settings);
  // The pool [U_0,N]; prepared where it is not yet.
  std::span<const float> pool_examples();
  // Of the pool, for the config's rule. It is prepared where it is not yet.
  DataProfile profile();
  const Probe<float>& probe(int k) override;
  // Time spent making batches since the last call.
  double take_seconds();

 private:
  // Of that inner step. Without a number of rows a task has as many examples as are asked for, so
  // others are drawn every kNeighbourhood.pool_steps steps.
  void prepare_pool(std::uint32_t step);
  void prepare_settings();
  std::span<const float> draw_pool(std::uint32_t number);
  bool needs_pool() const;
  // The unlabelled examples of the step as they are [U_0,B].
  std::span<const float> draw_examples(std::uint32_t step);
  int pool_size() const {
    return rows_ > 0 ? rows_ * windows_each_ : config_->inner.neighbour_pool;
  }

  const Task* task_ = nullptr;
  const MetaConfig* config_ = nullptr;
  std::uint32_t first_step_ = 0;
  int batch_size_ = 0, rows_ = 0;
  int windows_each_ = 1;                  // of a row, in the pool
  std::vector<float> examples_;           // [U_0,B] of a batch of the rows
  std::vector<std::size_t> nearest_;      // [B,kChoices] of those rows; empty: not known
  std::optional<ViewSettings> settings_;  // none: what is usual for the data
  std::vector<float> batches_;            // [K, U_0, rows of a batch]
  std::vector<char> drawn_;               // [K]
  TaskBatch scratch_, pool_batch_, support_, query_;
  NeighbourPool pool_;
  std::optional<std::uint32_t> pool_number_;
  std::optional<NeighbourMetric>* metric_ = nullptr;  // by the first pool of the trajectory
  Probe<float> probe_;
  double seconds_ = 0;
};

// What the config says about truncations, and K.
TruncationSettings<float> truncation_settings(const MetaConfig& config, int K);

// Takes over what is neither of views nor of theta: step size, pace, growth, inputs, averaging.
void use_step_settings(const RuleSettings& settings, TruncationSettings<float>& step);

// K is drawn anew for every truncation of a trajectory.
Window draw_window(const MetaConfig& config, std::uint64_t seed, std::uint64_t task_index,
                   std::int64_t inner_step, std::int64_t truncation);

// Where a staggered trajectory starts: uniform in 0..T-1.
std::int64_t draw_first_step(std::uint64_t seed, std::uint64_t task_index, int T);

// Buffers of one thread.
struct TrajectoryWorkspace {
  TruncationWorkspace<float> truncation;
  TaskData data;
};

// A place among the trajectories in flight, with the state of its present one. Its tasks are slot,
// slot + S, slot + 2 S, ...
struct Slot : TrajectoryState {
  std::int64_t generation = 0;  // trajectories finished or given up here
  std::int64_t opened_at = 0;   // outer step at which the present one started
  // Rebuilt from (config, seed, task index, opened_at), never saved:
  TrajectorySettings settings;
  std::optional<Task> task;
  std::optional<NeighbourMetric> metric;  // none until a rule looks for neighbours
  std::optional<DataProfile> profile;     // likewise, until a rule is resolved
};

// One trajectory of the rule's inner loop, as estimators see it. Nothing is copied.
class TrajectoryProblem : public InnerProblem {
 public:
  TrajectoryProblem(const MetaConfig& config, const ThetaLayout& layout, std::uint64_t seed,
                    std::uint64_t task_index, Slot& slot, TrajectoryWorkspace& workspace);
  std::uint64_t task_index() const override { return task_index_; }
  std::int64_t num_inner_steps() const override { return slot_.settings.T; }
  Window window(std::int64_t inner_step, std::int64_t truncation) const override;
  void keep_trained(std::span<float> perturbation) const override;
  void advance(const Window& window, std::span<const float> theta,
               std::vector<float>& phi) override;
  TruncationResult loss(const Window& window, std::span<const float> theta,
                        std::vector<float>& phi) override;
  TruncationResult gradient(const Window& window, std::span<const float> theta,
                            std::vector<float>& phi, std::span<float> theta_bar) override;
  std::size_t num_shifted(Shifted which) const override;
  void shift(Shifted which, std::span<const float> shift) override;
  void add_shift_bar(Shifted which, std::span<const float> theta, std::span<const float> bar,
                     std::span<float> theta_bar) override;

 private:
  // Theta as the inner steps of a window use it.
  struct Resolved {
    TruncationSettings<float> truncation;
    ResolvedTheta<float> theta;
    RuleSettings settings;  // where the rule has some
  };
  // Batches of a window that is run again are kept, unless settings have changed. phi of a
  // trajectory's start is scaled as the settings say.
  Resolved start(const Window& window, std::span<const float> theta, std::vector<float>& phi);
  void resolve_vjp(std::span<const float> theta, std::span<const float> plain_bar,
                   const RawSettings<float>& raw_bar, std::span<float> theta_bar) const;
  RawSettings<float> raw_bar_of(const FirstPhiBar& first, const RawSettings<float>& raw) const;

  const MetaConfig& config_;
  const ThetaLayout& layout_;
  const ThetaLayout plain_;  // of what a resolved theta is
  std::uint64_t seed_, task_index_;
  Slot& slot_;
  TrajectoryWorkspace& workspace_;
  std::int64_t started_ = -1;  // truncation whose batches the workspace holds
  RawSettings<float> shift_{};
  std::vector<float> mix_shift_;  // [terms]; empty: none
  ViewSettings views_;
};

std::uint64_t slot_task_index(const Slot& slot, int slot_index, int num_slots);
// Draws settings and task of the slot's present generation and starts its trajectory.
void open_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
               int slot_index, std::int64_t outer_step, Slot& slot);
// About how long the slot's next estimate takes, in a unit of its own: what it multiplies.
double expected_work(const MetaConfig& config, std::uint64_t seed, int slot_index,
                     const Slot& slot);
// Draws settings and task anew for a slot whose state was saved, and phi where a trajectory starts.
// Throws Error when the state is not one of this trajectory.
void reopen_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
                 int slot_index, Slot& slot);

}  // namespace metaplastic
