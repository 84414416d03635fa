#include "apply/encoder_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "apply/readout_file.h"
#include "base/error.h"
#include "base/text.h"
#include "data/data_files.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr const char* kKind = "encoder";
constexpr std::string_view kPreprocessPrefix = "preprocess.";
// Of encoders with layers that see places; others have no such key.
constexpr const char* kFormatKey = "encoder_format";
constexpr int kFormat = 2;
constexpr int kMaxInputSide = kMaxSignalNumbers;

std::string tensor_name(int layer, const char* what) {
  return fmt::format("layer.{}.{}", layer, what);
}

json parse(const TensorFile& file, const std::string& key) {
  json value = parse_json(file.require_metadata(key));
  if (value.is_discarded()) {
    fail("{}: expected JSON in metadata '{}', found other text; the file is damaged", file.source,
         key);
  }
  return value;
}

Preprocess take_preprocess(const TensorFile& file, FoldText fold) {
  SavedPreprocess saved;
  for (const auto& [key, value] : file.metadata) {
    if (key.starts_with(kPreprocessPrefix)) saved.metadata[key] = value;
  }
  for (const Tensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(kPreprocessPrefix)) continue;
    const auto values = file.require(tensor.name, DType::kF32).as<float>();
    saved.tensors[tensor.name].assign(values.begin(), values.end());
  }
  Preprocess preprocess = from_saved(saved, file.source);
  if (preprocess.kind == DataKind::kText && fold == nullptr)
    fail("{}: expected an encoder of numbers or images, found one of text; use metaplastic embed",
         file.source);
  for (std::string& word : preprocess.words) word = fold(word);
  return preprocess;
}

void take_record(const json& values, EncoderRecord& record) {
  values.at("rule").get_to(record.rule);
  values.at("rule_sha256").get_to(record.rule_sha256);
  values.at("data").get_to(record.data);
  values.at("seed").get_to(record.seed);
  values.at("inner_steps").get_to(record.inner_steps);
  values.at("inner_batch").get_to(record.inner_batch);
  record.variant = values.value("variant", record.variant);  // older files have none
  record.init = values.value("init", record.init);           // nor this
  values.at("inner_lr").get_to(record.inner_lr);
  values.at("weight_std").get_to(record.weight_std);
  values.at("bias_std").get_to(record.bias_std);
}

// Dense layers alone have kept their form: "widths". Others are written as layers_text, with the
// shape of the input and the offset of every conv layer's windows.
void put_layers(const Encoder& encoder, TensorFile& file) {
  if (encoder.first_dense() == 0) {
    file.metadata["widths"] = json(encoder.widths()).dump();
    return;
  }
  std::vector<float> offsets;
  for (const EncoderLayer& layer : encoder.layers) {
    if (layer.spec.kind == LayerKind::kConv) offsets.push_back(layer.window_offset);
  }
  const ImageShape& input = encoder.layers.front().in;
  file.metadata[kFormatKey] = std::to_string(kFormat);
  file.metadata["layers"] = layers_text(encoder.specs());
  file.metadata["input_shape"] = json{input.height, input.width, input.channels}.dump();
  file.metadata["window_offsets"] = json(offsets).dump();
}

std::vector<EncoderLayer> take_dense_layers(const TensorFile& file) {
  Architecture architecture;
  architecture.widths = parse(file, "widths").get<std::vector<int>>();
  architecture.validate();
  return dense_layers(architecture, std::vector<FoldedLayer>(architecture.widths.size() - 1));
}

std::vector<EncoderLayer> take_place_layers(const TensorFile& file) {
  const std::vector<LayerSpec> specs = parse_layers(file.require_metadata("layers"));
  const auto sides = parse(file, "input_shape").get<std::array<int, 3>>();
  for (const int side : sides) {
    if (side < 1 || side > kMaxInputSide) {
      fail("input_shape: expected sides of 1 to {}, found {}", kMaxInputSide, side);
    }
  }
  const auto offsets = parse(file, "window_offsets").get<std::vector<float>>();
  std::vector<EncoderLayer> layers = empty_layers(specs, {sides[0], sides[1], sides[2]});
  auto offset = offsets.begin();
  for (EncoderLayer& layer : layers) {
    if (layer.spec.kind != LayerKind::kConv) continue;
    if (offset == offsets.end() || !std::isfinite(*offset) || *offset < 0) {
      fail("window_offsets: expected one of 0 or more for each conv layer, found {}",
           offset == offsets.end() ? "fewer" : "another number");
    }
    layer.window_offset = *offset++;
  }
  return layers;
}

