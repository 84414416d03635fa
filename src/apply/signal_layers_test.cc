// Conv and pool layers of one dimension: the default of signals, the same numbers as their
// definition, files.
#include <gtest/gtest.h>

#include <cmath>

#include "apply/encoder_file.h"
#include "apply/fit_encoder.h"
#include "io/test_folder.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

FoundRule rule_of_signals() {
  RuleSizes sizes = classical_sizes("agree-neighbours");
  sizes.C = 4, sizes.D = 2, sizes.G = 1;
  return {make_classical_rule("agree-neighbours", sizes, 1), "agree-neighbours", "", ""};
}

Dataset noise_signals(int count, int time, int channels) {
  Random random(8, Purpose::kTest);
  std::vector<float> values(static_cast<std::size_t>(count * time * channels));
  for (float& value : values) value = 3 * random.normal() + 1;
  Dataset data;
  data.name = "noise";
  data.kind = DataKind::kSignal;
  data.image = {1, time, channels};
  data.rows = rows_of(std::move(values), time * channels);
  data.first_test_row = count;
  return data;
}

FitOptions signal_options(const char* layers) {
  FitOptions options;
  options.training.model = {{12}, 8, Unary::kRelu};
  options.training.inner_batch = 16;
  options.training.inner_steps = 4;
  if (layers != nullptr) options.layers = parse_layer_choice(layers);
  return options;
}

std::vector<float> layer_features(const Encoder& encoder, const RowSource& rows, int layer) {
  std::vector<float> found;
  encode_rows(encoder, rows, Readout{.layer = layer},
              [&](std::span<const float> block, std::int64_t) {
                found.insert(found.end(), block.begin(), block.end());
              });
  return found;
}

TEST(SignalLayers, TheDefaultOfSignalsSeesPlaces) {
  const FoundRule rule = rule_of_signals();
  EXPECT_EQ(default_layer_choice(noise_signals(4, 64, 2), rule.rule.sizes).form,
            LayerForm::kSignals);
  EXPECT_EQ(default_layer_choice(noise_signals(4, 15, 2), rule.rule.sizes).form, LayerForm::kMlp);
  const Encoder encoder =
      fit_encoder(rule, noise_signals(40, 64, 2), signal_options(nullptr)).last();
  EXPECT_EQ(encoder.layers.front().spec.kind, LayerKind::kConv);
  EXPECT_TRUE(encoder.layers.front().spec.is_line);
  EXPECT_EQ(encoder.num_features(encoder.num_layers()), 8);
}

// conv 5 4 stride 3 padding 2, pool 3, written out for one signal.
TEST(SignalLayers, AConvLayerIsItsDefinition) {
  const int T = 23, C = 2, U = 5, W = 4, S = 3, P = 2, cells = 3;
  const Dataset data = noise_signals(30, T, C);
  const Encoder encoder =
      fit_encoder(rule_of_signals(), data,
                  signal_options("conv 5 4 stride 3 padding 2, pool 3, dense 6"))
          .last();
  const auto rows = prepare_rows(encoder.preprocess, data);
  const std::vector<float> found = layer_features(encoder, *rows, 1);
  const EncoderLayer& conv = encoder.layers[0];
  ASSERT_GT(conv.window_offset, 0);
  const int places = (T + 2 * P - W) / S + 1;
  ASSERT_EQ(conv.out, (ImageShape{1, places, U}));
  std::vector<float> x(static_cast<std::size_t>(T * C));
  for (int n = 0; n < 30; ++n) {
    rows->read_rows(n, 1, x);
    std::vector<std::vector<double>> answers;  // [places][U]
    for (int place = 0; place < places; ++place) {
      std::vector<double> window;
      for (int t = place * S - P; t < place * S - P + W; ++t) {
        for (int c = 0; c < C; ++c) {
          const bool is_inside = t >= 0 && t < T;
          window.push_back(is_inside ? double{x[static_cast<std::size_t>(t * C + c)]} : 0.0);
        }
      }
      double mean = 0, square = 0;
      for (const double value : window) mean += value / (W * C);
      for (const double value : window) square += (value - mean) * (value - mean) / (W * C);
      answers.emplace_back();
      for (int u = 0; u < U; ++u) {
        double z = double{conv.b[static_cast<std::size_t>(u)]};
        for (int i = 0; i < W * C; ++i) {
          z += (window[static_cast<std::size_t>(i)] - mean) /
               (std::sqrt(square) + double{conv.window_offset}) *
               double{conv.W[static_cast<std::size_t>(i * U + u)]};
        }
        answers.back().push_back(std::max(0.0, z));
      }
    }
    for (int cell = 0; cell < cells; ++cell) {
      const int begin = cell * places / cells, end = (cell + 1) * places / cells;
      for (int u = 0; u < U; ++u) {
        double mean = 0;
        for (int place = begin; place < end; ++place) {
          mean +=
              answers[static_cast<std::size_t>(place)][static_cast<std::size_t>(u)] / (end - begin);
        }
        const auto at = static_cast<std::size_t>((n * cells + cell) * U + u);
        EXPECT_NEAR(found[at], std::sqrt(mean), 1e-5);
      }
    }
  }
}

TEST(SignalLayers, AFileGivesBackTheEncoder) {
  const TestFolder folder;
  const Dataset data = noise_signals(30, 23, 2);
  const Encoder encoder =
      fit_encoder(rule_of_signals(), data, signal_options("conv 5 4 stride 3, pool 3, dense 6"))
          .last();
  save_encoder(folder.path("e"), encoder);
  const Encoder loaded = load_encoder(folder.path("e"));
  EXPECT_EQ(layers_text(loaded.specs()), "conv 5 4 stride 3, pool 3, dense 6");
  const auto rows = prepare_rows(loaded.preprocess, data);
  for (const int layer : {1, 2}) {
    EXPECT_EQ(layer_features(loaded, *rows, layer), layer_features(encoder, *rows, layer));
  }
}

TEST(SignalLayers, RefusesWhatIsNoSignal) {
  const auto refused = [](const Dataset& data, const char* layers, const char* expected) {
    const std::string line =
        error_line([&] { fit_encoder(rule_of_signals(), data, signal_options(layers)); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  Dataset images = noise_signals(20, 64, 1);
  images.kind = DataKind::kImage;
  images.image = {8, 8, 1};
  images.pixel_max = 100;
  std::vector<float> pixels(20 * 64, 1.0f);
  images.rows = rows_of(std::move(pixels), 64);
  refused(images, "signals", "found images; use --layers images");
  refused(noise_signals(20, 64, 1), "images", "found signals; use --layers signals");
  refused(noise_signals(20, 15, 1), "signals", "16 steps or more");
  FitOptions mirrored = signal_options("signals");
  mirrored.views = ViewKind::kMirrors;
  EXPECT_NE(error_line([&] {
              fit_encoder(rule_of_signals(), noise_signals(20, 64, 1), mirrored);
            }).find("found views of images"),
            std::string::npos);
  refused(noise_signals(20, 20, 1), "conv 4 30, dense 4", "smaller window");
  refused(noise_signals(20, 20, 1), "conv 4 3x3, dense 4", "smaller window");
}

}  // namespace
}  // namespace metaplastic
