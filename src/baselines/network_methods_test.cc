// The gradient-trained baselines on data whose answer is known.
#include <gtest/gtest.h>

#include <cmath>

#include "baselines/autoencoder.h"
#include "baselines/contrastive.h"
#include "baselines/methods.h"
#include "baselines/search.h"
#include "baselines/transfer.h"
#include "baselines/views.h"
#include "eval/evaluate.h"
#include "eval/test_data.h"
#include "rule/classical.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

AutoencoderOptions small_autoencoder(AutoencoderKind kind) {
  AutoencoderOptions options;
  options.kind = kind;
  options.model = {{32}, 16, Unary::kTanh};
  options.code = 2;
  options.bernoulli = false;
  options.training.lr = 3e-3;
  options.training.num_steps = 1500;
  options.training.stops = {0, 700, 1500};
  return options;
}

// Rows on a plane: two numbers say everything but the noise of deviation 0.1 in 10 inputs, which
// costs 10 * 0.01 / 2 = 0.05 of squared loss whatever the code.
std::shared_ptr<const RowSource> plane(int num_rows = 1000) {
  Random random(4, Purpose::kTest);
  std::vector<float> axes, rows;
  for (int u = 0; u < 20; ++u) axes.push_back(random.normal());
  for (int n = 0; n < num_rows; ++n) {
    const float s = random.uniform(-1, 1), t = random.uniform(-1, 1);
    for (std::size_t u = 0; u < 10; ++u) {
      rows.push_back(s * axes[2 * u] + t * axes[2 * u + 1] + 0.1f * random.normal());
    }
  }
  return rows_of(std::move(rows), 10);
}

double variance_of(const RowSource& source) {
  const std::vector<float> rows = read_all_rows(source);
  double square = 0;
  for (const float value : rows) square += static_cast<double>(value) * static_cast<double>(value);
  return square / static_cast<double>(source.num_rows());
}

// A decoder that is sure of its pixels pays for a code; one that is not leaves the code empty.
TEST(Autoencoder, TheDeviationOfPixelsSaysHowMuchACodeIsWorth) {
  std::vector<float> rows = read_all_rows(*plane());
  for (float& value : rows) value = 1 / (1 + std::exp(-value));
  AutoencoderOptions options = small_autoencoder(AutoencoderKind::kVariational);
  options.training.num_steps = 300;
  options.training.stops = {300};
  const auto divergence = [&](double deviation) {
    options.deviation = deviation;
    return train_autoencoder(*rows_of(rows, 10), options).trace.back().divergence;
  };
  EXPECT_LT(divergence(2), 0.2);
  EXPECT_GT(divergence(0.05), 2);
}

TEST(Autoencoder, ACodeOfTwoSaysAPlane) {
  const auto rows = plane();
  const Training training = train_autoencoder(*rows, small_autoencoder(AutoencoderKind::kPlain));
  ASSERT_EQ(training.states.size(), 3u);
  EXPECT_EQ(training.states[1].trunk.record.inner_steps, 700);
  EXPECT_EQ(training.trace.size(), 30u);
  EXPECT_EQ(training.trace.back().step, 1500);
  // Without a code the loss is half of the rows' mean square; what is left must be a tenth of it.
  EXPECT_GT(-training.trace.front().objective, 0.2 * variance_of(*rows) / 2);
  EXPECT_LT(-training.trace.back().objective, 0.1 * variance_of(*rows) / 2);
  EXPECT_EQ(training.states[2].num_layers(), 3);
  EXPECT_EQ(training.states[2].width(3), 2);
}

TEST(Autoencoder, VariationalObjectiveIsALowerBound) {
  const auto rows = plane();
  const Training training =
      train_autoencoder(*rows, small_autoencoder(AutoencoderKind::kVariational));
  const ObjectivePoint &first = training.trace.front(), &last = training.trace.back();
  EXPECT_NEAR(last.objective, last.reconstruction - last.divergence, 1e-9);
  EXPECT_GT(last.divergence, 0);
  EXPECT_GT(last.objective, first.objective);
  // log p(x) of the model's own constant is at most 0 at a perfect reconstruction.
  EXPECT_LT(last.objective, 0);
  EXPECT_GT(last.objective, -variance_of(*rows) / 2);
}

TEST(Autoencoder, AFunctionOfSeedAndRun) {
  const auto rows = plane(200);
  AutoencoderOptions options = small_autoencoder(AutoencoderKind::kDenoising);
  options.training.num_steps = 20;
  options.training.stops = {20};
  const auto weights = [&] {
    return train_autoencoder(*rows, options).states.back().trunk.layers[0].W;
  };
  const std::vector<float> first = weights();
  EXPECT_EQ(first, weights());
  options.run = 1;
  EXPECT_NE(first, weights());
}

TEST(Search, CoversTheRangeWhateverTheNumberOfTrials) {
  EXPECT_EQ(search_lr(0), 1e-3);
  for (int n = 1; n < 20; ++n) {
    EXPECT_GE(search_lr(n), 1.9e-4);
    EXPECT_LE(search_lr(n), 1.01e-2);
  }
  EXPECT_EQ(search_size(4, {32, 64, 16}), 64);
  EXPECT_EQ(search_stops(6000), (std::set<int>{750, 3000, 6000}));
  EXPECT_EQ(search_stops(1), (std::set<int>{1}));
}

