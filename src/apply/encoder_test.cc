#include "apply/encoder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "apply/encoder_file.h"
#include "data/test_gaussians.h"
#include "io/safetensors.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

constexpr int kNumInputs = 7;

std::vector<float> normal_rows(int num_rows, int num_features, std::uint64_t seed = 5) {
  Random random(seed, Purpose::kTest);
  std::vector<float> rows(static_cast<std::size_t>(num_rows * num_features));
  for (float& value : rows) value = 3 + 2 * random.normal();
  return rows;
}

Architecture small_architecture(Unary activation = Unary::kRelu) {
  return {{kNumInputs, 9, 5}, activation};
}

std::vector<float> small_phi(const Architecture& architecture) {
  return make_phi<float>(architecture, {0.1, 0.1}, Random(3, Purpose::kTest));
}

Encoder small_encoder() {
  const Dataset data = gaussian_dataset(60, kNumInputs, 3, 2);
  Encoder encoder;
  encoder.preprocess = fit_preprocess(data);
  const Architecture architecture = small_architecture(Unary::kTanh);
  encoder.activation = architecture.activation;
  const std::vector<float> rows = apply_preprocess(encoder.preprocess, data);
  encoder.layers =
      dense_layers(architecture, fold_layers(architecture, small_phi(architecture), rows, 60));
  encoder.record = {"hebb", "0123", "csv:\xff.csv", std::uint64_t{1} << 60, 200, 64, 0.02, 0.1,
                    0.2,    "far",  "truncated"};
  return encoder;
}

// Folding is the inner forward pass when its statistics are the batch's own. Values are of order
// one and sums have at most 9 terms of order 10, so float error stays below 1e-5 times 10; 1e-4.
TEST(Encoder, EqualsTheTapeOnTheBatchOfItsStatistics) {
  constexpr int kB = 40;
  for (const Unary activation : {Unary::kRelu, Unary::kTanh, Unary::kSwish}) {
    const Architecture architecture = small_architecture(activation);
    const std::vector<float> phi = small_phi(architecture);
    const std::vector<float> rows = normal_rows(kB, kNumInputs);
    std::vector<float> columns(rows.size());  // [U_0,B]
    for (int b = 0; b < kB; ++b) {
      for (int u = 0; u < kNumInputs; ++u) {
        columns[static_cast<std::size_t>(u * kB + b)] =
            rows[static_cast<std::size_t>(b * kNumInputs + u)];
      }
    }
    Tape<float> tape;
    tape.reset(false);
    const Activations<float> expected =
        forward(tape, phi_leaves(tape, architecture, phi.data()), activation,
                tape.constant(columns.data(), kNumInputs, 1, kB));
    Encoder encoder;
    encoder.activation = activation;
    encoder.layers = dense_layers(architecture, fold_layers(architecture, phi, rows, kB));
    for (int l = 1; l <= 2; ++l) {
      const int U = architecture.widths[static_cast<std::size_t>(l)];
      std::vector<float> found(static_cast<std::size_t>(kB * U));
      encode(encoder, rows, kB, l, found);
      for (int b = 0; b < kB; ++b) {
        for (int u = 0; u < U; ++u) {
          EXPECT_NEAR(found[static_cast<std::size_t>(b * U + u)],
                      expected.x[static_cast<std::size_t>(l)].data[u * kB + b], 1e-4)
              << "layer " << l << ", unit " << u << ", example " << b;
        }
      }
    }
  }
}

TEST(Encoder, RowsDoNotDependOnTheirCompany) {
  const Encoder encoder = small_encoder();
  const std::vector<float> rows = normal_rows(1100, kNumInputs);
  std::vector<float> all(1100 * 5);
  encode(encoder, rows, 1100, 2, all);
  for (const int count : {1, 3, 511, 512, 513}) {
    std::vector<float> some(static_cast<std::size_t>(count * 5));
    encode(encoder, {rows.data(), static_cast<std::size_t>(count * kNumInputs)}, count, 2, some);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << count;
  }
  // Nor on their place: tiles of a matrix product would show here.
  std::vector<float> reversed(rows.size()), features(all.size());
  for (std::size_t n = 0; n < 1100; ++n) {
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>((1099 - n) * kNumInputs), kNumInputs,
                reversed.begin() + static_cast<std::ptrdiff_t>(n * kNumInputs));
  }
  encode(encoder, reversed, 1100, 2, features);
  for (std::size_t n = 0; n < 1100; ++n) {
    EXPECT_TRUE(std::equal(features.begin() + static_cast<std::ptrdiff_t>(n * 5),
                           features.begin() + static_cast<std::ptrdiff_t>(n * 5 + 5),
                           all.begin() + static_cast<std::ptrdiff_t>((1099 - n) * 5)))
        << n;
  }
  std::vector<float> streamed;
  encode_rows(encoder, *rows_of(rows, kNumInputs), {.layer = 2},
              [&](std::span<const float> block, std::int64_t) {
                streamed.insert(streamed.end(), block.begin(), block.end());
              });
  EXPECT_EQ(streamed, all);
}

