#include "onnx/export_onnx.h"

#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "io/atomic_file.h"
#include "onnx/onnx_places.h"
#include "onnx/onnx_preprocess.h"
#include "onnx/onnx_readout.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr std::int64_t kIrVersion = 7;
constexpr std::int64_t kOpset = 13;
// Protocol buffers end at 2 GiB; this leaves room for all that is not a weight.
constexpr std::int64_t kMaxWeightBytes = (std::int64_t{1} << 31) - (std::int64_t{1} << 26);

void add_activation(Unary activation, OnnxGraph& graph) {
  const std::string z = graph.value();
  switch (activation) {
    case Unary::kRelu:
      graph.step("Relu", {z});
      return;
    case Unary::kLeakyRelu:
      set_attribute(graph.step("LeakyRelu", {z}), "alpha", 0.01f);
      return;
    case Unary::kTanh:
      graph.step("Tanh", {z});
      return;
    case Unary::kElu:
      set_attribute(graph.step("Elu", {z}), "alpha", 1.0f);
      return;
    case Unary::kSigmoid:
      graph.step("Sigmoid", {z});
      return;
    case Unary::kSoftplus:
      graph.step("Softplus", {z});
      return;
    case Unary::kSwish:
      graph.step("Sigmoid", {z});
      graph.step("Mul", {z, graph.value()});
      return;
    case Unary::kStep:
      graph.step("Greater", {z, graph.constant(z + "_zero", {}, std::vector<float>{0.0f})});
      set_attribute(graph.step("Cast", {graph.value()}), "to",
                    static_cast<std::int64_t>(onnx::Tensor::FLOAT));
      return;
    default:
      // activation_from_name lets no other through.
      METAPLASTIC_CHECK(false);
  }
}

void add_dense(const EncoderLayer& layer, const std::string& name, OnnxGraph& graph) {
  const std::int64_t U_lo = layer.in.size(), U_up = layer.spec.units;
  const std::string W = graph.constant(name + ".W", {U_lo, U_up}, layer.W);
  const std::string b = graph.constant(name + ".b", {U_up}, layer.b);
  graph.step("Gemm", {graph.value(), W, b});
}

void describe_value(onnx::ValueInfo& value, const std::string& name,
                    const std::vector<std::int64_t>& shape, const std::string& what,
                    onnx::Tensor::DataType type_of_elements = onnx::Tensor::FLOAT) {
  value.set_name(name);
  value.set_doc_string(what);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(type_of_elements);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (const std::int64_t dim : shape) type.mutable_shape()->add_dim()->set_dim_value(dim);
}

std::string input_text(const Preprocess& preprocess, float pixel_max) {
  switch (preprocess.kind) {
    case DataKind::kImage:
      return fmt::format("images [N, height, width, channels], 0 (black) to {} (white)", pixel_max);
    case DataKind::kSignal:
      return preprocess.rate > 0
                 ? fmt::format("sounds [N, samples, channels], -1 to 1, {} samples per second",
                               preprocess.rate)
                 : std::string("signals [N, time, channels]");
    case DataKind::kTable:
      return "raw rows [N, columns], in the order of metadata 'columns'";
    case DataKind::kText:
      break;
  }
  return "word counts [N, words], in the order of metadata 'words'";
}