// Threads change no bit of any method's result.
TEST(Methods, ParallelSearchGivesTheSameNumbers) {
  const Dataset data = with_test_rows(gaussian_dataset(300, 8, 3, 3), 1);
  const auto source = std::make_shared<Dataset>(data);
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  MethodOptions options;
  options.fit.training.model = {{12}, 8, Unary::kRelu};
  options.training_steps = 40;
  DrawOptions draws;
  draws.shots = 4;
  draws.trials = 4;
  const std::vector<std::string> names = {"kmeans", "vae", "supervised", "contrastive"};
  std::vector<std::vector<double>> results[2];
  for (const int threads : {1, 3}) {
    MethodContext context;
    context.num_threads = threads;
    context.num_tunings = 3;
    for (const auto& method :
         evaluate_methods(data, source, make_methods(names, rule, options), draws, context)
             .methods) {
      results[threads == 3].push_back(method.trial_accuracy);
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

// Three equal channels stay equal, and are what the grey image becomes.
TEST(ViewMaker, ChannelsMoveTogether) {
  ViewMaker grey({14, 14, 1}), colour({14, 14, 3});
  std::vector<float> row(196), view(196), rows(3 * 196), views(3 * 196);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(i % 17) / 17;
    for (std::size_t c = 0; c < 3; ++c) rows[3 * i + c] = row[i];
  }
  Random one(2, Purpose::kTest), same(2, Purpose::kTest);
  grey.make(row, one, view);
  colour.make(rows, same, views);
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(views[3 * i + c], view[i]);
  }
  EXPECT_EQ(one.next_u32(), same.next_u32());
}

TEST(ViewMaker, ViewsAreTheSameImageMovedAndNothingElse) {
  ViewMaker images({14, 14, 1}), table({});
  EXPECT_TRUE(images.augments_images());
  EXPECT_FALSE(table.augments_images());
  EXPECT_FALSE(ViewMaker({14, 12, 3}).augments_images());
  std::vector<float> row(196, 0.0f), view(196), other(196);
  for (int y = 5; y < 9; ++y) {
    for (int x = 5; x < 9; ++x) row[static_cast<std::size_t>(y * 14 + x)] = 1;
  }
  Random random(1, Purpose::kTest);
  images.make(row, random, view);
  images.make(row, random, other);
  EXPECT_NE(view, other);
  double middle = 0, edge = 0;  // the square moves by at most 2 pixels
  for (int n = 0; n < 50; ++n) {
    images.make(row, random, view);
    for (int p = 0; p < 196; ++p) {
      const int y = p / 14, x = p % 14;
      const bool inside = y >= 5 && y < 9 && x >= 5 && x < 9;
      const bool outside = y < 1 || y > 12 || x < 1 || x > 12;
      middle += inside ? static_cast<double>(view[static_cast<std::size_t>(p)]) / 16 / 50 : 0;
      edge += outside ? static_cast<double>(view[static_cast<std::size_t>(p)]) / 52 / 50 : 0;
    }
  }
  EXPECT_GT(middle, edge + 0.15);
  // Masked inputs: each is kept as it is or 0.
  table.make(row, random, view);
  for (std::size_t p = 0; p < 196; ++p) EXPECT_TRUE(view[p] == 0 || view[p] == row[p]);
}

TEST(Prototypical, NearestMeanByHand) {
  const std::vector<float> support = {0, 0, 2, 0, 10, 10};  // means (1,0) and (10,10)
  const std::vector<int> labels = {0, 0, 1};
  const std::vector<float> query = {9, 9, 0, 1, 5, 4};
  std::vector<int> predicted(3);
  classify_by_mean(support, labels, 2, query, predicted);
  EXPECT_EQ(predicted, (std::vector<int>{1, 0, 0}));
}

// Other classes exist for images only; the table says so and goes on without those methods.
TEST(Methods, WhatDoesNotSuitTheDataIsLeftOut) {
  const Dataset data = with_test_rows(gaussian_dataset(120, 6, 3, 3), 1);
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  DrawOptions draws;
  draws.shots = 3;
  draws.trials = 2;
  const auto source = std::make_shared<Dataset>(data);
  const EvaluationResult result = evaluate_methods(
      data, source, make_methods({"transfer", "raw", "prototypical"}, rule, {}), draws, {});
  ASSERT_EQ(result.methods.size(), 1u);
  EXPECT_EQ(result.methods[0].name, "raw");
  ASSERT_EQ(result.notes.size(), 2u);
  EXPECT_NE(result.notes[0].find("transfer: left out"), std::string::npos) << result.notes[0];
}

// Characters that no method learned from: chance is 1 in 5.
TEST(Methods, SlowTransferLearnsFromOtherClasses) {
  Dataset data = load_data("glyphs,rows=300,classes=5");
  data = with_test_rows(data, 1);
  const Preprocess preprocess = fit_preprocess(data);
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  MethodOptions options;
  options.fit.training.model = {{64}, 64, Unary::kRelu};
  options.training_steps = 400;
  MethodContext context;
  context.num_tunings = 1;
  context.image = preprocess.output_image;
  DrawOptions draws;
  draws.shots = 5;
  draws.trials = 10;
  const EvaluationResult result = evaluate_methods(
      data, prepare_rows(preprocess, data),
      make_methods({"transfer", "prototypical", "contrastive"}, rule, options), draws, context);
  ASSERT_EQ(result.methods.size(), 3u);
  for (const MethodResult& method : result.methods) EXPECT_GT(method.accuracy, 0.5) << method.name;
}

}  // namespace
}  // namespace metaplastic
