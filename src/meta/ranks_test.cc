// Runs on several ranks, here threads of one process (the same messages as under MPI, where
// tests/ranks_test.py repeats the main ones).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "io/safetensors.h"
#include "meta/outer_update.h"
#include "meta/rank_group.h"
#include "meta/test_config.h"
#include "meta/trainer.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;

MetaConfig small_config() {
  MetaConfig config = small_run_config();
  config.outer.outer_batch = 5;
  config.outer.outer_steps = 4;
  config.outer.checkpoint_every = 2;
  config.validation.num_tasks = 3;
  config.validation.inner_steps = 4;
  return config;
}

class TrainerRanksTest : public testing::Test {
 protected:
  TrainerRanksTest() : folder_(testing::TempDir() + "/ranks_" + std::to_string(getpid())) {}
  ~TrainerRanksTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // What meta_train does or throws, with the other ranks as threads.
  RunEnd train(const std::string& name, const MetaConfig& config, int ranks, int threads,
               bool resume = false) {
    LocalGroup group(ranks);
    std::vector<std::thread> others;
    for (int rank = 1; rank < ranks; ++rank) {
      others.emplace_back([&group, rank, threads] { serve_rank(group.at(rank), threads); });
    }
    RunOptions options;
    options.out = path(name);
    options.seed = 7;
    options.num_threads = threads;
    options.resume = resume;
    options.comm = &group.at(0);
    options.on_step = [this](const OuterMetrics& metrics) { steps_.push_back(metrics); };
    steps_.clear();
    const auto join = [&] {
      for (std::thread& other : others) other.join();
    };
    try {
      const RunEnd end = meta_train(config, options);
      join();
      return end;
    } catch (...) {
      join();
      throw;
    }
  }

  void expect_same(const std::string& left, const std::string& right) const {
    for (const char* file : {"/checkpoint.safetensors", "/rule.safetensors"}) {
      const TensorFile a = read_safetensors(path(left) + file);
      const TensorFile b = read_safetensors(path(right) + file);
      ASSERT_EQ(a.tensors.size(), b.tensors.size());
      for (const Tensor& tensor : a.tensors) {
        const Tensor* other = b.find(tensor.name);
        ASSERT_NE(other, nullptr) << tensor.name;
        EXPECT_TRUE(tensor.bytes == other->bytes) << right << file << ": " << tensor.name;
      }
    }
  }

  std::string folder_;
  std::vector<OuterMetrics> steps_;
};

TEST_F(TrainerRanksTest, AnyNumberOfRanksAndThreadsGivesTheSameBits) {
  const MetaConfig config = small_config();
  EXPECT_EQ(train("one", config, 1, 1), RunEnd::kFinished);
  train("two", config, 2, 2);
  train("five", config, 5, 1);
  expect_same("one", "two");
  expect_same("one", "five");
  // Stopped half way on three ranks, and gone on with on two.
  MetaConfig half = config;
  half.outer.outer_steps = 2;
  train("parts", half, 3, 1);
  train("parts", config, 2, 1, true);
  expect_same("one", "parts");
}

TEST_F(TrainerRanksTest, EveryEstimatorGivesTheSameBitsOnRanks) {
  for (const char* name : {"truncated-es", "full-es", "pes", "mixed"}) {
    MetaConfig config = small_config();
    config.estimator.name = name;
    config.outer.outer_steps = 2;
    const std::string one = std::string(name) + "1", three = std::string(name) + "3";
    train(one, config, 1, 1);
    train(three, config, 3, 2);
    expect_same(one, three);
    // Perturbed copies travel from the ranks into the checkpoint and back.
    config.outer.outer_steps = 3;
    train(one, config, 2, 1, true);
    train(three, config, 1, 2, true);
    expect_same(one, three);
  }
}

TEST_F(TrainerRanksTest, AsynchronousRunsFinishAndCountStaleness) {
  MetaConfig config = small_config();
  config.outer.mode = "async";
  config.outer.async_batch = 3;
  config.outer.outer_steps = 9;
  EXPECT_EQ(train("async", config, 3, 1), RunEnd::kFinished);
  ASSERT_EQ(steps_.size(), 9);
  int truncations = 0;
  for (std::size_t n = 0; n < steps_.size(); ++n) {
    EXPECT_EQ(steps_[n].outer_step, static_cast<std::int64_t>(n) + 1);
    EXPECT_EQ(steps_[n].num_truncations, 3);
    EXPECT_TRUE(steps_[n].asynchronous);
    EXPECT_LE(steps_[n].staleness_max, config.outer.max_staleness);
    for (const int count : steps_[n].rank_counts) truncations += count;
  }
  EXPECT_GE(truncations, 9 * 3);
  // Others are made while updates go on, the last one is waited for.
  EXPECT_FALSE(steps_[0].validation.has_value());
  EXPECT_TRUE(steps_[8].validation.has_value());
  std::ifstream metrics(path("async/metrics.jsonl"));
  for (std::string line; std::getline(metrics, line);) {
    EXPECT_TRUE(nlohmann::json::parse(line).contains("staleness"));
  }
  config.outer.outer_steps = 12;
  EXPECT_EQ(train("async", config, 2, 2, true), RunEnd::kFinished);
  EXPECT_EQ(steps_.size(), 3);
}

