#include "apply/fit_encoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apply/encoder_file.h"
#include "apply/place_layers.h"
#include "apply/window_rows.h"
#include "data/test_gaussians.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/resolve.h"

namespace metaplastic {
namespace {

FoundRule noise_rule(const char* name = "agree-neighbours") {
  RuleSizes sizes = classical_sizes(name);
  sizes.C = 4, sizes.D = 2, sizes.G = 1;
  return {make_classical_rule(name, sizes, 1), name, "", ""};
}

// Images of noise, grey or colour, the last quarter test rows.
Dataset noise_images(int count, ImageShape shape, std::uint64_t seed = 3) {
  Random random(seed, Purpose::kTest);
  std::vector<float> values(static_cast<std::size_t>(count * shape.size()));
  for (float& value : values) value = 255 * random.uniform();
  Dataset data;
  data.name = "noise";
  data.kind = DataKind::kImage;
  data.image = shape;
  data.rows = rows_of(std::move(values), static_cast<int>(shape.size()));
  data.first_test_row = count - count / 4;
  return data;
}

FitOptions stack_options(const char* layers) {
  FitOptions options;
  options.training.model = {{12}, 8, Unary::kRelu};
  options.training.inner_batch = 16;
  options.training.inner_steps = 6;
  options.training.seed = 4;
  options.layers = parse_layer_choice(layers);
  return options;
}

std::vector<float> features(const Encoder& encoder, const RowSource& rows, int layer,
                            int num_threads = 1, const RowSource* places = nullptr) {
  std::vector<float> found;
  encode_rows(
      encoder, rows, Readout{.layer = layer},
      [&](std::span<const float> block, std::int64_t) {
        found.insert(found.end(), block.begin(), block.end());
      },
      num_threads, places);
  return found;
}

constexpr const char* kStack =
    "conv 5 3x4 stride 2 padding 1, pool 3x2, conv 4 2x2, dense 6, dense 7";

TEST(FitEncoder, DenseLayersAreThoseOfApplyRule) {
  const Dataset data = gaussian_dataset(100, 6, 3, 3);
  const FoundRule rule = noise_rule();
  FitOptions options = stack_options("mlp");
  const Applied fitted = fit_encoder(rule, data, options);
  const Preprocess preprocess = fit_preprocess(data);
  const Applied expected = apply_rule(rule.rule, *prepare_rows(preprocess, data), options.training);
  ASSERT_EQ(fitted.last().num_layers(), 2);
  for (const std::size_t l : {0u, 1u}) {
    EXPECT_EQ(fitted.last().layers[l].W, expected.last().layers[l].W);
    EXPECT_EQ(fitted.last().layers[l].b, expected.last().layers[l].b);
  }
  EXPECT_EQ(fitted.last().record.rule, rule.name);
  EXPECT_EQ(fitted.last().record.data, data.name);
  EXPECT_EQ(fitted.last().preprocess.mean, preprocess.mean);
}

// Features of training rows are made of what training kept, those of test rows of their images.
TEST(FitEncoder, KeptPlacesGiveTheSameFeatures) {
  const Dataset data = noise_images(900, {8, 8, 1});
  const auto fit = [&](const char* layers) {
    return fit_encoder(noise_rule(), data, stack_options(layers));
  };
  for (const char* layers : {"dense 6, dense 7", "conv 5 3x3, pool 2x2", "pool 2x2, dense 7"})
    EXPECT_FALSE(fit(layers).places) << layers;
  const Applied applied = fit("conv 5 3x3, pool 2x2, dense 6, dense 7");
  ASSERT_TRUE(applied.places);
  EXPECT_EQ(applied.places->num_rows(), data.first_test_row);
  const auto prepared = prepare_rows(applied.last().preprocess, data);
  std::vector<float> others = read_all_rows(*applied.places);
  for (float& value : others) value *= 2;  // shows that they are read
  const auto doubled = rows_of(std::move(others), applied.places->num_features());
  for (const int layer : {Readout::kTop, 1, Readout::kAll}) {
    const auto through = [&](const RowSource* places, int num_threads) {
      return features(applied.last(), *prepared, layer, num_threads, places);
    };
    const std::vector<float> expected = through(nullptr, 1);
    EXPECT_EQ(through(applied.places.get(), 1), expected) << layer;
    EXPECT_EQ(through(applied.places.get(), 2), expected) << layer;
    EXPECT_EQ(through(doubled.get(), 1) == expected, layer == 1) << layer;
  }
}

TEST(FitEncoder, AStackHasItsLayersAndTheSameBitsForAnyThreads) {
  const Dataset data = noise_images(40, {9, 11, 3});
  FitOptions options = stack_options(kStack);
  const Applied first = fit_encoder(noise_rule(), data, options);
  const Encoder& encoder = first.last();
  EXPECT_EQ(encoder.widths(), (std::vector<int>{297, 30, 8, 6, 7}));
  EXPECT_EQ(layers_text(encoder.specs()), kStack);
  options.training.num_threads = 3;
  const Applied again = fit_encoder(noise_rule(), data, options);
  for (std::size_t n = 0; n < encoder.layers.size(); ++n)
    EXPECT_EQ(encoder.layers[n].W, again.last().layers[n].W);
  const auto rows = prepare_rows(encoder.preprocess, data);
  for (int l = 1; l <= 4; ++l)
    EXPECT_EQ(features(encoder, *rows, l), features(again.last(), *rows, l, 2));
  options.training.seed = 5;
  EXPECT_NE(encoder.layers[0].W, fit_encoder(noise_rule(), data, options).last().layers[0].W);
}

// The same weights, and every unit's deviation is 1.
TEST(FitEncoder, ASparseLayerAnswersFromOneDeviationMore) {
  const Dataset data = noise_images(40, {9, 11, 3});
  const Encoder usual =
      fit_encoder(noise_rule(), data, stack_options("conv 5 3x4, pool 2x2")).last();
  const Encoder sparse =
      fit_encoder(noise_rule(), data, stack_options("conv 5 3x4 sparse, pool 2x2")).last();
  EXPECT_EQ(sparse.layers[0].W, usual.layers[0].W);
  for (std::size_t u = 0; u < 5; ++u)
    EXPECT_EQ(sparse.layers[0].b[u], usual.layers[0].b[u] - kSparseThreshold);
}

TEST(FitEncoder, ADenseLayerThatWhitensReadsWhatIsBelowIt) {
  const Dataset data = noise_images(60, {9, 11, 3});
  FitOptions options = stack_options("conv 5 3x4 whiten sparse, pool 3x2, dense 6 whiten, dense 7");
  const Encoder encoder = fit_encoder(noise_rule(), data, options).last();
  EXPECT_EQ(encoder.widths(), (std::vector<int>{297, 30, 6, 7}));
  ASSERT_EQ(encoder.layers[2].W.size(), 30u * 6u);
  options.training.num_threads = 3;
  const Encoder again = fit_encoder(noise_rule(), data, options).last();
  EXPECT_EQ(encoder.layers[2].W, again.layers[2].W);
  EXPECT_EQ(encoder.layers[3].W, again.layers[3].W);
  // Batch norm is inside: over the rows it was fitted on, deviation 1 before the activation.
  const auto rows = prepare_rows(encoder.preprocess, data);
  const std::vector<float> below = features(encoder, *rows, 1);
  const auto N = static_cast<std::size_t>(data.first_test_row);
  for (std::size_t u = 0; u < 6; ++u) {
    double sum = 0, square = 0;
    for (std::size_t n = 0; n < N; ++n) {
      double z = double(encoder.layers[2].b[u]);
      for (std::size_t k = 0; k < 30; ++k)
        z += double(below[n * 30 + k]) * double(encoder.layers[2].W[k * 6 + u]);
      sum += z / double(N);
      square += z * z / double(N);
    }
    EXPECT_NEAR(square - sum * sum, 1, 1e-3) << u;
  }
  options.previous = &encoder;
  EXPECT_NE(error_line([&] { fit_encoder(noise_rule(), data, options); }).find("without 'whiten'"),
            std::string::npos);
  EXPECT_NE(error_line([] { parse_layer_choice("dense 6 whiten, dense 7"); }).find("right above"),
            std::string::npos);
}

// A conv layer learns from windows; the trait `rows` counts the images, as in meta-training
// (meta/settings_test.cc: TaskData, OfWindowsCountsImages).
TEST(FitEncoder, TraitsOfAConvLayerCountImages) {
  RuleSizes sizes = classical_sizes("agree-neighbours");
  sizes.settings = "traits";
  sizes.network = "none";
  sizes.bias_mean = "homeostatic";
  sizes.trait_units = 1;
  FoundRule follows{make_classical_rule("agree-neighbours", sizes, 1), "follows", "", ""};
  const ThetaLayout layout(sizes);
  const auto entry = [&](ThetaName name) {
    return follows.rule.theta.begin() + layout[name].offset;
  };
  std::fill_n(entry(ThetaName::kTraitsIn), kNumTraits, 0.0f);
  entry(ThetaName::kTraitsIn)[0] = 0.5f;  // rows
  entry(ThetaName::kTraitsSettings)[static_cast<int>(SettingName::kStep)] = 0.7f;
  const auto step_for = [&](double rows) {
    DataProfile profile;
    profile.traits[0] = std::log10(rows);
    return resolve(follows.rule, profile).rule.inner.inner_lr;
  };
  const Dataset data = noise_images(40, {9, 11, 1});  // 30 of them to learn from
  const Encoder conv = fit_encoder(follows, data, stack_options("conv 5 3x4, pool 2x2")).last();
  EXPECT_EQ(conv.record.inner_lr, step_for(30));
  EXPECT_NE(conv.record.inner_lr, step_for(30 * 7 * 8));  // places
  const Encoder dense = fit_encoder(follows, data, stack_options("mlp")).last();
  EXPECT_EQ(dense.record.inner_lr, step_for(30));
}

// The conv layer written out from its formula, one value at a time. Sums have 36 terms of order 1:
// float error stays below 36 * 6e-8 * 10; 1e-4.
TEST(FitEncoder, AConvLayerIsTheDenseFormulaAtEveryPlace) {
  const Dataset data = noise_images(12, {9, 11, 3});
  const Encoder encoder = fit_encoder(noise_rule(), data, stack_options(kStack)).last();
  const EncoderLayer& conv = encoder.layers[0];
  EncoderLayer alone = conv;
  Encoder lower;
  lower.layers = {alone};
  const std::vector<float> rows = apply_preprocess(encoder.preprocess, data);
  std::vector<float> found(static_cast<std::size_t>(12 * conv.out.size()));
  encode(lower, rows, 12, 1, found);
  const auto pixel = [&](int n, int y, int x, int c) {
    if (y < 0 || y >= 9 || x < 0 || x >= 11) return 0.0;
    return double(rows[static_cast<std::size_t>(((n * 9 + y) * 11 + x) * 3 + c)]);
  };
  std::size_t at = 0;
  for (int n = 0; n < 12; ++n) {
    for (int Y = 0; Y < conv.out.height; ++Y) {
      for (int X = 0; X < conv.out.width; ++X) {
        std::vector<double> window;
        for (int y = 0; y < 3; ++y) {
          for (int x = 0; x < 4; ++x) {
            for (int c = 0; c < 3; ++c) window.push_back(pixel(n, 2 * Y - 1 + y, 2 * X - 1 + x, c));
          }
        }
        double mean = 0, square = 0;
        for (const double value : window) mean += value / 36;
        for (const double value : window) square += (value - mean) * (value - mean) / 36;
        for (std::size_t u = 0; u < 5; ++u, ++at) {
          double z = double(conv.b[u]);
          for (std::size_t i = 0; i < 36; ++i) {
            z += (window[i] - mean) / (std::sqrt(square) + double(conv.window_offset)) *
                 double(conv.W[i * 5 + u]);
          }
          ASSERT_NEAR(found[at], std::max(z, 0.0), 1e-4) << n << " " << Y << " " << X << " " << u;
        }
      }
    }
  }
}

TEST(FitEncoder, WindowRowsAreTheWindowsOfTheLayer) {
  const Dataset data = noise_images(5, {9, 11, 3});
  const Preprocess preprocess = fit_preprocess(data);
  const auto rows = prepare_rows(preprocess, data);
  EncoderLayer conv = empty_layers(parse_layers(kStack), data.image)[0];
  for (const float offset : {0.0f, 0.01f}) {
    conv.window_offset = offset;
    const WindowRows windows(rows, conv);
    const int places = conv.out.height * conv.out.width;
    ASSERT_EQ(windows.num_rows(), 5 * places);
    const std::vector<float> all = read_all_rows(windows);
    std::vector<float> image(static_cast<std::size_t>(rows->num_features())), padded;
    std::vector<float> expected(static_cast<std::size_t>(places * 36));
    for (int n = 0; n < 5; ++n) {
      rows->read_rows(n, 1, image);
      read_windows(conv, image.data(), padded, expected.data());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), all.begin() + n * places * 36));
    }
    std::vector<float> some(3 * 36);
    windows.read_rows(places - 1, 3, some);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + (places - 1) * 36));
  }
}