void add_metadata(onnx::Model& model, const std::string& key, const json& value) {
  onnx::Entry& entry = *model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

// The values of the inputs and of every layer, [L+1], as rows. A conv layer's are those behind the
// pools that follow it.
std::vector<std::string> add_layers(const Encoder& encoder, OnnxGraph& graph) {
  const std::size_t first_dense = encoder.first_dense();
  std::vector<std::string> values = {graph.value()};
  if (first_dense > 0) add_to_places(encoder.layers.front().in, graph);
  int l = 0, num_pools = 0;
  for (std::size_t n = 0; n < encoder.layers.size(); ++n) {
    const EncoderLayer& layer = encoder.layers[n];
    switch (layer.spec.kind) {
      case LayerKind::kPool:
        add_pool(layer, fmt::format("pool.{}", ++num_pools), graph);
        break;
      case LayerKind::kConv:
        add_conv(layer, fmt::format("layer.{}", ++l), graph);
        add_activation(encoder.activation, graph);
        break;
      case LayerKind::kDense:
        add_dense(layer, fmt::format("layer.{}", ++l), graph);
        add_activation(encoder.activation, graph);
        break;
    }
    const std::string places = graph.value();
    const bool is_read = l > 0 && n + 1 == encoder.end_of(l);
    if (n < first_dense && (is_read || n + 1 == first_dense)) add_from_places(layer.out, graph);
    if (is_read) values.push_back(graph.value());
    if (n + 1 < first_dense) graph.go_on_from(places);
  }
  return values;
}

void describe_outputs(const Encoder& encoder, onnx::Graph& graph) {
  describe_value(*graph.add_output(), "features", {num_features(encoder, encoder.readout)},
                 "features [N, F]: read from " + describe(encoder.readout));
  if (!encoder.classifier) return;
  describe_value(*graph.add_output(), "probabilities", {encoder.classifier->num_classes()},
                 "of each class [N, classes], in the order of metadata 'classes'");
  describe_value(*graph.add_output(), "class", {}, "number of the most probable class [N]",
                 onnx::Tensor::INT64);
}

void check_size(const Encoder& encoder) {
  std::int64_t bytes = 0;
  for (const EncoderLayer& layer : encoder.layers) {
    bytes += static_cast<std::int64_t>(sizeof(float) * (layer.W.size() + layer.b.size()));
  }
  if (bytes <= kMaxWeightBytes) return;
  fail("onnx: expected weights of at most {} bytes, found {}; use narrower layers", kMaxWeightBytes,
       bytes);
}

}  // namespace

std::string onnx_model(const Encoder& encoder, const OnnxOptions& options) {
  check_size(encoder);
  onnx::Model model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("metaplastic");
  model.set_producer_version(METAPLASTIC_VERSION);
  onnx::OperatorSet& operators = *model.add_opset_import();
  operators.set_domain("");
  operators.set_version(kOpset);
  const Preprocess& preprocess = encoder.preprocess;
  model.set_doc_string("Encoder trained without labels. Inside: " + describe(preprocess));
  onnx::Graph& graph = *model.mutable_graph();
  graph.set_name("encoder");
  // Offsets are there because floats have no room for the digits.
  describe_value(*graph.add_input(), "input", onnx_input_shape(preprocess),
                 input_text(preprocess, options.pixel_max),
                 preprocess.offset.empty() ? onnx::Tensor::FLOAT : onnx::Tensor::DOUBLE);
  OnnxGraph chain(graph, "input");
  add_preprocess(preprocess, options.pixel_max, chain);
  check_readout(encoder, encoder.readout);
  const std::vector<std::string> values = add_layers(encoder, chain);
  chain.step("Identity", {add_readout(encoder, values, chain)}).set_output(0, "features");
  if (encoder.classifier) {
    OnnxGraph classes(graph, "features");
    add_classifier(*encoder.classifier, classes);
    add_metadata(model, "classes", encoder.classifier->class_names);
  }
  describe_outputs(encoder, graph);
  if (preprocess.kind == DataKind::kTable) add_metadata(model, "columns", preprocess.column_names);
  if (preprocess.kind == DataKind::kText) add_metadata(model, "words", preprocess.words);
  add_metadata(model, "record", record_to_json(encoder.record));
  std::string bytes;
  METAPLASTIC_CHECK(model.SerializeToString(&bytes));
  return bytes;
}

void save_onnx(const std::string& path, const Encoder& encoder, const OnnxOptions& options) {
  write_file_atomically(path, std::string_view(onnx_model(encoder, options)));
}

}  // namespace metaplastic
