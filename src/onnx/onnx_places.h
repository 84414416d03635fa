// Conv and pool layers as ONNX operators on [N, channels, height, width].
#pragma once

#include <string>

#include "apply/encoder.h"
#include "onnx/onnx_graph.h"

namespace metaplastic {

// [N, height * width * channels] -> [N, channels, height, width], and back.
void add_to_places(const ImageShape& shape, OnnxGraph& graph);
void add_from_places(const ImageShape& shape, OnnxGraph& graph);

// z of a conv layer, without its activation. Windows that are normalised are cut out by a Conv
// whose kernels copy one value each: exact, where products of the image by W would cancel.
void add_conv(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph);
void add_pool(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph);

}  // namespace metaplastic
