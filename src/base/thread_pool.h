// A fixed set of threads that share out the indices of a loop. A thread without work looks out for
// the next loop for some microseconds before it sleeps, so that loops in quick succession are
// cheap.
//
// Which worker runs which index is not determined: results must be written to places named by
// the index and combined in index order afterwards, so that they do not depend on num_threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace metaplastic {

class ThreadPool {
 public:
  // num_threads >= 1 counts the calling thread: ThreadPool(1) starts no thread at all.
  // Throws Error when the system refuses to start a thread.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Runs body(worker, index) once for every index in [0, count) and returns when all are done.
  // The caller is worker 0; no two calls with the same worker overlap, so per-worker memory needs
  // no lock. When bodies throw, the indices already claimed are finished, later ones are skipped,
  // and the exception of the lowest index is rethrown: indices are claimed in order, so this is
  // the same one for any number of threads. Not reentrant; one caller at a time.
  void parallel_for(int count, const std::function<void(int worker, int index)>& body);

 private:
  struct Loop;

  void run_worker(int worker);
  void stop_threads();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable loop_started_;
  std::condition_variable loop_finished_;
  Loop* loop_ = nullptr;  // guarded by mutex_
  int num_asleep_ = 0;    // guarded by mutex_; threads that wait for loop_started_
  // Changed under mutex_ and read without it by threads that look out for work or for its end.
  std::atomic<std::uint64_t> generation_{0};  // counts loops
  std::atomic<int> num_busy_{0};              // threads inside loop_
  bool quit_ = false;                         // guarded by mutex_
};

// How many threads the machine can run at once; at least 1.
int num_hardware_threads();

}  // namespace metaplastic
