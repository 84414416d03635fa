#include "onnx/onnx_preprocess.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "data/preprocess_rows.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

// The resize along one axis as a matrix [out_size, size], column by column.
std::vector<float> resize_matrix(ResizeMethod method, int size, int out_size) {
  std::vector<float> matrix(static_cast<std::size_t>(out_size) * static_cast<std::size_t>(size));
  std::vector<float> unit(static_cast<std::size_t>(size)),
      column(static_cast<std::size_t>(out_size));
  for (std::size_t n = 0; n < unit.size(); ++n) {
    unit[n] = 1;
    resize_image(method, unit, {size, 1, 1}, column, {out_size, 1, 1});
    unit[n] = 0;
    for (std::size_t m = 0; m < column.size(); ++m) matrix[m * unit.size() + n] = column[m];
  }
  return matrix;
}

// [N,H,W,C] -> [N,h,w,C]: rows from the left, columns from the right of [N,C,H,W].
void add_resize(const Preprocess& preprocess, OnnxGraph& graph) {
  const ImageShape &from = preprocess.input_image, &to = preprocess.output_image;
  const std::vector<float> down = resize_matrix(preprocess.resize_method, from.height, to.height);
  const std::vector<float> across = resize_matrix(preprocess.resize_method, from.width, to.width);
  std::vector<float> across_transposed(across.size());  // [W,w]
  const auto W = static_cast<std::size_t>(from.width), w = static_cast<std::size_t>(to.width);
  for (std::size_t x = 0; x < w; ++x) {
    for (std::size_t n = 0; n < W; ++n) across_transposed[n * w + x] = across[x * W + n];
  }
  const std::string left = graph.constant("resize.down", {to.height, from.height}, down);
  const std::string right =
      graph.constant("resize.across", {from.width, to.width}, across_transposed);
  set_attribute(graph.step("Transpose", {graph.value()}), "perm",
                std::vector<std::int64_t>{0, 3, 1, 2});
  graph.step("MatMul", {left, graph.value()});
  graph.step("MatMul", {graph.value(), right});
  set_attribute(graph.step("Transpose", {graph.value()}), "perm",
                std::vector<std::int64_t>{0, 2, 3, 1});
}

void add_image(const Preprocess& preprocess, float pixel_max, OnnxGraph& graph) {
  const ImageShape &from = preprocess.input_image, &to = preprocess.output_image;
  if (to.channels < from.channels) {
    const std::vector<float> weights = {luma(1, 0, 0), luma(0, 1, 0), luma(0, 0, 1)};
    graph.step("MatMul", {graph.value(), graph.constant("grey.luma", {3, 1}, weights)});
  }
  if (from.height != to.height || from.width != to.width) add_resize(preprocess, graph);
  graph.step("Div",
             {graph.value(), graph.constant("pixel_max", {}, std::vector<float>{pixel_max})});
  const std::vector<std::int64_t> shape = {-1, to.size()};
  graph.step("Reshape", {graph.value(), graph.constant("rows", {2}, shape)});
}

void add_table(const Preprocess& preprocess, OnnxGraph& graph) {
  const auto U = static_cast<std::int64_t>(preprocess.mean.size());
  if (!preprocess.offset.empty()) {
    const std::string offset =
        graph.constant("table.offset", {U}, std::span<const double>(preprocess.offset));
    graph.step("Sub", {graph.value(), offset});
    set_attribute(graph.step("Cast", {graph.value()}), "to",
                  static_cast<std::int64_t>(onnx::Tensor::FLOAT));
  }
  const std::string mean = graph.constant("table.mean", {U}, preprocess.mean);
  if (preprocess.missing != MissingPolicy::kError) {
    const std::string raw = graph.value();
    const std::string fill = preprocess.missing == MissingPolicy::kMean
                                 ? mean
                                 : graph.constant("table.missing", {}, std::vector<float>{0.0f});
    graph.step("IsNaN", {raw});
    graph.step("Where", {graph.value(), fill, raw});
  }
  graph.step("Sub", {graph.value(), mean});
  graph.step("Mul", {graph.value(), graph.constant("table.scale", {U}, preprocess.scale)});
}

// Real and imaginary part of every bin as kernels [2 * bins, 1, 1, window] of a convolution.
std::vector<float> fourier_kernels(const LogMel& log_mel) {
  const std::vector<float> window = mel_window(log_mel);
  std::vector<float> kernels;
  for (int part = 0; part < 2; ++part) {
    for (int bin = 0; bin < log_mel.num_bins(); ++bin) {
      for (std::size_t n = 0; n < window.size(); ++n) {
        // The angle modulo a turn, in whole numbers.
        const auto turn = static_cast<double>(n * static_cast<std::size_t>(bin) %
                                              static_cast<std::size_t>(log_mel.transform));
        const double angle = 2 * std::numbers::pi * turn / log_mel.transform;
        kernels.push_back(
            static_cast<float>(window[n] * (part == 0 ? std::cos(angle) : std::sin(angle))));
      }
    }
  }
  return kernels;
}