// Without weights.
std::vector<EncoderLayer> take_layers(const TensorFile& file) {
  try {
    if (!file.metadata.contains(kFormatKey)) return take_dense_layers(file);
    if (file.require_metadata(kFormatKey) != std::to_string(kFormat)) {
      fail("expected an encoder of format {}, found {}; use a newer metaplastic", kFormat,
           quote_text(file.require_metadata(kFormatKey)));
    }
    return take_place_layers(file);
  } catch (const Error& error) {
    const std::string line = error.what();
    fail("{}{}", line.starts_with(file.source) ? "" : file.source + ": ", line);
  }
}

void check_kind(const TensorFile& file) {
  const auto kind = file.metadata.find("kind");
  if (kind != file.metadata.end() && kind->second == kKind) return;
  fail("{}: expected an encoder, found {}; give a file that apply wrote with --model", file.source,
       kind == file.metadata.end() ? "a tensor file of another program"
                                   : "a file of kind " + quote_text(kind->second));
}

}  // namespace

// Files are given to others: they name no folder of this machine.
json record_to_json(const EncoderRecord& record) {
  json values = {{"rule", without_folders(record.rule)},
                 {"rule_sha256", record.rule_sha256},
                 {"data", without_folders(record.data)},
                 {"seed", record.seed},
                 {"inner_steps", record.inner_steps},
                 {"inner_batch", record.inner_batch},
                 {"variant", record.variant},
                 {"inner_lr", record.inner_lr},
                 {"weight_std", record.weight_std},
                 {"bias_std", record.bias_std}};
  if (record.init != EncoderRecord{}.init) values["init"] = record.init;
  return values;
}

TensorFile encoder_tensors(const Encoder& encoder) {
  TensorFile file;
  for (int l = 1; l <= encoder.num_layers(); ++l) {
    const EncoderLayer& layer = encoder.weights_of(l);
    const std::int64_t U_lo = window_size(layer.spec, layer.in), U_up = layer.spec.units;
    file.tensors.push_back(
        make_tensor(tensor_name(l, "W"), {U_lo, U_up}, std::span<const float>(layer.W)));
    file.tensors.push_back(
        make_tensor(tensor_name(l, "b"), {U_up}, std::span<const float>(layer.b)));
  }
  const SavedPreprocess saved = to_saved(encoder.preprocess);
  file.metadata = saved.metadata;
  for (const auto& [name, values] : saved.tensors) {
    file.tensors.push_back(make_tensor(name, {static_cast<std::int64_t>(values.size())},
                                       std::span<const float>(values)));
  }
  put_readout(encoder, file);
  file.metadata["kind"] = kKind;
  put_layers(encoder, file);
  file.metadata["activation"] = activation_name(encoder.activation);
  file.metadata["record"] =
      record_to_json(encoder.record).dump(-1, ' ', false, json::error_handler_t::replace);
  return file;
}

void save_encoder(const std::string& path, const Encoder& encoder) {
  write_safetensors(path, encoder_tensors(encoder));
}

Encoder encoder_from_tensors(const TensorFile& file, FoldText fold) {
  check_kind(file);
  Encoder encoder;
  try {
    take_record(parse(file, "record"), encoder.record);
    encoder.layers = take_layers(file);
  } catch (const json::exception&) {
    fail(
        "{}: expected layers and record in its metadata, found something else; the file is damaged",
        file.source);
  }
  try {
    encoder.activation = activation_from_name(file.require_metadata("activation"));
  } catch (const Error& error) {
    fail("{}: {}", file.source, error.what());
  }
  int l = 0;
  for (EncoderLayer& layer : encoder.layers) {
    if (!layer.spec.has_weights()) continue;
    const std::int64_t U_up = layer.spec.units;
    layer.W = take_finite(file, tensor_name(++l, "W"), {window_size(layer.spec, layer.in), U_up});
    layer.b = take_finite(file, tensor_name(l, "b"), {U_up});
  }
  encoder.preprocess = take_preprocess(file, fold);
  if (encoder.preprocess.num_inputs() != encoder.num_inputs()) {
    fail("{}: expected a transform to {} inputs, found one to {}; the file is damaged", file.source,
         encoder.num_inputs(), encoder.preprocess.num_inputs());
  }
  take_readout(file, encoder);
  return encoder;
}

Encoder load_encoder(const std::string& path, FoldText fold) {
  return encoder_from_tensors(read_safetensors(path), fold);
}

}  // namespace metaplastic
