// Encoders as ONNX models: the network and, where ONNX can express it, the preprocessing.
#pragma once

#include <string>

#include "apply/encoder.h"

namespace metaplastic {

struct OnnxOptions {
  float pixel_max = 255;  // images: the value of white in the model's input
};

// A model of opset 13 with one input "input" and an output "features" [N, F], N free: what
// `embed` writes. An encoder with a classifier has the outputs "probabilities" [N, classes] and
// "class" [N], too.
// - Images: input [N, height, width, channels], 0 to pixel_max; grey, resize, scaling inside.
// - Tables: input [N, columns], raw, as doubles where a column has an offset that a float has no
//   room for, else as floats; missing-value policy and standardisation inside.
// - Text: input [N, words], counts of the words in metadata "words"; weights and length 1 inside.
//   Splitting text into words is not: ONNX has no operator for it.
// Metadata: "columns" or "words", "classes" (JSON lists), "record" (JSON: how the encoder was
// made). Features equal encode() up to the rounding of another order of summation. Throws Error for
// models above ONNX's 2 GiB.
std::string onnx_model(const Encoder& encoder, const OnnxOptions& options = {});

// Atomic; throws Error when the file cannot be written.
void save_onnx(const std::string& path, const Encoder& encoder, const OnnxOptions& options = {});

}  // namespace metaplastic