// [N,time,C] -> [N,frames,C * bands].
void add_log_mel(const LogMel& log_mel, const ImageShape& from, const ImageShape& to,
                 OnnxGraph& graph) {
  const std::int64_t bins = log_mel.num_bins(), C = from.channels;
  // Channels become rows of their own: [N * C,1,1,time].
  set_attribute(graph.step("Transpose", {graph.value()}), "perm",
                std::vector<std::int64_t>{0, 2, 1});
  graph.step("Reshape",
             {graph.value(),
              graph.constant("mel.sounds", {4}, std::vector<std::int64_t>{-1, 1, 1, from.width})});
  const std::string kernels =
      graph.constant("mel.fourier", {2 * bins, 1, 1, log_mel.window}, fourier_kernels(log_mel));
  set_attribute(graph.step("Conv", {graph.value(), kernels}), "strides",
                std::vector<std::int64_t>{1, log_mel.hop});
  graph.step("Mul", {graph.value(), graph.value()});
  graph.step("Reshape",
             {graph.value(),
              graph.constant("mel.parts", {4}, std::vector<std::int64_t>{-1, 2, bins, to.width})});
  onnx::Node& power = graph.step(
      "ReduceSum", {graph.value(), graph.constant("mel.axis", {1}, std::vector<std::int64_t>{1})});
  set_attribute(power, "keepdims", std::int64_t{0});
  const std::string filters =
      graph.constant("mel.filters", {log_mel.bands, bins}, mel_filters(log_mel));
  graph.step("MatMul", {filters, graph.value()});  // [N * C,bands,frames]
  graph.step("Add",
             {graph.value(), graph.constant("mel.silence", {}, std::vector<float>{kSilence})});
  graph.step("Log", {graph.value()});
  graph.step(
      "Reshape",
      {graph.value(), graph.constant("mel.channels", {3},
                                     std::vector<std::int64_t>{-1, C * log_mel.bands, to.width})});
  set_attribute(graph.step("Transpose", {graph.value()}), "perm",
                std::vector<std::int64_t>{0, 2, 1});
}

void add_signal(const Preprocess& preprocess, OnnxGraph& graph) {
  const ImageShape& to = preprocess.output_image;
  if (preprocess.log_mel) add_log_mel(*preprocess.log_mel, preprocess.input_image, to, graph);
  graph.step("Sub", {graph.value(), graph.constant("signal.mean", {to.channels}, preprocess.mean)});
  graph.step("Mul",
             {graph.value(), graph.constant("signal.scale", {to.channels}, preprocess.scale)});
  const std::vector<std::int64_t> shape = {-1, to.size()};
  graph.step("Reshape", {graph.value(), graph.constant("rows", {2}, shape)});
}

// Counts times weights, to length 1; a row without a counted word stays 0.
void add_text(const Preprocess& preprocess, OnnxGraph& graph) {
  const auto U = static_cast<std::int64_t>(preprocess.word_weights.size());
  graph.step("Mul", {graph.value(), graph.constant("text.weights", {U}, preprocess.word_weights)});
  const std::string weighted = graph.value();
  onnx::Node& norm = graph.step("ReduceL2", {weighted});
  set_attribute(norm, "axes", std::vector<std::int64_t>{1});
  set_attribute(norm, "keepdims", std::int64_t{1});
  const std::vector<float> least = {std::numeric_limits<float>::min()};
  graph.step("Max", {graph.value(), graph.constant("text.least", {}, least)});
  graph.step("Div", {weighted, graph.value()});
}

}  // namespace

std::vector<std::int64_t> onnx_input_shape(const Preprocess& preprocess) {
  const ImageShape& image = preprocess.input_image;
  if (preprocess.kind == DataKind::kImage) return {image.height, image.width, image.channels};
  if (preprocess.kind == DataKind::kSignal) return {image.width, image.channels};
  return {preprocess.num_inputs()};
}

void add_preprocess(const Preprocess& preprocess, float pixel_max, OnnxGraph& graph) {
  switch (preprocess.kind) {
    case DataKind::kImage:
      add_image(preprocess, pixel_max, graph);
      break;
    case DataKind::kSignal:
      add_signal(preprocess, graph);
      break;
    case DataKind::kTable:
      add_table(preprocess, graph);
      break;
    case DataKind::kText:
      add_text(preprocess, graph);
      break;
  }
  const std::vector<int> order = input_order(preprocess);
  if (order.empty()) return;
  const std::vector<std::int64_t> indices(order.begin(), order.end());
  const std::string name =
      graph.constant("order", {static_cast<std::int64_t>(indices.size())}, indices);
  set_attribute(graph.step("Gather", {graph.value(), name}), "axis", std::int64_t{1});
}

}  // namespace metaplastic
