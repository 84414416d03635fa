#include "meta/trajectory.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace metaplastic {
namespace {

int draw_log_uniform(Random& random, int low, int high) {
  const float value = random.log_uniform(static_cast<float>(low), static_cast<float>(high) + 1);
  return std::min(high, std::max(low, static_cast<int>(value)));
}

template <class T>
const T& draw_one(Random& random, const std::vector<T>& choices) {
  return choices[random.below(static_cast<std::uint32_t>(choices.size()))];
}

}  // namespace

TrajectoryShape draw_trajectory(const MetaConfig& config, std::uint64_t seed,
                                std::uint64_t task_index) {
  const InnerConfig& inner = config.inner;
  Random random(seed, Purpose::kTruncation, task_index, 0);
  TrajectoryShape shape;
  shape.architecture.widths = {config.tasks.image_side * config.tasks.image_side};
  const int num_layers = random.between(inner.min_layers, inner.max_layers);
  for (int l = 1; l < num_layers; ++l) {
    shape.architecture.widths.push_back(draw_log_uniform(random, inner.min_units, inner.max_units));
  }
  shape.architecture.widths.push_back(
      draw_log_uniform(random, inner.min_features, inner.max_features));
  shape.architecture.activation = activation_from_name(draw_one(random, inner.activations));
  shape.T = draw_log_uniform(random, inner.min_T, inner.max_T);
  shape.inner_batch = draw_one(random, inner.inner_batch);
  return shape;
}

void TaskData::start(const Task& task, std::uint32_t first_step, int K, int inner_batch,
                     int shots) {
  task_ = &task;
  first_step_ = first_step;
  batch_size_ = inner_batch;
  shots_ = shots;
  batches_.resize(static_cast<std::size_t>(K) * static_cast<std::size_t>(task.num_pixels()) *
                  static_cast<std::size_t>(inner_batch));
  drawn_.assign(static_cast<std::size_t>(K), 0);
}

std::span<const float> TaskData::inner_batch(int k) {
  const std::size_t size =
      static_cast<std::size_t>(task_->num_pixels()) * static_cast<std::size_t>(batch_size_);
  const std::span<float> batch(batches_.data() + static_cast<std::size_t>(k) * size, size);
  if (!drawn_[static_cast<std::size_t>(k)]) {
    const Stopwatch watch;
    task_->draw_batch(Purpose::kInnerBatch, first_step_ + static_cast<std::uint32_t>(k),
                      batch_size_, scratch_);
    std::copy(scratch_.x.begin(), scratch_.x.begin() + static_cast<std::ptrdiff_t>(size),
              batch.begin());
    drawn_[static_cast<std::size_t>(k)] = 1;
    seconds_ += watch.seconds();
  }
  return batch;
}

const Probe<float>& TaskData::probe(int k) {
  const Stopwatch watch;
  const int num_examples = shots_ * task_->num_classes();
  const std::uint32_t step = first_step_ + static_cast<std::uint32_t>(k);
  task_->draw_batch(Purpose::kSupport, step, num_examples, support_);
  task_->draw_batch(Purpose::kQuery, step, num_examples, query_);
  probe_.num_support = probe_.num_query = num_examples;
  const auto count = static_cast<std::size_t>(num_examples);
  const auto values = count * static_cast<std::size_t>(task_->num_pixels());
  probe_.support.assign(support_.x.begin(),
                        support_.x.begin() + static_cast<std::ptrdiff_t>(values));
  probe_.query.assign(query_.x.begin(), query_.x.begin() + static_cast<std::ptrdiff_t>(values));
  const auto coefficients = count * static_cast<std::size_t>(task_->num_targets());
  make_probe_targets<float>(task_->num_classes(), {support_.labels.data(), count},
                            {support_.augmentation.data(), coefficients},
                            {query_.labels.data(), count},
                            {query_.augmentation.data(), coefficients}, probe_.targets);
  seconds_ += watch.seconds();
  return probe_;
}

double TaskData::take_seconds() { return std::exchange(seconds_, 0.0); }

std::uint64_t slot_task_index(const Slot& slot, int slot_index, int num_slots) {
  return static_cast<std::uint64_t>(slot.generation) * static_cast<std::uint64_t>(num_slots) +
         static_cast<std::uint64_t>(slot_index);
}

void open_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
               int slot_index, bool fresh, Slot& slot) {
  const std::uint64_t index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  slot.shape = draw_trajectory(config, seed, index);
  slot.task.emplace(tasks.make_task(seed, index, Split::kTrain));
  if (!fresh) return;
  slot.inner_step = 0;
  slot.truncation = 0;
  slot.phi =
      make_phi<float>(slot.shape.architecture, {config.inner.weight_std, config.inner.bias_std},
                      Random(seed, Purpose::kPhiInit, index));
}

}  // namespace metaplastic
