#include "meta/worker.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace metaplastic {

Worker::Worker(Comm& comm, const MetaConfig& config, const TaskDistribution& tasks,
               std::uint64_t seed, int num_threads)
    : comm_(comm),
      config_(config),
      tasks_(tasks),
      seed_(seed),
      layout_(config.rule),
      estimator_(make_estimator(config.estimator)),
      asynchronous_(config.outer.mode == "async") {
  threads_.reserve(static_cast<std::size_t>(num_threads));
  for (int n = 0; n < num_threads; ++n) threads_.emplace_back([this] { run_thread(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Worker::open(std::vector<std::pair<int, Slot>> saved) {
  if (saved.empty()) {
    for (int s = comm_.rank(); s < config_.outer.outer_batch; s += comm_.size()) {
      open_slot(config_, tasks_, seed_, s, 0, places_[s].slot);
    }
    return;
  }
  for (auto& [slot_index, slot] : saved) {
    Slot& mine = places_[slot_index].slot;
    mine = std::move(slot);
    reopen_slot(config_, tasks_, seed_, slot_index, mine);
  }
}

void Worker::handle(const Message& message) {
  const std::lock_guard lock(mutex_);
  switch (static_cast<Tag>(message.tag)) {
    case Tag::kTheta:
      theta_ = std::make_shared<const ThetaMessage>(unpack<ThetaMessage>(message));
      if (!asynchronous_ || !going_) queue_truncations();
      going_ = true;
      break;
    case Tag::kValidate: {
      const auto theta = std::make_shared<const ThetaMessage>(unpack<ThetaMessage>(message));
      // Ahead of the truncations: all ranks are waited for.
      for (int n = comm_.rank(); n < config_.validation.num_tasks; n += comm_.size()) {
        queue_.push_front({true, n, theta});
      }
      break;
    }
    case Tag::kStates:
      for (auto& [slot_index, place] : places_) {
        place.state_owed = true;
        if (!place.running) send_state(slot_index, place);
      }
      break;
    case Tag::kHold:
      hold_ = true;
      std::erase_if(queue_, [](const Work& work) { return !work.validation; });
      break;
    default:
      METAPLASTIC_CHECK(false);
  }
  changed_.notify_all();
}

void Worker::queue_truncations() {
  std::vector<std::pair<double, int>> order;
  for (const auto& [slot_index, place] : places_) {
    order.emplace_back(-expected_work(config_, seed_, slot_index, place.slot), slot_index);
  }
  std::ranges::sort(order);
  for (const auto& [work, slot_index] : order) queue_.push_back({false, slot_index, {}});
}

void Worker::run_thread() {
  Buffers buffers;
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return quit_ || !queue_.empty(); });
      if (quit_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
      if (!work.validation) {
        work.theta = theta_;
        places_.at(work.index).running = true;
      }
    }
    try {
      do_work(work, buffers);
    } catch (...) {
      send(comm_, 0, Tag::kError, pack(error_in_hand()));
    }
  }
}

void Worker::do_work(const Work& work, Buffers& buffers) {
  if (work.validation) {
    const TaskScore score =
        score_task(config_, tasks_, seed_, work.theta->theta, work.index, buffers.validation);
    send(comm_, 0, Tag::kScore, pack(ScoreMessage{work.theta->outer_step, work.index, score}));
    return;
  }
  const Report report = truncate(places_.at(work.index), work.index, *work.theta, buffers);
  finish_truncation(work.index);  // first: the report may bring the next theta
  send(comm_, 0, Tag::kReport, pack(report));
}

Report Worker::truncate(Place& place, int slot_index, const ThetaMessage& theta, Buffers& buffers) {
  Report report;
  report.slot = slot_index;
  report.outer_step = theta.outer_step;
  report.gradient.resize(theta.theta.size());
  static_cast<SlotEstimate&>(report) =
      estimate_slot({config_, layout_, tasks_, *estimator_, seed_}, theta.theta, theta.outer_step,
                    slot_index, place.slot, buffers.trajectory, report.gradient);
  report.data_seconds = buffers.trajectory.data.take_seconds();
  finish_report(config_.outer, report);
  return report;
}

void Worker::finish_truncation(int slot_index) {
  const std::lock_guard lock(mutex_);
  Place& place = places_.at(slot_index);
  place.running = false;
  if (place.state_owed) send_state(slot_index, place);
  if (asynchronous_ && !hold_) {
    queue_.push_back({false, slot_index, {}});
    changed_.notify_one();
  }
}

void Worker::send_state(int slot_index, Place& place) {
  place.state_owed = false;
  send(comm_, 0, Tag::kState, pack_state(slot_index, place.slot));
}

}  // namespace metaplastic
