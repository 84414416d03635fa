#include "apply/readout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apply/encoder_file.h"
#include "apply/fit_encoder.h"
#include "data/test_gaussians.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

constexpr int kReadoutInputs = 6, kRows = 90;

struct Made {
  Dataset data = gaussian_dataset(kRows, kReadoutInputs, 3, 3);
  std::vector<float> rows;  // prepared
  Encoder encoder;

  explicit Made(const Readout& readout = {}) {
    FitOptions options;
    options.training.model = {{9}, 5, Unary::kRelu};
    options.training.inner_steps = 20;
    options.readout = readout;
    encoder = fit_encoder(find_rule("hebb-decorrelate"), data, options).last();
    rows = apply_preprocess(encoder.preprocess, data);
  }
  std::vector<float> features(const Readout& readout) const {
    std::vector<float> out(static_cast<std::size_t>(kRows * num_features(encoder, readout)));
    encode(encoder, rows, kRows, readout, out);
    return out;
  }
};

double variance(const std::vector<float>& values, std::size_t F, std::size_t first,
                std::size_t last) {
  const std::size_t N = values.size() / F;
  double total = 0;
  for (std::size_t f = first; f < last; ++f) {
    double mean = 0;
    for (std::size_t n = 0; n < N; ++n) mean += static_cast<double>(values[n * F + f]) / double(N);
    for (std::size_t n = 0; n < N; ++n) {
      total += std::pow(static_cast<double>(values[n * F + f]) - mean, 2) / double(N);
    }
  }
  return total;
}

TEST(Readout, LayersStandSideBySideFromTheBottomUp) {
  const Made made;
  const auto bottom = made.features({.layer = 1}), top = made.features({.layer = 2});
  EXPECT_EQ(made.features({}), top);
  const auto all = made.features({.layer = Readout::kAll});
  ASSERT_EQ(all.size(), kRows * 14u);
  for (std::size_t n = 0; n < kRows; ++n) {
    EXPECT_TRUE(
        std::equal(bottom.begin() + n * 9, bottom.begin() + n * 9 + 9, all.begin() + n * 14));
    EXPECT_TRUE(std::equal(top.begin() + n * 5, top.begin() + n * 5 + 5, all.begin() + n * 14 + 9));
  }
}

// The inputs are multiplied by one number and then vary as much as what stands beside them. Sums of
// 90 squares in double; the features themselves are floats: 1e-5.
TEST(Readout, InputsBesideVaryAsMuchAsTheFeatures) {
  const Made made;
  for (const int layer : {1, 2, Readout::kAll}) {
    const Readout readout{.layer = layer, .with_input = true};
    const auto both = made.features(readout);
    const std::size_t F = both.size() / kRows;
    EXPECT_NEAR(variance(both, F, 0, kReadoutInputs) / variance(both, F, kReadoutInputs, F), 1,
                1e-5);
    const float scale = input_scale(made.encoder, readout);
    for (std::size_t n = 0; n < kRows; ++n) {
      for (std::size_t u = 0; u < kReadoutInputs; ++u) {
        EXPECT_EQ(both[n * F + u], made.rows[n * kReadoutInputs + u] * scale);
      }
    }
  }
  EXPECT_EQ(made.features({.layer = Readout::kNone, .with_input = true}), made.rows);
}

TEST(Readout, IsSavedAndStreamsTheSameBits) {
  const TestFolder folder;
  for (const Readout readout : {Readout{}, Readout{.layer = 1}, Readout{.layer = Readout::kAll},
                                Readout{.layer = Readout::kAll, .with_input = true},
                                Readout{.layer = Readout::kNone, .with_input = true}}) {
    const Made made(readout);
    save_encoder(folder.path("e"), made.encoder);
    const Encoder loaded = load_encoder(folder.path("e"));
    EXPECT_EQ(loaded.readout, readout);
    EXPECT_EQ(loaded.input_scales, made.encoder.input_scales);
    std::vector<float> streamed;
    encode_rows(loaded, *prepare_rows(loaded.preprocess, made.data), loaded.readout,
                [&](std::span<const float> block, std::int64_t) {
                  streamed.insert(streamed.end(), block.begin(), block.end());
                });
    EXPECT_EQ(streamed, made.features(readout)) << describe(readout);
  }
}

TEST(Readout, FilesFromBeforeReadTheTopLayer) {
  const TestFolder folder;
  const Made made;
  TensorFile file = encoder_tensors(made.encoder);
  file.metadata.erase("readout");
  std::erase_if(file.tensors, [](const Tensor& tensor) { return tensor.name == "input_scales"; });
  write_safetensors(folder.path("e"), file);
  const Encoder loaded = load_encoder(folder.path("e"));
  EXPECT_EQ(loaded.readout, Readout{});
  const std::string line =
      error_line([&] { check_readout(loaded, {.layer = 1, .with_input = true}); });
  EXPECT_NE(line.find("make it again"), std::string::npos) << line;
}

TEST(Readout, RefusesLayersThatAreNotThereAndDamage) {
  EXPECT_NE(error_line([] { Made made({.layer = 3}); }).find("expected 1 to 2"), std::string::npos);
  for (const char* text : {"0", "-1", "best", "", "1.5", "1 "}) {
    EXPECT_NE(error_line([&] { parse_readout("--layer", text); }).find("--layer: expected"),
              std::string::npos)
        << text;
  }
  const TestFolder folder;
  const Made made;
  for (const char* text : {"{}", "7", "{\"layer\":9,\"with_input\":false}", "[",
                           "{\"layer\":\"input\",\"with_input\":false}"}) {
    TensorFile file = encoder_tensors(made.encoder);
    file.metadata["readout"] = text;
    write_safetensors(folder.path("e"), file);
    const std::string line = error_line([&] { load_encoder(folder.path("e")); });
    EXPECT_NE(line.find(folder.path("e")), std::string::npos) << text << ": " << line;
  }
}

TEST(Classifier, ProbabilitiesAreASoftmaxAndTravelWithTheEncoder) {
  const TestFolder folder;
  Made made({.layer = 1});
  made.encoder.classifier =
      LinearClassifier{std::vector<float>(9 * 2, 0.0f), {0.0f, 1.0f}, {"a", "b"}};
  made.encoder.classifier->W[0] = 2;
  save_encoder(folder.path("e"), made.encoder);
  const Encoder loaded = load_encoder(folder.path("e"));
  ASSERT_TRUE(loaded.classifier.has_value());
  EXPECT_EQ(loaded.classifier->W, made.encoder.classifier->W);
  EXPECT_EQ(loaded.classifier->class_names, (std::vector<std::string>{"a", "b"}));
  std::vector<float> features(9, 0.0f), probabilities(2);
  features[0] = 3;
  class_probabilities(*loaded.classifier, features, 1, probabilities);
  EXPECT_FLOAT_EQ(probabilities[0], static_cast<float>(1 / (1 + std::exp(-5.0))));
  EXPECT_FLOAT_EQ(probabilities[0] + probabilities[1], 1);

  TensorFile file = encoder_tensors(made.encoder);
  file.metadata["readout"] = "{\"layer\":2,\"with_input\":false}";
  write_safetensors(folder.path("e"), file);
  EXPECT_NE(error_line([&] { load_encoder(folder.path("e")); }).find("classifier.W"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
