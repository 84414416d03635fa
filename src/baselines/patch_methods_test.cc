// Baselines on windows of images against their formulas.
#include <gtest/gtest.h>

#include <cmath>

#include "apply/place_layers.h"
#include "apply/view_whitening.h"
#include "apply/window_rows.h"
#include "base/random.h"
#include "baselines/conv_autoencoder.h"
#include "baselines/conv_contrastive.h"
#include "baselines/methods.h"
#include "baselines/patch_kmeans.h"
#include "baselines/softhebb.h"
#include "baselines/whitened_candidates.h"
#include "eval/evaluate.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

std::vector<float> patch_normals(std::size_t count, std::uint32_t stream) {
  Random random(9, Purpose::kTest, 0, stream);
  std::vector<float> values(count);
  for (float& value : values) value = random.normal();
  return values;
}

// The update unit by unit and window by window, in double.
TEST(SoftHebb, EqualsItsFormulas) {
  constexpr int kU = 3, kK = 5, kB = 4;
  const std::vector<float> windows = patch_normals(kB * kK, 1);
  std::vector<float> weights = patch_normals(kU * kK, 2);
  const std::vector<float> before = weights;
  constexpr double kLr = 0.1, kTemperature = 0.7;
  softhebb_step(windows, kK, kLr, kTemperature, weights);
  double step[kU][kK] = {}, largest = 0;
  for (int b = 0; b < kB; ++b) {
    double u[kU] = {}, sum = 0;
    int winner = 0;
    for (int k = 0; k < kU; ++k) {
      for (int i = 0; i < kK; ++i)
        u[k] += static_cast<double>(before[static_cast<std::size_t>(k * kK + i)]) *
                static_cast<double>(windows[static_cast<std::size_t>(b * kK + i)]);
      sum += std::exp(u[k] / kTemperature);
      if (u[k] > u[winner]) winner = k;
    }
    for (int k = 0; k < kU; ++k) {
      const double y = (k == winner ? 1 : -1) * std::exp(u[k] / kTemperature) / sum;
      for (int i = 0; i < kK; ++i)
        step[k][i] +=
            y * (static_cast<double>(windows[static_cast<std::size_t>(b * kK + i)]) -
                 u[k] * static_cast<double>(before[static_cast<std::size_t>(k * kK + i)]));
    }
  }
  for (const auto& row : step) {
    for (const double value : row) largest = std::max(largest, std::abs(value));
  }
  for (int k = 0; k < kU; ++k) {
    double square = 0;
    for (int i = 0; i < kK; ++i)
      square += std::pow(static_cast<double>(before[static_cast<std::size_t>(k * kK + i)]), 2);
    const double rate = kLr * std::sqrt(std::abs(std::sqrt(square) - 1)) / largest;
    for (int i = 0; i < kK; ++i) {
      const auto at = static_cast<std::size_t>(k * kK + i);
      EXPECT_NEAR(static_cast<double>(weights[at]),
                  static_cast<double>(before[at]) + rate * step[k][i], 1e-5);
    }
  }
}

// Two directions that windows come from: each is found by a unit of length 1.
TEST(SoftHebb, UnitsFindTheDirectionsOfTheirWindows) {
  constexpr int kK = 8;
  std::vector<float> windows = patch_normals(600 * kK, 3);
  for (std::size_t n = 0; n < 600; ++n) {
    for (std::size_t k = 0; k < kK; ++k) windows[n * kK + k] *= 0.1f;
    windows[n * kK + n % 2] += 3;
  }
  const std::vector<float> weights =
      train_softhebb(*rows_of(windows, kK), {.units = 2, .num_steps = 400, .batch = 32, .seed = 1});
  for (std::size_t unit = 0; unit < 2; ++unit) {
    double square = 0;
    for (std::size_t k = 0; k < kK; ++k)
      square += std::pow(static_cast<double>(weights[unit * kK + k]), 2);
    EXPECT_NEAR(std::sqrt(square), 1, 0.1);
  }
  EXPECT_GT(std::max(weights[0], weights[kK]), 0.9f);
  EXPECT_GT(std::max(weights[1], weights[kK + 1]), 0.9f);
}

EncoderLayer small_conv() { return empty_layers(parse_layers("conv 4 2x3"), {4, 5, 2})[0]; }

