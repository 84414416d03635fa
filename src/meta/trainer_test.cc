// A run is a function of (config, seed, program): threads, stops and resumes change no bit.
#include "meta/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"
#include "io/test_folder.h"
#include "meta/run_folder.h"
#include "meta/test_config.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;

MetaConfig tiny_config() {
  MetaConfig config = small_run_config();
  config.outer.outer_batch = 4;
  config.outer.outer_steps = 6;
  config.validation.num_tasks = 2;
  config.validation.inner_steps = 5;
  return config;
}

void expect_same_tensors(const std::string& left, const std::string& right) {
  const TensorFile a = read_safetensors(left), b = read_safetensors(right);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const Tensor& tensor : a.tensors) {
    const Tensor* other = b.find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_TRUE(tensor.bytes == other->bytes) << tensor.name << " differs";
  }
}

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() : folder_(testing::TempDir() + "/trainer_" + std::to_string(getpid())) {}
  ~TrainerTest() override { std::filesystem::remove_all(folder_); }

  RunEnd train(const std::string& name, const MetaConfig& config, int threads,
               bool resume = false) {
    RunOptions options;
    options.out = folder_ + "/" + name;
    options.seed = 7;
    options.num_threads = threads;
    options.resume = resume;
    return meta_train(config, options);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // A run on one thread, and one on two that stops after its first step and goes on.
  void expect_same_in_parts(const std::string& name, MetaConfig config, int outer_steps) {
    const std::string whole = name + "-whole", parts = name + "-parts";
    config.outer.outer_steps = outer_steps;
    train(whole, config, 1);
    config.outer.outer_steps = 1;
    train(parts, config, 2);
    config.outer.outer_steps = outer_steps;
    train(parts, config, 2, true);
    expect_same_tensors(path(whole + "/checkpoint.safetensors"),
                        path(parts + "/checkpoint.safetensors"));
  }

  std::string folder_;
};

// All that is saved of each estimator matters: with K of at most 4 and T of at least 5, the first
// step leaves every trajectory in the middle.
TEST_F(TrainerTest, EveryEstimatorResumesToTheSameBits) {
  for (const char* name : {"truncated-es", "full-es", "pes", "mixed"}) {
    MetaConfig config = tiny_config();
    config.estimator.name = name;
    config.outer.outer_steps = 2;
    config.validation.every = 100;
    const std::string whole = std::string(name) + "-whole", parts = std::string(name) + "-parts";
    train(whole, config, 2);
    config.outer.outer_steps = 1;
    train(parts, config, 1);
    config.outer.outer_steps = 2;
    train(parts, config, 1, true);
    expect_same_tensors(path(whole + "/checkpoint.safetensors"),
                        path(parts + "/checkpoint.safetensors"));
  }
}

// Two slots and two steps are enough for threads and a saved state to matter. What near means is
// kept from the first step to the second, and worked out again where the run is resumed.
TEST_F(TrainerTest, ThreadsAndResumeGiveTheSameBitsWithTwoViews) {
  for (const std::string views : {"two", "neighbours"}) {
    SCOPED_TRACE(views);
    MetaConfig config = tiny_config();
    config.rule.views = views;
    config.inner.neighbour_pool = 64;
    config.outer.outer_batch = 2;
    expect_same_in_parts(views, config, 2);
  }
}

TEST_F(TrainerTest, ThreadsAndResumeGiveTheSameBitsWithConvModels) {
  MetaConfig config = tiny_config();
  config.tasks.weight("signals") = 1;
  config.tasks.image_side = 9;
  config.inner.conv_share = 0.7;
  config.inner.max_window = 4;
  config.rule.views = "neighbours";
  config.inner.neighbour_pool = 64;
  config.truncation.probe_norm = "joint";
  config.validation.conv = {"conv 8 3x3, pool 2x2", "conv 8 5, pool 3"};
  config.validation.readout = "best";
  expect_same_in_parts("conv", config, 2);
}

TEST_F(TrainerTest, ThreadsAndResumeGiveTheSameBitsWithStacks) {
  MetaConfig config = tiny_config();
  config.tasks.image_side = 9;
  config.inner.conv_share = config.inner.stack_share = 0.8;
  config.inner.max_window = 4;
  config.inner.min_T = config.inner.max_T = 4;
  config.truncation.min_K = config.truncation.max_K = 4;
  config.validation.conv = {"conv 8 3x3, pool 2x2"};
  config.validation.stack_share = 0.5;
  expect_same_in_parts("stack", config, 3);
}