TEST(Encoder, RefusesOtherInputsAndOverflow) {
  const Encoder encoder = small_encoder();
  const auto ignore = [](std::span<const float>, std::int64_t) {};
  EXPECT_NE(error_line([&] {
              encode_rows(encoder, *rows_of(std::vector<float>(8), 8), {.layer = 1}, ignore);
            }).find("rows of 7 inputs, found 8"),
            std::string::npos);
  Encoder linear = encoder;
  linear.activation = Unary::kIdentity;
  std::vector<float> rows(2 * kNumInputs, 0.0f);
  for (int u = 0; u < kNumInputs; ++u) rows[static_cast<std::size_t>(kNumInputs + u)] = 3e38f;
  for (float& w : linear.layers[0].W) w = 2;
  EXPECT_NE(error_line([&] {
              encode_rows(linear, *rows_of(rows, kNumInputs), {.layer = 1}, ignore);
            }).find("for row 1"),
            std::string::npos);
}

TEST(EncoderFile, RoundTrip) {
  const TestFolder folder;
  const Encoder encoder = small_encoder();
  save_encoder(folder.path("e"), encoder);
  const Encoder loaded = load_encoder(folder.path("e"));
  EXPECT_EQ(loaded.widths(), encoder.widths());
  EXPECT_EQ(loaded.activation, encoder.activation);
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_EQ(loaded.layers[l].W, encoder.layers[l].W);
    EXPECT_EQ(loaded.layers[l].b, encoder.layers[l].b);
  }
  EXPECT_EQ(loaded.record.rule, "hebb");
  EXPECT_EQ(loaded.record.seed, std::uint64_t{1} << 60);
  EXPECT_EQ(loaded.record.inner_steps, 200);
  EXPECT_EQ(loaded.record.bias_std, 0.2);
  EXPECT_EQ(loaded.record.variant, "far");
  EXPECT_EQ(loaded.record.init, "truncated");
  const Dataset data = gaussian_dataset(60, kNumInputs, 3, 2);
  EXPECT_EQ(apply_preprocess(loaded.preprocess, data), apply_preprocess(encoder.preprocess, data));
}

TEST(EncoderFile, OtherFilesGetOneClearLine) {
  const TestFolder folder;
  const std::string path = folder.path("e");
  EXPECT_NE(error_line([&] { load_encoder(path); }).find(path), std::string::npos);
  save_encoder(path, small_encoder());

  TensorFile file = read_safetensors(path);
  const auto refused = [&](const char* expected) {
    write_safetensors(path, file);
    const std::string line = error_line([&] { load_encoder(path); });
    EXPECT_NE(line.find(path), std::string::npos) << line;
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  const auto whole = file;
  file.metadata["kind"] = "rule";
  refused("expected an encoder, found a file of kind 'rule'");
  file = whole;
  file.metadata["widths"] = "[7,9,6]";
  refused("layer.2.W");
  file.metadata["widths"] = "[7,9,2000000000]";
  refused("units");
  file.metadata["widths"] = "[7";
  refused("expected JSON");
  file = whole;
  file.metadata["record"] = "{}";
  refused("damaged");
  file = whole;
  file.metadata["activation"] = "rellu";
  refused("did you mean 'relu'");
  file = whole;
  file.tensors.erase(file.tensors.begin());
  EXPECT_NE(error_line([&] { write_safetensors(path, file), load_encoder(path); }), "no error");
}

}  // namespace
}  // namespace metaplastic
