// A fixed set of threads that share out the indices of a loop, and run spare work between loops. A
// thread without work looks out for the next loop for some microseconds before it sleeps, so that
// loops in quick succession are cheap. No lock is taken.
//
// Which worker runs which index is not determined: results must be written to places named by
// the index and combined in index order afterwards, so that they do not depend on num_threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
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

  // Work for threads that have no loop: each call runs one piece and returns false when there is
  // none at the moment. Several threads call it at once, never the caller's; it must not throw, nor
  // use this pool. A loop waits for no piece. Null: no more, and pieces that run are waited for.
  void set_spare_work(const std::function<bool()>* run_piece);
  // There is spare work again.
  void announce_spare_work() { announce(); }

 private:
  struct Loop;

  void run_worker(int worker);
  void run_loop(int worker);
  bool run_spare_piece();
  void announce();
  void stop_threads();

  std::vector<std::thread> threads_;
  std::atomic<std::uint32_t> num_announced_{0};  // loops, spare work and the end
  std::atomic<Loop*> loop_{nullptr};
  std::atomic<int> num_in_loop_{0};  // threads that may read *loop_
  std::atomic<const std::function<bool()>*> spare_work_{nullptr};
  std::atomic<int> num_in_spare_work_{0};  // threads that may read *spare_work_
  std::atomic<bool> quit_{false};
};

// The same loop by the threads, or by the caller alone where threads is null.
void share_out(ThreadPool* threads, int count,
               const std::function<void(int worker, int index)>& body);

// How many threads the machine can run at once; at least 1.
int num_hardware_threads();

}  // namespace metaplastic
