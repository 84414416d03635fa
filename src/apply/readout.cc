#include "apply/readout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "apply/encoder.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kScaleRows = 1000;

}  // namespace

Readout parse_readout(const std::string& flag, const std::string& text) {
  if (text == "top") return {};
  if (text == "all") return {.layer = Readout::kAll};
  int layer = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, layer);
  if (code != std::errc{} || rest != end || layer < 1) {
    const std::vector<std::string> names = {"top", "all"};
    fail("{}: expected the number of a layer from 1 up, top or all, found {}{}", flag,
         quote_text(text), did_you_mean(text, names));
  }
  return {.layer = layer};
}

std::string describe(const Readout& readout) {
  if (readout.layer == Readout::kNone) return "input";
  const std::string layer = readout.layer == Readout::kTop   ? "top"
                            : readout.layer == Readout::kAll ? "all"
                                                             : std::to_string(readout.layer);
  return layer + (readout.with_input ? ", with input" : "");
}

std::vector<float> scale_rows(const RowSource& training_rows) {
  const std::int64_t count = std::min(kScaleRows, training_rows.num_rows());
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = 0; n < count; ++n) {
    numbers.push_back(n * training_rows.num_rows() / count);
  }
  std::vector<float> values(static_cast<std::size_t>(count * training_rows.num_features()));
  gather_rows(training_rows, numbers, values);
  return values;
}

std::vector<float> fit_input_scales(const Encoder& encoder, std::span<const float> rows) {
  const auto N = static_cast<std::int64_t>(rows.size()) / encoder.num_inputs();
  const std::vector<int> layers = layers_of(encoder, {.layer = Readout::kAll});
  const auto F = static_cast<std::size_t>(num_features(encoder, {.layer = Readout::kAll}));
  std::vector<float> all(static_cast<std::size_t>(N) * F), features, scales;
  encode(encoder, rows, N, {.layer = Readout::kAll}, all);
  std::size_t first = 0;
  for (const int layer : layers) {
    const auto U = static_cast<std::size_t>(encoder.num_features(layer));
    features.clear();
    for (std::size_t n = 0; n < static_cast<std::size_t>(N); ++n) {
      const auto from = all.begin() + static_cast<std::ptrdiff_t>(n * F + first);
      features.insert(features.end(), from, from + static_cast<std::ptrdiff_t>(U));
    }
    scales.push_back(input_scale(features, rows, N));
    first += U;
  }
  return scales;
}

void check_layer(const Readout& readout, int num_layers) {
  if (readout.layer <= num_layers) return;
  fail("layer: expected 1 to {}, top or all, found {}; the encoder has no more layers", num_layers,
       readout.layer);
}

void check_readout(const Encoder& encoder, const Readout& readout) {
  check_layer(readout, encoder.num_layers());
  if (readout.with_input && readout.layer != Readout::kNone && encoder.input_scales.empty()) {
    fail("encoder: expected the scale of its inputs, found none; make it again with this version");
  }
}

std::vector<int> layers_of(const Encoder& encoder, const Readout& readout) {
  if (readout.layer == Readout::kNone) return {};
  if (readout.layer == Readout::kTop) return {encoder.num_layers()};
  if (readout.layer != Readout::kAll) return {readout.layer};
  std::vector<int> layers(static_cast<std::size_t>(encoder.num_layers()));
  std::iota(layers.begin(), layers.end(), 1);
  return layers;
}

float input_scale(const Encoder& encoder, const Readout& readout) {
  if (readout.layer == Readout::kNone) return 1;
  double square = 0;
  for (const int layer : layers_of(encoder, readout)) {
    square += std::pow(encoder.input_scales[static_cast<std::size_t>(layer - 1)], 2);
  }
  return static_cast<float>(std::sqrt(square));
}

int num_features(const Encoder& encoder, const Readout& readout) {
  int count = readout.with_input ? encoder.num_inputs() : 0;
  for (const int layer : layers_of(encoder, readout)) count += encoder.num_features(layer);
  return count;
}

}  // namespace metaplastic