TEST_F(TrainerTest, ThreadsAndResumeGiveTheSameBits) {
  MetaConfig config = tiny_config();
  // Inputs of different widths, and T that grows.
  config.tasks.weight("tables") = config.tasks.weight("words") = 1;
  config.tasks.max_inputs = 40;
  config.inner.curriculum_steps = 4;
  config.inner.staggered_start = true;
  config.truncation.probe_norm = "joint";
  EXPECT_EQ(train("whole", config, 1), RunEnd::kFinished);
  config.outer.outer_steps = 3;
  EXPECT_EQ(train("parts", config, 2), RunEnd::kFinished);
  config.outer.outer_steps = 6;
  EXPECT_EQ(train("parts", config, 2, true), RunEnd::kFinished);
  expect_same_tensors(path("whole/checkpoint.safetensors"), path("parts/checkpoint.safetensors"));
  expect_same_tensors(path("whole/rule.safetensors"), path("parts/rule.safetensors"));
  std::ifstream metrics(path("parts/metrics.jsonl"));
  int lines = 0;
  for (std::string line; std::getline(metrics, line);) ++lines;
  EXPECT_EQ(lines, 6);
}

TEST_F(TrainerTest, ThetaMovesAndSeedsDiffer) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 1;
  train("a", config, 2);
  const Rule rule = load_rule(path("a/rule.safetensors"));
  EXPECT_NE(rule.theta, initial_theta(config, 7));
  EXPECT_EQ(rule.provenance.at("seed").get<int>(), 7);
}

TEST_F(TrainerTest, OnlyWhatIsNamedIsTrained) {
  MetaConfig config = tiny_config();
  config.outer.trained = {"mix", "readout_bias"};
  config.outer.outer_steps = 2;
  config.validation.every = 100;
  const ThetaLayout layout(config.rule);
  const std::vector<float> before = initial_theta(config, 7);
  for (const std::string name : {"backprop", "truncated-es", "full-es", "pes", "mixed"}) {
    config.estimator.name = name;
    train(name, config, 2);
    const std::vector<float> after = load_rule(path(name + "/rule.safetensors")).theta;
    for (const ThetaEntry& entry : layout.entries()) {
      const auto first = before.begin() + entry.offset;
      const bool same = std::equal(first, first + entry.size(), after.begin() + entry.offset);
      EXPECT_EQ(same, entry.name != "mix" && entry.name != "readout_bias") << name << entry.name;
    }
  }
  config.outer.trained = {"mixx"};
  EXPECT_THROW(train("none", config, 1), Error);
}

TEST_F(TrainerTest, RefusesToOverwriteARunOrToResumeNothing) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 1;
  train("a", config, 1);
  try {
    train("a", config, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("--resume"));
  }
  EXPECT_THROW(train("b", config, 1, true), Error);
  config.inner.inner_lr = 0.01;
  try {
    train("a", config, 1, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("inner_lr"));
  }
}

TEST_F(TrainerTest, OneProcessAtATimeTrainsInAFolder) {
  MetaConfig config = tiny_config();
  RunFolder holder(path("a"), config, 7, {});
  holder.begin();
  RunFolder other(path("a"), config, 7, {});
  EXPECT_THROW(other.begin(), Error);
}

TEST_F(TrainerTest, DamagedCheckpointIsRefusedByName) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 1;
  train("a", config, 1);
  const std::string file = path("a/checkpoint.safetensors");
  const auto size = std::filesystem::file_size(file);
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(size) - 9);
  stream.put('\x55');
  stream.close();
  try {
    train("a", config, 1, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("checkpoint.safetensors"));
  }
}

// What a program before estimators, curricula and cool-downs wrote.
void make_version_1(const std::string& path) {
  TensorFile file = read_safetensors(path);
  file.metadata.erase("checkpoint_version");
  auto config = nlohmann::json::parse(file.metadata.at("config"));
  config.erase("estimator");
  config["inner"].erase("curriculum_steps");
  config["tasks"].erase("tables");
  config["validation"].erase("activations");
  file.metadata["config"] = config.dump();
  auto run = nlohmann::json::parse(file.metadata.at("run"));
  run.erase("cooldown");
  for (auto& slot : run["slots"]) slot.erase("opened_at");
  file.metadata["run"] = run.dump();
  write_safetensors(path, file);
}

TEST_F(TrainerTest, CheckpointsOfVersion1AreRead) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 2;
  train("a", config, 1);
  train("b", config, 1);
  make_version_1(path("b/checkpoint.safetensors"));
  config.outer.outer_steps = 4;
  train("a", config, 1, true);
  train("b", config, 1, true);
  expect_same_tensors(path("a/checkpoint.safetensors"), path("b/checkpoint.safetensors"));
}

TEST_F(TrainerTest, CheckpointsOfNewerVersionsAreRefused) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 1;
  train("a", config, 1);
  TensorFile file = read_safetensors(path("a/checkpoint.safetensors"));
  file.metadata["checkpoint_version"] = "4";
  write_safetensors(path("a/checkpoint.safetensors"), file);
  try {
    train("a", config, 1, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("version 1 to 3, found '4'"));
  }
}

