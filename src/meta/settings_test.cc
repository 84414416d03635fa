// Rules whose settings follow the data, in meta-training: data sets of some rows, rules judged as
// applied, runs that resume to the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>

#include "base/stop.h"
#include "base/stopped.h"
#include "io/json_text.h"
#include "io/test_folder.h"
#include "meta/conv_model.h"
#include "meta/estimator_parts.h"
#include "meta/initial_theta.h"
#include "meta/task_traits.h"
#include "meta/test_config.h"
#include "meta/trainer.h"
#include "meta/validation.h"
#include "rule/classical.h"
#include "rule/rule_settings.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

MetaConfig traits_config() {
  MetaConfig config = small_run_config();
  config.rule.bias_mean = "homeostatic";
  config.rule.views = "neighbours";
  config.rule.settings = "traits";
  config.rule.trait_units = 3;
  config.tasks.weight("tables") = config.tasks.weight("words") = 1;
  config.tasks.max_inputs = 30;
  config.inner.min_T = config.inner.max_T = config.truncation.min_K = config.truncation.max_K = 4;
  config.inner.neighbour_pool = 64;
  config.inner.min_rows = 20, config.inner.max_rows = 60;
  config.estimator.name = "backprop-es";
  config.estimator.pairs = 1;
  config.estimator.largest_adjoint = 0.5;  // some are above
  config.inner.phi_mean_share = 0.3;
  config.truncation.judged_state = "mean";
  config.outer.init_rule = "agree-neighbours";
  config.outer.outer_batch = 4;
  config.outer.outer_lr = 0.01;
  config.validation.num_tasks = 4;
  config.validation.inner_steps = 4;
  config.validation.paired = true;
  return config;
}

// Base models of either kind, and a metric of theta.
void use_windows(MetaConfig& config) {
  config.rule.metric = "trained";
  config.tasks.weight("signals") = 1;
  config.inner.conv_share = 0.6;
  config.inner.min_window = config.inner.max_window = 3;
  config.validation.conv = {"conv 8 3x3, pool 2x2", "conv 8 5, pool 3"};
  config.validation.conv_share = 0.5;
}

RunEnd run_of(const std::string& out, MetaConfig config, int outer_steps, int threads,
              bool resume = false) {
  config.outer.outer_steps = outer_steps;
  RunOptions options;
  options.out = out;
  options.seed = 7;
  options.num_threads = threads;
  options.resume = resume;
  return meta_train(config, options);
}

std::vector<nlohmann::json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(parse_json(line));
  return lines;
}

TEST(Validation, AsAppliedTakesTheRegimeOfTheRule) {
  const MetaConfig config = traits_config();
  Rule rule = make_classical_rule(
      "agree-neighbours",
      {.C = 4, .D = 2, .G = 2, .bias_mean = "homeostatic", .views = "neighbours"}, 1);
  rule.inner = {.inner_lr = 0.05, .inner_batch = 8, .inner_steps = 6, .phi_mean_share = 0.5};
  const MetaConfig applied = as_applied(config, rule);
  EXPECT_EQ(applied.rule, rule.sizes);
  EXPECT_EQ(applied.validation.inner_steps, 6);
  EXPECT_EQ(applied.inner.inner_batch, std::vector<int>{8});
  const TaskDistribution tasks(config.tasks);
  std::vector<TaskScore> scores;
  const ValidationResult result = validate_theta(applied, tasks, 7, rule.theta, 2, &scores);
  EXPECT_EQ(scores.size(), 4u);
  EXPECT_EQ(paired_difference(scores, result.accuracies).accuracy, 0);
  // The tasks and the encoders before the first step are those of the config.
  EXPECT_EQ(result.random_accuracy,
            validate_theta(config, tasks, 7, initial_theta(config, 7), 1).random_accuracy);
}

TEST(Validation, EndsWhenASignalAsksForIt) {
  const MetaConfig config = traits_config();
  const TaskDistribution tasks(config.tasks);
  request_stop();
  EXPECT_THROW(validate_theta(config, tasks, 7, initial_theta(config, 7), 2), Stopped);
  clear_stop();
}

