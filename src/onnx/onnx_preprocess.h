// The fitted preprocessing as ONNX nodes; the counterpart of data/preprocess_rows.cc.
#pragma once

#include <vector>

#include "data/preprocess.h"
#include "onnx/onnx_graph.h"

namespace metaplastic {

// Shape of the model's input after the free first dimension.
std::vector<std::int64_t> onnx_input_shape(const Preprocess& preprocess);

// Nodes from the raw input to the network's inputs [N, U_0].
void add_preprocess(const Preprocess& preprocess, float pixel_max, OnnxGraph& graph);

}  // namespace metaplastic
