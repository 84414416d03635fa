// The part of a run that every rank has: its trajectories, and the threads that move them on.
//
// Synchronous: a theta from rank 0 starts one truncation of each trajectory, the longest first, so
// that the threads end together. Asynchronous: a trajectory goes on by itself, each truncation with
// the newest theta that has arrived.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "meta/protocol.h"

namespace metaplastic {

class Worker {
 public:
  // Starts num_threads threads. comm, config and tasks must outlive it.
  Worker(Comm& comm, const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
         int num_threads);
  // Waits for the truncations in hand.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Opens this rank's trajectories: fresh ones, or those saved.
  void open(std::vector<std::pair<int, Slot>> saved);
  // Does what rank 0 asks for: kTheta, kValidate, kStates, kHold.
  void handle(const Message& message);

 private:
  struct Place {
    Slot slot;
    bool running = false;     // guarded by mutex_; then the slot is its thread's alone
    bool state_owed = false;  // guarded by mutex_
  };
  struct Work {
    bool validation = false;
    int index = 0;                              // of the slot or the held-out task
    std::shared_ptr<const ThetaMessage> theta;  // of a truncation: the newest when it starts
  };
  struct Buffers {
    TrajectoryWorkspace trajectory;
    ValidationWorkspace validation;
  };

  void queue_truncations();  // under the lock
  void run_thread();
  void do_work(const Work& work, Buffers& buffers);
  Report truncate(Place& place, int slot_index, const ThetaMessage& theta, Buffers& buffers);
  void finish_truncation(int slot_index);
  void send_state(int slot_index, Place& place);  // under the lock

  Comm& comm_;
  const MetaConfig& config_;
  const TaskDistribution& tasks_;
  const std::uint64_t seed_;
  const ThetaLayout layout_;
  const std::unique_ptr<GradientEstimator> estimator_;
  const bool asynchronous_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, Place> places_;  // by slot; none comes or goes after open()
  std::deque<Work> queue_;       // guarded by mutex_, as are the next four
  std::shared_ptr<const ThetaMessage> theta_;
  bool going_ = false;  // asynchronous: the first theta has come
  bool hold_ = false;
  bool quit_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace metaplastic