// Windows that say what is there: no loss, and no bar.
TEST(OverlapLoss, IsNothingWhereEveryWindowIsRight) {
  const EncoderLayer conv = small_conv();
  const int P = conv.out.height * conv.out.width,
            K = static_cast<int>(window_size(conv.spec, conv.in));
  const std::vector<float> crops = patch_normals(static_cast<std::size_t>(2 * conv.in.size()), 4);
  std::vector<float> windows(static_cast<std::size_t>(2 * P * K)), padded, said(windows.size());
  for (int b = 0; b < 2; ++b)
    read_windows(conv, crops.data() + b * conv.in.size(), padded, windows.data() + b * P * K);
  const std::vector<float> means(static_cast<std::size_t>(2 * P), 0.5f),
      deviations(means.size(), 2);
  for (std::size_t w = 0; w < means.size(); ++w) {
    for (int k = 0; k < K; ++k)
      said[static_cast<std::size_t>(k) * means.size() + w] =
          (windows[w * static_cast<std::size_t>(K) + static_cast<std::size_t>(k)] - 0.5f) / 2;
  }
  Tape<float> tape;
  tape.reset(true);
  const Var<float> leaf = tape.leaf(said.data(), K, 1, 2 * P);
  EXPECT_NEAR(overlap_loss<float>(tape, leaf, conv, means, deviations, crops), 0, 1e-10);
  tape.backward();
  for (std::size_t i = 0; i < said.size(); ++i) EXPECT_NEAR(tape.bar(leaf)[i], 0, 1e-5f);
}

// The bar against central differences of step 1e-5 of a quadratic: rounding alone, 1e-16 / 1e-5
// times the loss.
TEST(OverlapLoss, ItsBarIsItsDerivative) {
  const EncoderLayer conv = small_conv();
  const int P = conv.out.height * conv.out.width,
            K = static_cast<int>(window_size(conv.spec, conv.in));
  const auto doubles = [](std::size_t count, std::uint32_t stream) {
    const std::vector<float> values = patch_normals(count, stream);
    return std::vector<double>(values.begin(), values.end());
  };
  std::vector<double> said = doubles(static_cast<std::size_t>(2 * P * K), 5);
  const std::vector<double> means = doubles(static_cast<std::size_t>(2 * P), 6),
                            deviations = doubles(static_cast<std::size_t>(2 * P), 7),
                            crops = doubles(static_cast<std::size_t>(2 * conv.in.size()), 8);
  Tape<double> tape;
  const auto loss = [&] {
    tape.reset(true);
    return overlap_loss<double>(tape, tape.leaf(said.data(), K, 1, 2 * P), conv, means, deviations,
                                crops);
  };
  tape.reset(true);
  const Var<double> leaf = tape.leaf(said.data(), K, 1, 2 * P);
  overlap_loss<double>(tape, leaf, conv, means, deviations, crops);
  tape.backward();
  const std::vector<double> bar(tape.bar(leaf), tape.bar(leaf) + leaf.size());
  for (std::size_t i = 0; i < said.size(); i += 7) {
    const double before = said[i];
    said[i] = before + 1e-5;
    const double above = loss();
    said[i] = before - 1e-5;
    const double below = loss();
    said[i] = before;
    EXPECT_NEAR(bar[i], (above - below) / 2e-5, 1e-8);
  }
}

TEST(ConvContrastive, CellsAreMeansOfTheirPlaces) {
  constexpr int kU = 2, kCells = 3, kImages = 2, kPlaces = 4;
  std::vector<double> x;
  for (int i = 0; i < kU * kCells * kImages * kPlaces; ++i) x.push_back(i * i);
  Tape<double> tape;
  tape.reset(true);
  const Var<double> leaf = tape.leaf(x.data(), kU, 1, kCells * kImages * kPlaces);
  const Var<double> pooled = pool_cells_of(tape, leaf, kCells, kImages);
  ASSERT_EQ(pooled.units(), kU * kCells);
  ASSERT_EQ(pooled.examples(), kImages);
  for (int u = 0; u < kU; ++u) {
    for (int g = 0; g < kCells; ++g) {
      for (int b = 0; b < kImages; ++b) {
        double sum = 0;
        for (int p = 0; p < kPlaces; ++p)
          sum += x[static_cast<std::size_t>(((u * kCells + g) * kImages + b) * kPlaces + p)];
        EXPECT_DOUBLE_EQ(pooled.data[(u * kCells + g) * kImages + b], sum / kPlaces);
      }
    }
  }
}

