#include "apply/encoder_file.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr const char* kKind = "encoder";
constexpr std::string_view kPreprocessPrefix = "preprocess.";

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

std::vector<float> take(const TensorFile& file, const std::string& name,
                        std::vector<std::int64_t> shape) {
  const auto values = file.require(name, DType::kF32, shape).as<float>();
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
    fail("{}: expected finite numbers in tensor '{}', found others; make the encoder again",
         file.source, name);
  }
  return {values.begin(), values.end()};
}

Preprocess take_preprocess(const TensorFile& file) {
  SavedPreprocess saved;
  for (const auto& [key, value] : file.metadata) {
    if (key.starts_with(kPreprocessPrefix)) saved.metadata[key] = value;
  }
  for (const Tensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(kPreprocessPrefix)) continue;
    const auto values = file.require(tensor.name, DType::kF32).as<float>();
    saved.tensors[tensor.name].assign(values.begin(), values.end());
  }
  return from_saved(saved, file.source);
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

void check_kind(const TensorFile& file) {
  const auto kind = file.metadata.find("kind");
  if (kind != file.metadata.end() && kind->second == kKind) return;
  fail("{}: expected an encoder, found {}; give a file that apply wrote with --model", file.source,
       kind == file.metadata.end() ? "a tensor file of another program"
                                   : "a file of kind " + quote_text(kind->second));
}

}  // namespace

json record_to_json(const EncoderRecord& record) {
  json values = {{"rule", record.rule},
                 {"rule_sha256", record.rule_sha256},
                 {"data", record.data},
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
  const Architecture& architecture = encoder.architecture;
  METAPLASTIC_CHECK(static_cast<int>(encoder.layers.size()) == architecture.num_layers());
  TensorFile file;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const FoldedLayer& layer = encoder.layers[static_cast<std::size_t>(l - 1)];
    const std::int64_t U_lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    const std::int64_t U_up = architecture.widths[static_cast<std::size_t>(l)];
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
  file.metadata["kind"] = kKind;
  file.metadata["widths"] = json(architecture.widths).dump();
  file.metadata["activation"] = activation_name(architecture.activation);
  file.metadata["record"] =
      record_to_json(encoder.record).dump(-1, ' ', false, json::error_handler_t::replace);
  return file;
}

void save_encoder(const std::string& path, const Encoder& encoder) {
  write_safetensors(path, encoder_tensors(encoder));
}

Encoder encoder_from_tensors(const TensorFile& file) {
  check_kind(file);
  Encoder encoder;
  Architecture& architecture = encoder.architecture;
  try {
    architecture.widths = parse(file, "widths").get<std::vector<int>>();
    take_record(parse(file, "record"), encoder.record);
  } catch (const json::exception&) {
    fail(
        "{}: expected widths and record in its metadata, found something else; the file is damaged",
        file.source);
  }
  try {
    architecture.validate();
    architecture.activation = activation_from_name(file.require_metadata("activation"));
  } catch (const Error& error) {
    fail("{}: {}", file.source, error.what());
  }
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const std::int64_t U_lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    const std::int64_t U_up = architecture.widths[static_cast<std::size_t>(l)];
    encoder.layers.push_back(
        {take(file, tensor_name(l, "W"), {U_lo, U_up}), take(file, tensor_name(l, "b"), {U_up})});
  }
  encoder.preprocess = take_preprocess(file);
  if (encoder.preprocess.num_inputs() != architecture.num_inputs()) {
    fail("{}: expected a transform to {} inputs, found one to {}; the file is damaged", file.source,
         architecture.num_inputs(), encoder.preprocess.num_inputs());
  }
  return encoder;
}

Encoder load_encoder(const std::string& path) {
  return encoder_from_tensors(read_safetensors(path));
}

}  // namespace metaplastic
