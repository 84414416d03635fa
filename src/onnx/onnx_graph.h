// Builds an ONNX graph that is a chain: each step takes the value before it.
#pragma once

#include <onnx_subset.pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metaplastic {

class OnnxGraph {
 public:
  // The value that the next step takes, at first the graph's input.
  explicit OnnxGraph(onnx::Graph& graph, const std::string& input) : graph_(graph), value_(input) {}
  const std::string& value() const { return value_; }
  // Goes on from another value of the graph.
  void go_on_from(const std::string& value) { value_ = value; }

  // Adds a constant and gives its name.
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<const float> values);
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<const std::int64_t> values);
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<const double> values);

  // Adds a node with these inputs; its output is the new value(). Returns the node for attributes.
  onnx::Node& step(const std::string& op_type, std::vector<std::string> inputs);

 private:
  onnx::Tensor& tensor(const std::string& name, const std::vector<std::int64_t>& shape,
                       onnx::Tensor::DataType type, std::string bytes);

  onnx::Graph& graph_;
  std::string value_;
};

void set_attribute(onnx::Node& node, const std::string& name, float value);
void set_attribute(onnx::Node& node, const std::string& name, std::int64_t value);
void set_attribute(onnx::Node& node, const std::string& name,
                   const std::vector<std::int64_t>& values);

}  // namespace metaplastic
