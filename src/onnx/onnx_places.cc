#include "onnx/onnx_places.h"

#include <algorithm>

#include "base/error.h"

namespace metaplastic {
namespace {

using Dims = std::vector<std::int64_t>;

// Kernels [K,C,height,width], K = height * width * C: kernel k copies value k of a window, which is
// row by row with the channels of a pixel together.
std::vector<float> copying_kernels(const LayerSpec& spec, std::size_t C) {
  const auto H = static_cast<std::size_t>(spec.height), W = static_cast<std::size_t>(spec.width);
  const std::size_t K = H * W * C;
  std::vector<float> kernels(K * K);
  for (std::size_t place = 0; place < H * W; ++place) {
    for (std::size_t c = 0; c < C; ++c) kernels[(place * C + c) * K + c * H * W + place] = 1;
  }
  return kernels;
}

// W [K,U] as kernels [U,K].
std::vector<float> transposed(const EncoderLayer& layer) {
  const auto U = static_cast<std::size_t>(layer.spec.units);
  const std::size_t K = layer.W.size() / U;
  std::vector<float> kernels(layer.W.size());
  for (std::size_t k = 0; k < K; ++k) {
    for (std::size_t u = 0; u < U; ++u) kernels[u * K + k] = layer.W[k * U + u];
  }
  return kernels;
}

void add_normalisation(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph) {
  const std::string windows = graph.value();
  set_attribute(graph.step("ReduceMean", {windows}), "axes", Dims{1});
  graph.step("Sub", {windows, graph.value()});
  const std::string centred = graph.value();
  graph.step("Mul", {centred, centred});
  set_attribute(graph.step("ReduceMean", {graph.value()}), "axes", Dims{1});
  graph.step("Sqrt", {graph.value()});
  graph.step("Add", {graph.value(), graph.constant(name + ".offset", {},
                                                   std::vector<float>{layer.window_offset})});
  graph.step("Div", {centred, graph.value()});
}

// Means over cells along one axis as a matrix [cells,size], or [size,cells] where it is transposed.
std::vector<float> mean_matrix(const std::vector<PoolCell>& cells, int size, bool is_transposed) {
  std::vector<float> matrix(cells.size() * static_cast<std::size_t>(size));
  for (std::size_t n = 0; n < cells.size(); ++n) {
    for (int i = cells[n].begin; i < cells[n].end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      matrix[is_transposed ? at * cells.size() + n : n * static_cast<std::size_t>(size) + at] =
          1.0f / static_cast<float>(cells[n].end - cells[n].begin);
    }
  }
  return matrix;
}

// Maxima over cells along an axis: a slice, its maximum, and all of them side by side.
void add_maxima(const std::vector<PoolCell>& cells, std::int64_t axis, const std::string& name,
                OnnxGraph& graph) {
  const std::string from = graph.value();
  std::vector<std::string> maxima;
  for (std::size_t n = 0; n < cells.size(); ++n) {
    const auto number = [&](const char* what, std::int64_t value) {
      return graph.constant(fmt::format("{}.{}.{}.{}", name, axis, n, what), {1}, Dims{value});
    };
    graph.step("Slice", {from, number("begin", cells[n].begin), number("end", cells[n].end),
                         number("axis", axis)});
    set_attribute(graph.step("ReduceMax", {graph.value()}), "axes", Dims{axis});
    maxima.push_back(graph.value());
  }
  set_attribute(graph.step("Concat", maxima), "axis", axis);
}

}  // namespace

void add_to_places(const ImageShape& shape, OnnxGraph& graph) {
  const Dims dims = {-1, shape.height, shape.width, shape.channels};
  graph.step("Reshape", {graph.value(), graph.constant("places", {4}, dims)});
  set_attribute(graph.step("Transpose", {graph.value()}), "perm", Dims{0, 3, 1, 2});
}

void add_from_places(const ImageShape& shape, OnnxGraph& graph) {
  set_attribute(graph.step("Transpose", {graph.value()}), "perm", Dims{0, 2, 3, 1});
  graph.step("Reshape",
             {graph.value(), graph.constant(graph.value() + ".rows", {2}, Dims{-1, shape.size()})});
}

void add_conv(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph) {
  const LayerSpec& spec = layer.spec;
  const std::int64_t C = layer.in.channels, K = window_size(spec, layer.in);
  const std::int64_t down = padding_down(spec, layer.in), across = spec.padding;
  const std::string copies = graph.constant(name + ".windows", {K, C, spec.height, spec.width},
                                            copying_kernels(spec, static_cast<std::size_t>(C)));
  onnx::Node& windows = graph.step("Conv", {graph.value(), copies});
  set_attribute(windows, "strides", Dims{spec.stride, spec.stride});
  set_attribute(windows, "pads", Dims{down, across, down, across});
  if (layer.window_offset != 0) add_normalisation(layer, name, graph);
  const std::string W = graph.constant(name + ".W", {spec.units, K, 1, 1}, transposed(layer));
  const std::string b = graph.constant(name + ".b", {spec.units}, layer.b);
  graph.step("Conv", {graph.value(), W, b});
}

void add_pool(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph) {
  const LayerSpec& spec = layer.spec;
  const std::vector<PoolCell> rows = pool_cells(spec, layer.in.height, true);
  const std::vector<PoolCell> columns = pool_cells(spec, layer.in.width, false);
  const bool is_max = spec.pool == PoolKind::kMax;
  if (spec.by_size) {
    onnx::Node& pool = graph.step(is_max ? "MaxPool" : "AveragePool", {graph.value()});
    set_attribute(pool, "kernel_shape", Dims{spec.height, spec.width});
    set_attribute(pool, "strides", Dims{spec.stride, spec.stride});
  } else if (is_max) {
    add_maxima(rows, 2, name, graph);
    add_maxima(columns, 3, name, graph);
  } else {
    graph.step("MatMul", {graph.constant(name + ".down", {spec.height, layer.in.height},
                                         mean_matrix(rows, layer.in.height, false)),
                          graph.value()});
    graph.step("MatMul",
               {graph.value(), graph.constant(name + ".across", {layer.in.width, spec.width},
                                              mean_matrix(columns, layer.in.width, true))});
  }
  if (spec.pool != PoolKind::kRoot) return;
  const std::string means = graph.value();
  graph.step("Abs", {means});
  graph.step("Sqrt", {graph.value()});
  const std::string roots = graph.value();
  graph.step("Sign", {means});
  graph.step("Mul", {roots, graph.value()});
}

}  // namespace metaplastic