// Triangle activations at every place by hand: two centroids, a pool of one cell, the mean.
TEST(PatchKmeans, TrianglesArePooledOverPlaces) {
  PatchRows rows;
  rows.layers = empty_layers(parse_layers("conv 2 1x2, pool 1x1 mean"), {1, 3, 1});
  const FeatureCandidate candidate = triangle_candidate(rows, {{0, 0, 3, 4}, 2});
  const std::vector<float> image = {0, 0, 3};  // windows (0,0) and (0,3)
  std::vector<float> out(2);
  candidate.encode(image, 1, out);
  // Distances 0 and 5, then 3 and sqrt(10): mean less distance, where that is above 0.
  const float middle = (3 + std::sqrt(10.0f)) / 2;
  EXPECT_NEAR(out[0], (2.5f + middle - 3) / 2, 1e-6f);
  EXPECT_NEAR(out[1], 0, 1e-6f);
}

// The whitened values are those of fit_view_whitening, and stand behind the features.
TEST(WhitenedCandidates, OfferTheValuesOfADenseLayerThatWhitens) {
  const ImageShape shape{8, 8, 3};
  const auto images = rows_of(patch_normals(static_cast<std::size_t>(40 * shape.size()), 9),
                              static_cast<int>(shape.size()));
  FeatureCandidate sums;  // of each channel
  sums.num_features = 3;
  sums.settings["lr"] = 0.5;
  sums.encode = [](std::span<const float> rows, std::int64_t n, std::span<float> out) {
    std::ranges::fill(out, 0.0f);
    const auto size = static_cast<std::int64_t>(rows.size()) / n;
    for (std::int64_t i = 0; i < n * size; ++i)
      out[static_cast<std::size_t>(i / size * 3 + i % 3)] += rows[static_cast<std::size_t>(i)];
  };
  MethodContext context;
  context.image = shape;
  const std::vector<FeatureCandidate> offered =
      with_whitened_views({&sums, 1}, *images, context, 0);
  ASSERT_EQ(offered.size(), 3U);
  const auto features_of = [&](const FeatureCandidate& candidate) {
    std::vector<float> staged(3), out(static_cast<std::size_t>(candidate.num_features));
    std::vector<float> image(static_cast<std::size_t>(shape.size()));
    images->read_rows(0, 1, image);
    candidate.stage->encode(image, 1, staged);
    candidate.encode(staged, 1, out);
    return out;
  };
  const std::vector<float> plain = features_of(offered[0]), alone = features_of(offered[1]),
                           beside = features_of(offered[2]);
  ASSERT_EQ(plain.size(), 3U);
  std::vector<float> both = plain;
  both.insert(both.end(), alone.begin(), alone.end());
  EXPECT_EQ(beside, both);
  std::vector<float> image(static_cast<std::size_t>(shape.size())), direct(3);
  images->read_rows(0, 1, image);
  sums.encode(image, 1, direct);
  EXPECT_EQ(plain, direct);
  EXPECT_NE(plain, alone);
  EXPECT_EQ(offered[2].settings["whitened"], "beside");
  EXPECT_EQ(offered[2].settings["lr"], 0.5);
  sums.num_features = kMaxViewInputs + 1;
  EXPECT_EQ(with_whitened_views({&sums, 1}, *images, context, 0).size(), 1U);
}

// Tones of two frequencies that start at any time.
TEST(PatchMethods, LearnFromSignalsWhereTheySeeWindowsAlone) {
  constexpr int kSteps = 48;
  Random random(12, Purpose::kTest);
  Dataset data;
  data.name = "tones";
  data.kind = DataKind::kSignal;
  data.image = {1, kSteps, 1};
  data.class_names = {"low", "high"};
  std::vector<float> values;
  for (int n = 0; n < 240; ++n) {
    data.labels.push_back(n % 2);
    const double phase = random.uniform() * 6.28;
    for (int t = 0; t < kSteps; ++t)
      values.push_back(static_cast<float>(std::sin(phase + t * (n % 2 == 0 ? 0.7 : 1.9))) +
                       0.2f * random.normal());
  }
  data.rows = rows_of(std::move(values), kSteps);
  data.first_test_row = 240;
  data = with_test_rows(data, 1);
  MethodOptions options;
  options.training_steps = 40;
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  MethodContext context;
  context.num_tunings = 1;
  DrawOptions draws;
  draws.shots = 5;
  draws.trials = 3;
  const auto evaluated = [&](const std::vector<std::string>& names) {
    return evaluate_methods(data, std::make_shared<Dataset>(data),
                            make_methods(names, rule, options), draws, context);
  };
  const EvaluationResult result = evaluated({"patch-kmeans", "random-conv", "softhebb"});
  ASSERT_EQ(result.methods.size(), 3U);
  for (const MethodResult& method : result.methods) EXPECT_GT(method.accuracy, 0.9) << method.name;
  EXPECT_THROW(evaluated({"conv-autoencoder", "conv-contrastive"}), Error);
}