TEST(SettingsRun, ThreadsAndResumeGiveTheSameBits) {
  const TestFolder folder;
  for (const std::string form : {"hidden", "none", "conv"}) {
    SCOPED_TRACE(form);
    MetaConfig config = traits_config();
    config.rule.network = form == "hidden" ? form : "none";
    if (form == "conv") use_windows(config);
    const std::string whole = folder.path("whole-" + form), parts = folder.path("parts-" + form);
    run_of(whole, config, 2, 2);
    run_of(parts, config, 1, 1);
    run_of(parts, config, 2, 1, true);
    const std::vector<float> theta = load_rule(whole + "/rules/step-000002.safetensors").theta;
    EXPECT_EQ(theta, load_rule(parts + "/rules/step-000002.safetensors").theta);
    EXPECT_EQ(load_checkpoint(whole + "/checkpoint.safetensors", config).outer.moment2,
              load_checkpoint(parts + "/checkpoint.safetensors", config).outer.moment2);
    const ThetaLayout layout(config.rule);
    const auto moved = [&](ThetaName name) {
      const auto first = theta.begin() + layout[name].offset;
      return std::any_of(first, first + layout[name].size(), [](float v) { return v != 0; });
    };
    EXPECT_TRUE(moved(ThetaName::kSettings) && moved(ThetaName::kTraitsMix) &&
                moved(ThetaName::kTraitsSettings));
    const auto lines = lines_of(whole + "/metrics.jsonl");
    EXPECT_EQ(lines.front().at("outer_step"), 0);
    EXPECT_EQ(lines.front().at("validation").value("paired", nlohmann::json()), nullptr);
    const nlohmann::json& last = lines.back().at("validation");
    EXPECT_NEAR(last.at("paired").at("accuracy").get<double>(),
                last.at("accuracy").get<double>() -
                    lines.front().at("validation").at("accuracy").get<double>(),
                1e-12);
  }
}

TEST(SettingsRun, TheScaleOfTraitsIsMeasuredAndKept) {
  const MetaConfig config = traits_config();
  const TaskDistribution tasks(config.tasks);
  const ThetaLayout layout(config.rule);
  const std::vector<float> start = initial_theta(config, 7),
                           theta = with_measured_traits(config, tasks, 7, start);
  const auto at = [&](ThetaName name) {
    return theta[static_cast<std::size_t>(layout[name].offset)];
  };
  // log10 of rows between 20 and 60.
  EXPECT_GT(at(ThetaName::kTraitsMean), 1.3f);
  EXPECT_LT(at(ThetaName::kTraitsMean), 1.78f);
  EXPECT_GT(at(ThetaName::kTraitsScale), 0.05f);
  EXPECT_EQ(with_measured_traits(config, tasks, 8, theta), theta);
  std::vector<float> gradient(theta.size(), 1.0f);
  keep_trained(layout, {}, gradient);
  EXPECT_EQ(gradient[static_cast<std::size_t>(layout[ThetaName::kTraitsScale].offset)], 0);
  EXPECT_EQ(gradient[0], 1);
}

// Whole trajectories end with every update: what their checkpoint holds is theta, not phi.
TEST(SettingsRun, CheckpointsOfWholeTrajectoriesAreSmall) {
  const TestFolder folder;
  run_of(folder.path("run"), traits_config(), 1, 1);
  const TensorFile file = read_safetensors(folder.path("run/checkpoint.safetensors"));
  for (int s = 0; s < 4; ++s)
    EXPECT_TRUE(file.find("slot." + std::to_string(s) + ".phi")->bytes.empty());
}

// Every batch is of the rows, and only of them.
TEST(TaskData, OfSomeRowsDrawsFromThem) {
  MetaConfig config = traits_config();
  config.rule = small_run_config().rule;  // one view
  const TaskDistribution tasks(config.tasks);
  const Task task = tasks.make_task(3, 5, Split::kTrain);
  std::optional<NeighbourMetric> metric;
  TaskData data;
  constexpr int kRows = 20;
  data.start(task, 0, 40, 16, config, metric, kRows);
  const auto U = static_cast<std::size_t>(task.num_inputs());
  std::set<std::vector<float>> seen;
  for (int k = 0; k < 40; ++k) {
    const std::span<const float> batch = data.inner_batch(k);
    ASSERT_EQ(batch.size(), U * 16);
    std::set<std::vector<float>> here;
    for (std::size_t b = 0; b < 16; ++b) {
      std::vector<float> example(U);
      for (std::size_t u = 0; u < U; ++u) example[u] = batch[u * 16 + b];
      here.insert(example);
    }
    EXPECT_EQ(here.size(), 16u) << "without replacement";
    seen.insert(here.begin(), here.end());
  }
  EXPECT_EQ(seen.size(), std::size_t{kRows});
}

