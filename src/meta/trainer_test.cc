// A run is a function of (config, seed, program): threads, stops and resumes change no bit.
#include "meta/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "io/safetensors.h"
#include "meta/run_folder.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;

MetaConfig tiny_config() {
  MetaConfig config;
  config.rule = {"compact", 6, 3, 2};
  config.tasks.glyph_weight = 0;
  config.tasks.max_classes = 3;
  config.inner.max_layers = 2;
  config.inner.min_units = config.inner.min_features = 8;
  config.inner.max_units = config.inner.max_features = 12;
  config.inner.inner_batch = {16};
  config.inner.min_T = 5;
  config.inner.max_T = 12;
  config.truncation.min_K = 2;
  config.truncation.max_K = 4;
  config.truncation.shots = 4;
  config.outer.outer_batch = 4;
  config.outer.outer_steps = 6;
  config.validation.every = 2;
  config.validation.num_tasks = 2;
  config.validation.inner_steps = 5;
  config.validation.hidden = {8, 8};
  return config;
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

  std::string folder_;
};

void expect_same_tensors(const std::string& left, const std::string& right) {
  const TensorFile a = read_safetensors(left), b = read_safetensors(right);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const Tensor& tensor : a.tensors) {
    const Tensor* other = b.find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_TRUE(tensor.bytes == other->bytes) << tensor.name << " differs";
  }
}

TEST_F(TrainerTest, ThreadsAndResumeGiveTheSameBits) {
  MetaConfig config = tiny_config();
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

TEST_F(TrainerTest, ContradictoryConfigIsRefused) {
  MetaConfig config = tiny_config();
  config.inner.min_T = 50;
  EXPECT_THROW(train("a", config, 1), Error);
}

TEST(ClassicalRulesTest, AreFilesOfTheFamily) {
  for (const ClassicalRule& classical : classical_rules()) {
    const Rule rule = make_classical_rule(classical.name, RuleSizes{}, 0);
    const std::string path = testing::TempDir() + "/" + classical.name + ".safetensors";
    save_rule(path, rule);
    const Rule loaded = load_rule(path);
    EXPECT_EQ(loaded.theta, rule.theta);
    EXPECT_EQ(loaded.sizes, rule.sizes);
  }
}

}  // namespace
}  // namespace metaplastic