TEST(FitEncoder, PoolsAreMeansMaximaAndRoots) {
  const std::vector<float> values = {1, -2, 3, 4, 5, 6, 7, 8, 9, 10, -11, -12};  // [2,3,2]
  const auto pooled = [&](const char* text) {
    const auto layers = empty_layers(parse_layers(std::string(text) + ", dense 1"), {2, 3, 2});
    std::vector<float> out(static_cast<std::size_t>(layers[0].out.size()));
    run_pool(layers[0], values.data(), out.data());
    return out;
  };
  EXPECT_EQ(pooled("pool 1x1 max"), (std::vector<float>{9, 10}));
  EXPECT_EQ(pooled("pool 1x3 mean"), (std::vector<float>{4, 3, 6, 7, -3, -3}));
  EXPECT_EQ(pooled("pool size 2x2 stride 1 mean"), (std::vector<float>{5, 5, 1.5f, 2}));
  const std::vector<float> root = pooled("pool 1x3");
  EXPECT_FLOAT_EQ(root[0], 2);
  EXPECT_FLOAT_EQ(root[4], -std::sqrt(3.0f));
}

TEST(FitEncoder, AFileGivesBackTheStack) {
  const TestFolder folder;
  const Dataset data = noise_images(30, {9, 11, 3});
  const Encoder encoder = fit_encoder(noise_rule(), data, stack_options(kStack)).last();
  save_encoder(folder.path("e"), encoder);
  const Encoder loaded = load_encoder(folder.path("e"));
  const auto rows = prepare_rows(loaded.preprocess, data);
  for (int l = 1; l <= 4; ++l) EXPECT_EQ(features(loaded, *rows, l), features(encoder, *rows, l));
  TensorFile file = encoder_tensors(encoder);
  file.source = "e";
  const auto refused = [&](const char* key, const char* value, const char* expected) {
    TensorFile other = file;
    other.metadata[key] = value;
    const std::string line = error_line([&] { encoder_from_tensors(other); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused("encoder_format", "3", "newer");
  refused("layers", "conv 5 3x4, dense", "units from 1");
  refused("layers", "dense 5", "layer.1.W");
  refused("input_shape", "[9,11]", "damaged");
  refused("input_shape", "[9,11,0]", "sides of 1");
  refused("window_offsets", "[]", "for each conv layer");
}

TEST(FitEncoder, SnapshotsAreStatesOfTheLastGroup) {
  const Dataset data = noise_images(30, {9, 11, 1});
  FitOptions options = stack_options(kStack);
  options.training.snapshots = {0, 3};
  const Applied applied = fit_encoder(noise_rule(), data, options);
  ASSERT_EQ(applied.encoders.size(), 3u);
  EXPECT_EQ(applied.encoders[0].layers[0].W, applied.encoders[2].layers[0].W);
  EXPECT_NE(applied.encoders[0].layers[3].W, applied.encoders[2].layers[3].W);
  int last = 0, all = 0;
  options.training.on_step = [&](int step, int steps) {
    EXPECT_EQ(step, last + 1);
    last = step, all = steps;
  };
  fit_encoder(noise_rule(), data, options);
  EXPECT_EQ(last, 18);
  EXPECT_EQ(all, 18);
}

TEST(FitEncoder, GoesOnFromAnEncoder) {
  const Dataset data = noise_images(30, {9, 11, 1});
  FitOptions options = stack_options(kStack);
  const Applied whole = fit_encoder(noise_rule(), data, options);
  options.previous = &whole.last();
  options.training.start = whole.state;
  const Applied more = fit_encoder(noise_rule(), data, options);
  EXPECT_EQ(more.last().layers[0].W, whole.last().layers[0].W);
  EXPECT_NE(more.last().layers[4].W, whole.last().layers[4].W);
  EXPECT_EQ(more.last().record.inner_steps, 12);
}

TEST(LayerChoice, DefaultsFollowTheData) {
  const FoundRule rule = noise_rule();
  Dataset data = noise_images(4, {28, 28, 1});
  EXPECT_EQ(default_layer_choice(data, rule.rule.sizes).form, LayerForm::kImages);
  data.image = {7, 28, 1};
  EXPECT_EQ(default_layer_choice(data, rule.rule.sizes).form, LayerForm::kMlp);
  const Dataset table = gaussian_dataset(4, 28 * 28, 2, 1);
  EXPECT_EQ(default_layer_choice(table, rule.rule.sizes).form, LayerForm::kMlp);
  RuleSizes fixed_top = rule.rule.sizes;
  fixed_top.preset = "metz2019";
  EXPECT_EQ(default_layer_choice(noise_images(4, {28, 28, 1}), fixed_top).form, LayerForm::kMlp);
}

TEST(LayerChoice, ImageLayersFollowSizeAndColour) {
  EXPECT_EQ(layers_text(image_layers({15, 28, 3})), "conv 128 3x3, pool 3x3");
  EXPECT_EQ(layers_text(image_layers({16, 16, 1})), "conv 128 7x7, pool 3x3");
  EXPECT_EQ(layers_text(image_layers({16, 16, 3})),
            "conv 512 6x6 whiten sparse, pool 3x3, dense 512 whiten");
  EXPECT_EQ(layers_text(signal_layers({1, 16, 2})), "conv 128 9, pool 4");
  EXPECT_THROW(signal_layers({1, 15, 2}), Error);
}

TEST(LayerChoice, OnlyLargeImagesAreResized) {
  const LayerChoice mlp, images{LayerForm::kImages, {}};
  const Dataset table = gaussian_dataset(4, 28 * 28, 2, 1);
  EXPECT_EQ(preprocess_options(table, {}, mlp).resize, 0);
  EXPECT_EQ(preprocess_options(table, {5}, mlp).resize, 5);
  Dataset data = noise_images(4, {28, 28, 1});
  EXPECT_EQ(preprocess_options(data, {}, mlp).resize, kDefaultSide);
  EXPECT_EQ(preprocess_options(data, {0}, mlp).resize, 0);
  EXPECT_EQ(preprocess_options(data, {}, images).resize, 0);
  const ResizeChoice subsampled{{}, ResizeMethod::kSubsample};
  EXPECT_EQ(preprocess_options(data, subsampled, mlp).resize_method, ResizeMethod::kSubsample);
  EXPECT_THROW(preprocess_options(data, subsampled, images), Error);
  EXPECT_EQ(preprocess_options(data, {}, parse_layer_choice("dense 4")).resize, kDefaultSide);
  EXPECT_EQ(preprocess_options(data, {}, parse_layer_choice("conv 4 3x3")).resize, 0);
  data.image = {33, 20, 1};
  EXPECT_EQ(preprocess_options(data, {}, images).resize, kMaxKeptSide);
  data.image = {8, 8, 1};
  EXPECT_EQ(preprocess_options(data, {}, mlp).resize, 0);
}

TEST(LayerChoice, RefusesPlacesWhereThereAreNone) {
  const auto refused = [](const Dataset& data, const char* layers, const char* expected) {
    const std::string line =
        error_line([&] { fit_encoder(noise_rule(), data, stack_options(layers)); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused(gaussian_dataset(40, 6, 3, 3), "images", "expected images");
  refused(gaussian_dataset(40, 6, 3, 3), "conv 4 3x3, dense 4", "expected images");
  refused(noise_images(8, {7, 9, 1}), "images", "8 x 8");
  refused(noise_images(8, {8, 8, 1}), "conv 4 9x9", "smaller window");
  EXPECT_NE(error_line([] { parse_layer_choice("image"); }).find("did you mean 'images'"),
            std::string::npos);
  const Dataset data = noise_images(8, {9, 9, 1});
  PreprocessOptions shuffled;
  shuffled.permutation_seed = 1;
  EXPECT_NE(error_line([&] {
              chosen_layers({LayerForm::kImages, {}}, fit_preprocess(data, shuffled), {});
            }).find("shuffled"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
