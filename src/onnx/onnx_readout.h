// What an encoder gives out, as ONNX nodes: the read-out's features, and the classifier's answer.
#pragma once

#include <string>
#include <vector>

#include "apply/encoder.h"
#include "onnx/onnx_graph.h"

namespace metaplastic {

// values: names of the prepared inputs and of each layer's activations, [L+1]. Returns the name of
// the features [N,F].
std::string add_readout(const Encoder& encoder, const std::vector<std::string>& values,
                        OnnxGraph& graph);
// From the graph's value, the features: outputs "probabilities" [N,Y] and "class" [N], the number
// of the most probable class (metadata "classes" holds the names).
void add_classifier(const LinearClassifier& classifier, OnnxGraph& graph);

}  // namespace metaplastic
