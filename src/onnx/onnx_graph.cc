#include "onnx/onnx_graph.h"

#include <bit>

#include "base/error.h"

namespace metaplastic {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX stores raw data little endian");

template <class T>
std::string bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

onnx::Attribute& add_attribute(onnx::Node& node, const std::string& name,
                               onnx::Attribute::Type type) {
  onnx::Attribute& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

onnx::Tensor& OnnxGraph::tensor(const std::string& name, const std::vector<std::int64_t>& shape,
                                onnx::Tensor::DataType type, std::string bytes) {
  onnx::Tensor& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  for (const std::int64_t dim : shape) tensor.add_dims(dim);
  tensor.set_data_type(type);
  tensor.set_raw_data(std::move(bytes));
  return tensor;
}

std::string OnnxGraph::constant(const std::string& name, const std::vector<std::int64_t>& shape,
                                std::span<const float> values) {
  tensor(name, shape, onnx::Tensor::FLOAT, bytes_of(values));
  return name;
}

std::string OnnxGraph::constant(const std::string& name, const std::vector<std::int64_t>& shape,
                                std::span<const std::int64_t> values) {
  tensor(name, shape, onnx::Tensor::INT64, bytes_of(values));
  return name;
}

std::string OnnxGraph::constant(const std::string& name, const std::vector<std::int64_t>& shape,
                                std::span<const double> values) {
  tensor(name, shape, onnx::Tensor::DOUBLE, bytes_of(values));
  return name;
}

onnx::Node& OnnxGraph::step(const std::string& op_type, std::vector<std::string> inputs) {
  onnx::Node& node = *graph_.add_node();
  const std::string name = fmt::format("{}_{}", op_type, graph_.node_size() - 1);
  node.set_name(name);
  node.set_op_type(op_type);
  for (std::string& input : inputs) node.add_input(std::move(input));
  value_ = name + "_out";
  node.add_output(value_);
  return node;
}

void set_attribute(onnx::Node& node, const std::string& name, float value) {
  add_attribute(node, name, onnx::Attribute::FLOAT).set_f(value);
}

void set_attribute(onnx::Node& node, const std::string& name, std::int64_t value) {
  add_attribute(node, name, onnx::Attribute::INT).set_i(value);
}

void set_attribute(onnx::Node& node, const std::string& name,
                   const std::vector<std::int64_t>& values) {
  onnx::Attribute& attribute = add_attribute(node, name, onnx::Attribute::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

}  // namespace metaplastic