// Every one of them on small colour images with a pattern in a class's colour, and on a table.
TEST(PatchMethods, TellClassesApartAndLeaveTablesAlone) {
  const ImageShape shape{12, 12, 3};
  Random random(11, Purpose::kTest);
  Dataset data;
  data.name = "stripes";
  data.kind = DataKind::kImage;
  data.image = shape;
  data.class_names = {"down", "across"};
  std::vector<float> values;
  for (int n = 0; n < 240; ++n) {
    data.labels.push_back(n % 2);
    const int phase = random.between(0, 3);
    for (int y = 0; y < 12; ++y) {
      for (int x = 0; x < 12; ++x) {
        const bool bright = ((n % 2 == 0 ? x : y) + phase) / 2 % 2 == 0;
        for (int c = 0; c < 3; ++c)
          values.push_back((bright ? 180.0f : 40.0f) + 30 * random.uniform());
      }
    }
  }
  data.rows = rows_of(std::move(values), static_cast<int>(shape.size()));
  data.first_test_row = 240;
  data = with_test_rows(data, 1);
  const std::vector<std::string> names = {"patch-kmeans", "random-conv", "softhebb",
                                          "conv-autoencoder", "conv-contrastive"};
  MethodOptions options;
  options.training_steps = 40;
  options.fit.layers = parse_layer_choice("conv 8 4x4 whiten, pool 1x1, dense 4");
  const Rule rule = make_classical_rule("hebb", {"compact", 4, 2, 1}, 1);
  MethodContext context;
  context.num_tunings = 2;
  DrawOptions draws;
  draws.shots = 5;
  draws.trials = 3;
  const EvaluationResult result = evaluate_methods(
      data, std::make_shared<Dataset>(data), make_methods(names, rule, options), draws, context);
  ASSERT_EQ(result.methods.size(), names.size());
  for (const MethodResult& method : result.methods) EXPECT_GT(method.accuracy, 0.9) << method.name;
  Dataset table = data;
  table.kind = DataKind::kTable;
  EXPECT_THROW(evaluate_methods(table, std::make_shared<Dataset>(table),
                                make_methods(names, rule, options), draws, context),
               Error);
}

TEST(PatchSetting, FirstThatOfLearnedThenVariations) {
  const ImageShape grey{28, 28, 1};
  const LayerChoice choice = parse_layer_choice("conv 64 7x7, pool 3x3, dense 4");
  const PatchSetting first = patch_setting(0, choice, grey);
  EXPECT_EQ(layer_text(first.conv), "conv 64 7x7");
  EXPECT_EQ(layer_text(first.pool), "pool 3x3");
  EXPECT_TRUE(patch_setting(1, choice, grey).conv.whiten);
  EXPECT_EQ(patch_setting(2, choice, grey).conv.units, 128);
  EXPECT_EQ(patch_setting(3, choice, grey).pool.height, 4);
  EXPECT_EQ(patch_setting(4, choice, grey).conv.height, 5);
  EXPECT_EQ(patch_setting(0, {}, grey).conv, image_layers(grey)[0]);
  EXPECT_FALSE(patch_setting(0, {}, grey).whitens_views);
  EXPECT_TRUE(patch_setting(0, {}, {32, 32, 3}).whitens_views);
  const ImageShape signal{1, 64, 2};
  EXPECT_EQ(layer_text(patch_setting(0, {}, signal).conv), layer_text(signal_layers(signal)[0]));
  EXPECT_EQ(patch_setting(0, {}, signal).pool.width, 4);
  EXPECT_EQ(patch_setting(4, {}, signal).conv.width, 7);
}

}  // namespace
}  // namespace metaplastic
