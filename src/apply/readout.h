// Which features an encoder gives out: a layer, all layers side by side, and whether the prepared
// inputs stand before them. Saved with the encoder.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/inputs_beside.h"

namespace metaplastic {

struct Encoder;  // encoder.h

struct Readout {
  static constexpr int kTop = 0, kAll = -1, kNone = -2;
  int layer = kTop;         // 1..L, or one of these; kNone: the inputs alone
  bool with_input = false;  // the prepared inputs stand before the features

  bool operator==(const Readout&) const = default;
};

// Throws Error, naming `flag`, for anything but top, all or a number of 1 and more.
Readout parse_readout(const std::string& flag, const std::string& text);
// "top", "all", "2", "2, with input", "input".
std::string describe(const Readout& readout);
// Throws Error for a layer that an encoder of so many layers does not have.
void check_layer(const Readout& readout, int num_layers);
// Also for inputs whose scale the encoder does not know.
void check_readout(const Encoder& encoder, const Readout& readout);

// The scale for each layer, [L], from some training rows [N,U_0]; saved with the encoder. Several
// layers vary by the sum of their squares.
std::vector<float> fit_input_scales(const Encoder& encoder, std::span<const float> rows);
// The rows that scales are fitted on: up to 1000 at equal distances, [N,U_0].
std::vector<float> scale_rows(const RowSource& training_rows);

int num_features(const Encoder& encoder, const Readout& readout);
// Factor of the inputs in the readout's features.
float input_scale(const Encoder& encoder, const Readout& readout);
// The layers that are read, from the bottom up.
std::vector<int> layers_of(const Encoder& encoder, const Readout& readout);

}  // namespace metaplastic