// The data set is of images, and its pool of several windows of each: as when a rule is applied.
TEST(TaskData, OfWindowsCountsImages) {
  MetaConfig config = traits_config();
  use_windows(config);
  config.inner.conv_share = 1;
  config.tasks.weight("tables") = config.tasks.weight("words") = 0;
  config.inner.neighbour_pool = 100;
  const TaskDistribution tasks(config.tasks);
  Task task = tasks.make_task(3, 5, Split::kTrain);
  TrajectorySettings drawn;
  draw_conv_model(config, 3, 5, task, drawn);
  ASSERT_TRUE(task.windows().has_value());
  std::optional<NeighbourMetric> metric;
  TaskData data;
  data.start(task, 0, 1, 16, config, metric, 20);
  const DataProfile profile = data.profile();
  EXPECT_EQ(profile.traits[0], std::log10(20.0));
  EXPECT_EQ(profile.kind, ExampleKind::kDistances);  // windows have mean 0
  data.use_settings({.hops = 2, .noise = 0, .whitening = 0.3});
  // Batches are of the 5 windows that the pool holds of each image.
  TaskBatch pool;
  task.draw_batch(Purpose::kNeighbours, 0, 20, pool, 5);
  const auto U = static_cast<std::size_t>(task.num_inputs());
  ASSERT_EQ(pool.x.size(), 100 * U);
  const auto columns_of = [&](std::span<const float> x) {
    std::set<std::vector<float>> columns;
    const std::size_t B = x.size() / U;
    for (std::size_t b = 0; b < B; ++b) {
      std::vector<float> column;
      for (std::size_t u = 0; u < U; ++u) column.push_back(x[u * B + b]);
      columns.insert(column);
    }
    return columns;
  };
  const auto all = columns_of(pool.x), seen = columns_of(data.inner_batch(0));
  EXPECT_GE(seen.size(), 16u);
  for (const std::vector<float>& column : seen) EXPECT_TRUE(all.contains(column));
}

// Of a program whose settings were factors, the same for all kinds of examples.
TEST(Checkpoint, ConvertsFactorsToSettings) {
  const std::string folder = METAPLASTIC_SOURCE_DIR "/tests/fixtures/rule-version-3/";
  MetaConfig config;
  load_toml_file(folder + "config.toml", config);
  const TensorFile file = read_safetensors(folder + "checkpoint.safetensors");
  const RunState state = load_checkpoint(folder + "checkpoint.safetensors", config);
  const ThetaLayout layout(config.rule);
  constexpr std::size_t kOldSettings = 5, kMix = 6;  // the mix stands before them
  const auto at = static_cast<std::size_t>(layout[ThetaName::kSettings].offset);
  ASSERT_EQ(at, kMix);
  const auto expect_converted = [&](const char* name, const std::vector<float>& found, bool added) {
    SCOPED_TRACE(name);
    ASSERT_EQ(static_cast<std::int64_t>(found.size()), layout.size());
    const auto old = file.require(name, DType::kF32).as<float>();
    EXPECT_TRUE(std::equal(old.begin(), old.begin() + kMix, found.begin()));
    for (std::size_t k = 0; k < kNumExampleKinds; ++k)
      for (std::size_t n = 0; n < kNumSettings; ++n) {
        const auto setting = static_cast<SettingName>(n);
        const float usual = usual_raw(
            setting, usual_setting(setting, static_cast<ExampleKind>(k), config.inner_settings()));
        const float before = n < kOldSettings ? old[kMix + n] : 0;
        EXPECT_EQ(found[at + k * kNumSettings + n], before + (added ? usual : 0.0f));
      }
  };
  expect_converted("theta", state.outer.theta, true);
  expect_converted("average", state.outer.average, true);
  expect_converted("best.theta", state.best.theta, true);
  expect_converted("adam.moment1", state.outer.moment1, false);
  expect_converted("adam.moment2", state.outer.moment2, false);
  EXPECT_EQ(load_rule(folder + "rule.safetensors").theta, state.best.theta);
  // And it goes on as a checkpoint of this program.
  const TestFolder out;
  save_checkpoint(out.path("next.safetensors"), config, state);
  EXPECT_EQ(load_checkpoint(out.path("next.safetensors"), config).outer.theta, state.outer.theta);
}

// A rule without a network goes on as one with a network, which at first changes nothing.
TEST(InitialTheta, GrowsANetworkThatDoesNotActYet) {
  const TestFolder folder;
  MetaConfig config = traits_config();
  config.rule.network = "none";
  Rule small = rule_of_run(config, initial_theta(config, 1));
  for (float& value : small.theta) value += 0.25f;
  const std::string path = folder.path("small.safetensors");
  save_rule(path, small);
  config.rule.network = "hidden";
  config.outer.init_rule = path;
  const std::vector<float> grown = initial_theta(config, 2);
  const ThetaLayout from(small.sizes), to(config.rule);
  const auto mix = [](const ThetaLayout& layout, const std::vector<float>& theta,
                      std::string_view term) {
    return theta[static_cast<std::size_t>(layout[ThetaName::kMix].offset +
                                          layout.term_index(term))];
  };
  EXPECT_EQ(mix(to, grown, "agree"), mix(from, small.theta, "agree"));
  EXPECT_EQ(mix(to, grown, "hebb"), mix(from, small.theta, "hebb"));
  EXPECT_EQ(mix(to, grown, "rbf"), 0);
  const auto kept = [&](ThetaName name) {
    return std::equal(small.theta.begin() + from[name].offset,
                      small.theta.begin() + from[name].offset + from[name].size(),
                      grown.begin() + to[name].offset);
  };
  EXPECT_TRUE(kept(ThetaName::kTraitsIn) && kept(ThetaName::kTraitsSettings));
}

}  // namespace
}  // namespace metaplastic