TEST_F(TrainerTest, ACooldownMayChangeBeforeItBegins) {
  MetaConfig config = tiny_config();
  config.outer.outer_steps = 2;
  train("a", config, 1);
  config.outer.outer_steps = 4;
  config.outer.cooldown = 0.5;  // steps 2 and 3
  train("a", config, 1, true);
  MetaConfig saved;  // the folder's config goes with its checkpoint
  load_toml_file(path("a/config.toml"), saved);
  EXPECT_EQ(load_checkpoint(path("a/checkpoint.safetensors"), saved).outer.outer_step, 4);
  config.outer.outer_steps = 6;  // its steps 3 to 5 would cool, but 2 and 3 did
  EXPECT_THAT(error_line([&] { train("a", config, 1, true); }),
              HasSubstr("has begun (steps 2 to 4; 4 are done), found steps 3 to 6"));
  config.outer.outer_steps = 2;
  config.outer.cooldown = 0;
  train("b", config, 1);
  config.outer.outer_steps = 3;
  config.outer.cooldown = 1;  // from the first step on
  EXPECT_THAT(error_line([&] { train("b", config, 1, true); }),
              HasSubstr("starts after the 2 outer steps that are done, found steps"));
}

TEST_F(TrainerTest, ContradictoryConfigIsRefused) {
  MetaConfig config = tiny_config();
  config.inner.min_T = 50;
  EXPECT_THROW(train("a", config, 1), Error);
  config = tiny_config();
  config.validation.stops = true;  // of the meta-objective's probes
  EXPECT_THROW(train("a", config, 1), Error);
  config = tiny_config();
  config.estimator.name = "mixed";
  config.estimator.pairs = 1;
  EXPECT_THROW(train("a", config, 1), Error);
  config = tiny_config();
  config.truncation.loss = "cross-entropy";  // augmented tasks are the default
  EXPECT_THROW(train("a", config, 1), Error);
  config = tiny_config();
  for (const char* readout : {"best", "evaluate"}) {
    config.validation.readout = readout;
    config.validation.num_probes = 1;
    EXPECT_THROW(train("a", config, 1), Error) << readout;
  }
  config = tiny_config();
  config.truncation.joint_readout = true;  // of the top layer alone
  EXPECT_THROW(train("a", config, 1), Error);
  config = tiny_config();
  config.truncation.stops = true;  // of a part of the trajectory
  EXPECT_THROW(train("a", config, 1), Error);
  for (const char* widths : {"", "8-", "-8", "8,8", "0", "5000", "8--8"}) {
    config = tiny_config();
    config.validation.further_hidden = {"8-8", widths};
    EXPECT_THROW(train("a", config, 1), Error) << widths;
  }
}

// Two tasks take turns: the first is judged as it always was, the second in another base model.
TEST(ValidationTest, TasksTakeTurnsInBaseModels) {
  MetaConfig config = tiny_config();
  const TaskDistribution tasks(config.tasks);
  const std::vector<float> theta = initial_theta(config, 7);
  ValidationWorkspace workspace;
  const auto loss = [&](int num_tasks) {
    double sum = 0;
    for (int n = 0; n < num_tasks; ++n)
      sum += score_task(config, tasks, 7, theta, n, workspace).meta_loss;
    return sum;
  };
  const double one = loss(1), two = loss(2);
  config.validation.further_hidden = {"6-5-4"};
  EXPECT_EQ(loss(1), one);
  const double wider = loss(2);
  EXPECT_NE(wider, two);
  config.validation.activations = {"relu", "tanh"};
  EXPECT_EQ(loss(1), one);
  const double other = loss(2);
  EXPECT_NE(other, two);
  EXPECT_NE(other, wider);
  config.validation.hidden = {6, 5, 4};  // the second task's tanh is in hidden's base model
  EXPECT_NE(loss(2), other);
}

// bias_mean changes no matrix of theta, so a rule of either kind starts a run of the other.
TEST_F(TrainerTest, StartsFromARuleOfTheOtherBiasMean) {
  std::filesystem::create_directories(folder_);
  MetaConfig config = tiny_config();
  Rule rule;
  rule.sizes = config.rule;
  rule.theta = random_theta(ThetaLayout(rule.sizes), 5);
  config.outer.init_rule = path("start.safetensors");
  save_rule(config.outer.init_rule, rule);
  for (const char* bias_mean : {"free", "homeostatic"}) {
    config.rule.bias_mean = bias_mean;
    EXPECT_EQ(initial_theta(config, 1), rule.theta);
  }
  config.rule.locality = "neuron";
  EXPECT_THROW(initial_theta(config, 1), Error);
}

TEST(ClassicalRulesTest, AreFilesOfTheFamily) {
  const TestFolder folder;
  for (const ClassicalRule& classical : classical_rules()) {
    const Rule rule = make_classical_rule(classical.name, classical_sizes(classical.name), 0);
    const std::string path = folder.path(std::string(classical.name) + ".safetensors");
    save_rule(path, rule);
    const Rule loaded = load_rule(path);
    EXPECT_EQ(loaded.theta, rule.theta);
    EXPECT_EQ(loaded.sizes, rule.sizes);
  }
}

}  // namespace
}  // namespace metaplastic
