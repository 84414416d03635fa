#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <mutex>
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

void wait_for_none(const std::atomic<int>& count) {
  look_out([&] { return count.load(std::memory_order_relaxed) == 0; });
  for (int n = count; n != 0; n = count) count.wait(n);
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
  quit_ = true;
  announce();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::announce() {
  ++num_announced_;
  num_announced_.notify_all();
}

void ThreadPool::run_worker(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    look_out([&] { return num_announced_.load(std::memory_order_relaxed) != seen; });
    num_announced_.wait(seen);
    seen = num_announced_;
    if (quit_) return;
    run_loop(worker);
    while (num_announced_ == seen && run_spare_piece()) {
    }
  }
}

// A thread counts itself before it reads what to run; who withdraws the work does so before it
// reads the count. In the one order of these operations a late thread finds nothing to run.
void ThreadPool::run_loop(int worker) {
  ++num_in_loop_;
  if (Loop* loop = loop_) loop->run(worker);
  if (--num_in_loop_ == 0) num_in_loop_.notify_one();
}

bool ThreadPool::run_spare_piece() {
  ++num_in_spare_work_;
  const std::function<bool()>* run_piece = spare_work_;
  const bool ran = run_piece != nullptr && (*run_piece)();
  if (--num_in_spare_work_ == 0) num_in_spare_work_.notify_one();
  return ran;
}

void ThreadPool::parallel_for(int count, const std::function<void(int, int)>& body) {
  METAPLASTIC_CHECK(count >= 0);
  if (count == 0) return;
  Loop loop(count, body);
  if (!threads_.empty() && count > 1) {
    METAPLASTIC_CHECK(loop_ == nullptr);
    loop_ = &loop;
    announce();
    loop.run(0);
    // Withdrawing the loop first keeps late threads out, so that it may leave the stack.
    loop_ = nullptr;
    wait_for_none(num_in_loop_);
  } else {
    loop.run(0);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

void ThreadPool::set_spare_work(const std::function<bool()>* run_piece) {
  spare_work_ = run_piece;
  run_piece ? announce() : wait_for_none(num_in_spare_work_);
}

void share_out(ThreadPool* threads, int count, const std::function<void(int, int)>& body) {
  if (threads) return threads->parallel_for(count, body);
  for (int index = 0; index < count; ++index) body(0, index);
}

int num_hardware_threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace metaplastic
