#include "onnx/onnx_readout.h"

namespace metaplastic {

std::string add_readout(const Encoder& encoder, const std::vector<std::string>& values,
                        OnnxGraph& graph) {
  std::vector<std::string> parts;
  if (encoder.readout.with_input) {
    const std::vector<float> scale = {input_scale(encoder, encoder.readout)};
    graph.step("Mul", {values[0], graph.constant("input_scale", {}, scale)});
    parts.push_back(graph.value());
  }
  for (const int layer : layers_of(encoder, encoder.readout)) {
    parts.push_back(values[static_cast<std::size_t>(layer)]);
  }
  if (parts.size() == 1) return parts[0];
  set_attribute(graph.step("Concat", parts), "axis", std::int64_t{1});
  return graph.value();
}

void add_classifier(const LinearClassifier& classifier, OnnxGraph& graph) {
  const std::int64_t F = classifier.num_features(), Y = classifier.num_classes();
  const std::string W = graph.constant("classifier.W", {F, Y}, classifier.W);
  const std::string b = graph.constant("classifier.b", {Y}, classifier.b);
  graph.step("Gemm", {graph.value(), W, b});
  onnx::Node& softmax = graph.step("Softmax", {graph.value()});
  set_attribute(softmax, "axis", std::int64_t{1});
  softmax.set_output(0, "probabilities");
  onnx::Node& largest = graph.step("ArgMax", {"probabilities"});
  set_attribute(largest, "axis", std::int64_t{1});
  set_attribute(largest, "keepdims", std::int64_t{0});
  largest.set_output(0, "class");
}

}  // namespace metaplastic