TEST_F(TrainerRanksTest, NothingStalerThanTheBoundIsUsed) {
  MetaConfig config = small_config();
  config.outer.mode = "async";
  config.outer.async_batch = 1;
  config.outer.max_staleness = 1;
  config.outer.outer_steps = 12;
  train("async", config, 4, 1);
  int dropped = 0;
  for (const OuterMetrics& step : steps_) {
    EXPECT_LE(step.staleness_max, 1);
    dropped += step.num_stale;
  }
  // Five trajectories, one per update: most have seen several updates go by.
  EXPECT_GT(dropped, 0);
}

TEST_F(TrainerRanksTest, AStepwiseTrainerIsTheSameRun) {
  MetaConfig config = small_config();
  config.validation.every = 100;
  train("whole", config, 1, 1);
  RunOptions options;
  options.out = path("steps");
  options.seed = 7;
  options.num_threads = 2;
  Trainer trainer(config, options);
  while (trainer.outer().outer_step < config.outer.outer_steps) trainer.record(trainer.step());
  EXPECT_GT(trainer.validate().accuracy, 0);
  trainer.save();
  expect_same("whole", "steps");
}

TEST_F(TrainerRanksTest, ASignalStopsBothModesSaved) {
  for (const char* mode : {"sync", "async"}) {
    MetaConfig config = small_config();
    config.outer.mode = mode;
    config.outer.outer_steps = 100000;
    request_stop();
    EXPECT_EQ(train(mode, config, 3, 1), RunEnd::kStopped);
    clear_stop();
    config.outer.outer_steps = 3;
    EXPECT_EQ(train(mode, config, 1, 1, true), RunEnd::kFinished);
  }
}

TEST_F(TrainerRanksTest, WhatGoesWrongOnARankEndsTheRunInItsWords) {
  MetaConfig config = small_config();
  try {
    train("many", config, 6, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("5 for 6 ranks"));
  }
  // Rank 1 owns trajectory 1, whose saved state is cut short.
  train("run", config, 1, 1);
  const std::string file = path("run/checkpoint.safetensors");
  TensorFile checkpoint = read_safetensors(file);
  for (Tensor& tensor : checkpoint.tensors) {
    if (tensor.name != "slot.1.phi") continue;
    tensor.bytes.resize(tensor.bytes.size() - 4);
    --tensor.shape[0];
  }
  write_safetensors(file, checkpoint);
  config.outer.outer_steps = 6;
  try {
    train("run", config, 2, 1, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1: "));
    EXPECT_THAT(error.what(), HasSubstr("trajectory 1"));
  }
}

TEST(ExpectedWorkTest, GrowsWithAllThatATruncationMultiplies) {
  MetaConfig config = small_config();
  const TaskDistribution tasks(config.tasks);
  Slot slot;
  open_slot(config, tasks, 7, 0, 0, slot);
  slot.settings.T = 1000;
  const auto work = [&](const MetaConfig& other) { return expected_work(other, 7, 0, slot); };
  const double before = work(config);
  EXPECT_GT(before, 0);
  MetaConfig longer = config;
  longer.truncation.min_K = longer.truncation.max_K = 2;
  const double of_two = work(longer);
  longer.truncation.min_K = longer.truncation.max_K = 6;
  EXPECT_DOUBLE_EQ(work(longer), 3 * of_two);
  longer.estimator.name = "full-es";
  EXPECT_NEAR(work(longer) / of_two, 1000 / 2, 1);
  slot.inner_step = 500;
  EXPECT_NEAR(work(longer) / of_two, 500 / 2, 1);
  slot.settings.inner_batch *= 2;
  EXPECT_GT(work(config), 1.3 * before);
  const double of_larger_batch = work(config);
  slot.settings.architecture.widths.back() *= 4;
  EXPECT_GT(work(config), of_larger_batch);
}

TEST(MeanGradientTest, LeavesOutWhatIsNotFiniteAndCountsIt) {
  Report good, bad;
  good.outer_step = 4;
  good.result.meta_loss = 2;
  good.inner_steps = 3;
  good.gradient = {1, 2};
  bad.outer_step = 5;
  bad.result.finite = false;
  std::vector<float> gradient = {9, 9};
  const OuterMetrics metrics = mean_gradient({good, bad, good}, 6, gradient);
  EXPECT_EQ(gradient, (std::vector<float>{1, 2}));
  EXPECT_EQ(metrics.num_truncations, 3);
  EXPECT_EQ(metrics.num_non_finite, 1);
  EXPECT_EQ(metrics.meta_loss, 2);
  EXPECT_EQ(metrics.inner_steps, 6);
  EXPECT_EQ(metrics.staleness_max, 2);
  EXPECT_DOUBLE_EQ(metrics.staleness_mean, 5.0 / 3);
  mean_gradient({bad}, 6, gradient);
  EXPECT_EQ(gradient, (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace metaplastic
