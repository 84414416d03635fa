#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace metaplastic {
namespace {

class ThreadPoolSweep : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolSweep, RunsEveryIndexOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.num_threads(), GetParam());
  for (const int count : {0, 1, 2, 3, 7, 64, 1000}) {
    // Not atomic on purpose: a second visit, or a missing wait, is a race that TSan reports.
    std::vector<int> visits(static_cast<std::size_t>(count));
    pool.parallel_for(count, [&](int worker, int index) {
      ASSERT_GE(worker, 0);
      ASSERT_LT(worker, GetParam());
      ++visits[static_cast<std::size_t>(index)];
    });
    EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(count), 1)) << count;
  }
}

TEST_P(ThreadPoolSweep, WorkersDoNotOverlapThemselves) {
  ThreadPool pool(GetParam());
  std::vector<std::int64_t> sums(static_cast<std::size_t>(GetParam()));
  for (int repeat = 0; repeat < 200; ++repeat) {
    pool.parallel_for(
        20, [&](int worker, int index) { sums[static_cast<std::size_t>(worker)] += index; });
  }
  std::int64_t total = 0;
  for (const std::int64_t sum : sums) total += sum;
  EXPECT_EQ(total, 200 * 190);
}

TEST_P(ThreadPoolSweep, RethrowsTheLowestIndexAndGoesOnWorking) {
  ThreadPool pool(GetParam());
  for (int repeat = 0; repeat < 100; ++repeat) {
    try {
      pool.parallel_for(50, [](int, int index) {
        // The lowest failing index is the slowest one to fail.
        if (index == 5) std::this_thread::sleep_for(std::chrono::microseconds(200));
        if (index >= 5) throw std::runtime_error(std::to_string(index));
      });
      FAIL() << "no exception";
    } catch (const std::runtime_error& error) {
      ASSERT_STREQ(error.what(), "5");
    }
  }
  std::atomic<int> num_runs{0};
  pool.parallel_for(10, [&](int, int) { ++num_runs; });
  EXPECT_EQ(num_runs, 10);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSweep, testing::Values(1, 2, 3, 8));

TEST(ThreadPool, TheCallerIsWorkerZero) {
  ThreadPool pool(3);
  const std::thread::id caller = std::this_thread::get_id();
  pool.parallel_for(
      100, [&](int worker, int) { EXPECT_EQ(worker == 0, std::this_thread::get_id() == caller); });
}

TEST(ThreadPool, ThreadsReallyRunSideBySide) {
  ThreadPool pool(2);
  // Each index waits for the other one: a pool that ran them in turn would time out.
  std::atomic<int> num_arrived{0};
  std::atomic<bool> met{true};
  pool.parallel_for(2, [&](int, int) {
    ++num_arrived;
    const double start = steady_seconds();
    while (num_arrived < 2 && steady_seconds() - start < 10) std::this_thread::yield();
    if (num_arrived < 2) met = false;
  });
  EXPECT_TRUE(met);
}

TEST(ThreadPool, IdleThreadsUseNoProcessorTime) {
  ThreadPool pool(4);
  pool.parallel_for(8, [](int, int) {});
  const std::clock_t start = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  // Three threads that spun would have used at least the 0.2 s of one core.
  EXPECT_LT(cpu_seconds, 0.1);
}

// Pieces of spare work run on other threads than the caller's, beside loops and between them, and
// none runs after the work is withdrawn.
TEST(ThreadPool, SpareWorkRunsBesideLoops) {
  ThreadPool pool(3);
  const std::thread::id caller = std::this_thread::get_id();
  for (int repeat = 0; repeat < 50; ++repeat) {
    constexpr int kPieces = 40;
    std::atomic<int> next{0}, num_run{0};
    std::vector<int> visits(kPieces);  // not atomic on purpose
    const std::function<bool()> run_piece = [&] {
      const int piece = next++;
      if (piece >= kPieces) return false;
      EXPECT_NE(std::this_thread::get_id(), caller);
      ++visits[static_cast<std::size_t>(piece)];
      ++num_run;
      return true;
    };
    pool.set_spare_work(&run_piece);
    std::atomic<int> in_loops{0};
    for (int loop = 0; loop < 20; ++loop) pool.parallel_for(4, [&](int, int) { ++in_loops; });
    EXPECT_EQ(in_loops, 80);
    while (num_run < kPieces) std::this_thread::yield();
    std::ranges::fill(visits, 0);
    next = 0;  // from here on pieces run again
    pool.announce_spare_work();
    pool.set_spare_work(nullptr);
    EXPECT_EQ(num_run - kPieces, std::min<int>(next, kPieces));
  }
}

TEST(ThreadPoolDeathTest, NoThreadsIsAProgrammingError) {
  EXPECT_DEATH(ThreadPool(0), "CHECK failed");
}

TEST(Clock, StopwatchMeasures) {
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(watch.seconds(), 0.02);
  watch.restart();
  EXPECT_LT(watch.seconds(), 5);
}

}  // namespace
}  // namespace metaplastic
