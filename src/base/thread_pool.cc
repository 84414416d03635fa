#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <system_error>

#include "base/error.h"

namespace metaplastic {

namespace {

// Spins until `done`, for about 20 microseconds at most.
template <class Done>
void look_out(const Done& done) {
  constexpr int kLooks = 1000;
  for (int n = 0; n < kLooks && !done(); ++n) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
}

}  // namespace

// One call of parallel_for, on the caller's stack.
struct ThreadPool::Loop {
  Loop(int loop_count, const std::function<void(int, int)>& loop_body)
      : count(loop_count), body(loop_body) {}

  const int count;
  const std::function<void(int, int)>& body;
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr error;  // guarded by mutex; of the lowest index that threw
  int error_index = 0;       // guarded by mutex

  void run(int worker) {
    // A claimed index always runs. So every index below a failed one runs as well, and the
    // lowest failure is found whatever the timing.
    while (!failed.load(std::memory_order_relaxed)) {
      const int index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      try {
        body(worker, index);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error || index < error_index) {
          error = std::current_exception();
          error_index = index;
        }
        failed.store(true, std::memory_order_relaxed);
      }
    }
  }
};

ThreadPool::ThreadPool(int num_threads) {
  METAPLASTIC_CHECK(num_threads >= 1);
  threads_.reserve(static_cast<std::size_t>(num_threads - 1));
  try {
    for (int worker = 1; worker < num_threads; ++worker) {
      threads_.emplace_back([this, worker] { run_worker(worker); });
    }
  } catch (const std::system_error& error) {
    stop_threads();
    fail("expected to start {} threads, the system refused: {}; ask for fewer with --threads",
         num_threads, error.code().message());
  }
}

ThreadPool::~ThreadPool() { stop_threads(); }

void ThreadPool::stop_threads() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  loop_started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::run_worker(int worker) {
  std::uint64_t seen_generation = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!quit_ && generation_ == seen_generation) {
      lock.unlock();
      look_out([&] { return generation_.load(std::memory_order_relaxed) != seen_generation; });
      lock.lock();
      ++num_asleep_;
      loop_started_.wait(lock, [&] { return quit_ || generation_ != seen_generation; });
      --num_asleep_;
    }
    if (quit_) return;
    seen_generation = generation_;
    // A thread that wakes up late finds the loop already closed and goes back to sleep.
    if (loop_ == nullptr) continue;
    Loop& loop = *loop_;
    ++num_busy_;
    lock.unlock();
    loop.run(worker);
    lock.lock();
    if (--num_busy_ == 0) loop_finished_.notify_one();
  }
}

void ThreadPool::parallel_for(int count, const std::function<void(int, int)>& body) {
  METAPLASTIC_CHECK(count >= 0);
  if (count == 0) return;
  Loop loop(count, body);
  if (!threads_.empty() && count > 1) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      METAPLASTIC_CHECK(loop_ == nullptr);
      loop_ = &loop;
      ++generation_;
      wake = num_asleep_ > 0;
    }
    if (wake) loop_started_.notify_all();
    loop.run(0);
    std::unique_lock lock(mutex_);
    // Closing the loop first keeps late threads out, so that it may leave the stack.
    loop_ = nullptr;
    if (num_busy_ > 0) {
      lock.unlock();
      look_out([&] { return num_busy_.load(std::memory_order_relaxed) == 0; });
      lock.lock();
    }
    loop_finished_.wait(lock, [&] { return num_busy_ == 0; });
  } else {
    loop.run(0);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

int num_hardware_threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace metaplastic
