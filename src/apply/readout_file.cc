#include "apply/readout_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr const char* kInput = "input";

json readout_json(const Readout& readout) {
  json layer = readout.layer;
  if (readout.layer == Readout::kTop) layer = "top";
  if (readout.layer == Readout::kAll) layer = "all";
  if (readout.layer == Readout::kNone) layer = kInput;
  return {{"layer", layer}, {"with_input", readout.with_input}};
}

Readout readout_of(const json& value) {
  const json& layer = value.at("layer");
  const std::string text = layer.is_string() ? layer.get<std::string>() : layer.dump();
  Readout readout;
  if (text == kInput) {
    readout.layer = Readout::kNone;
  } else {
    readout = parse_readout("layer", text);
  }
  value.at("with_input").get_to(readout.with_input);
  if (readout.layer == Readout::kNone && !readout.with_input) fail("readout of nothing");
  return readout;
}

bool has_tensor(const TensorFile& file, std::string_view name) {
  return std::ranges::find(file.tensors, name, &Tensor::name) != file.tensors.end();
}

}  // namespace

std::vector<float> take_finite(const TensorFile& file, const std::string& name,
                               std::vector<std::int64_t> shape) {
  const auto values = file.require(name, DType::kF32, shape).as<float>();
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
    fail("{}: expected finite numbers in tensor '{}', found others; make the encoder again",
         file.source, name);
  }
  return {values.begin(), values.end()};
}

void put_readout(const Encoder& encoder, TensorFile& file) {
  file.metadata["readout"] = readout_json(encoder.readout).dump();
  if (!encoder.input_scales.empty()) {
    file.tensors.push_back(make_tensor("input_scales", {encoder.num_layers()},
                                       std::span<const float>(encoder.input_scales)));
  }
  if (!encoder.classifier) return;
  const LinearClassifier& classifier = *encoder.classifier;
  file.tensors.push_back(make_tensor("classifier.W",
                                     {classifier.num_features(), classifier.num_classes()},
                                     std::span<const float>(classifier.W)));
  file.tensors.push_back(make_tensor("classifier.b", {classifier.num_classes()},
                                     std::span<const float>(classifier.b)));
  file.metadata["classes"] =
      json(classifier.class_names).dump(-1, ' ', false, json::error_handler_t::replace);
}

void take_readout(const TensorFile& file, Encoder& encoder) {
  const auto saved = file.metadata.find("readout");
  if (saved != file.metadata.end()) {
    try {
      encoder.readout = readout_of(parse_json(saved->second));
    } catch (const std::exception&) {
      fail("{}: expected a layer in metadata 'readout', found {}; the file is damaged", file.source,
           saved->second);
    }
  }
  if (has_tensor(file, "input_scales")) {
    encoder.input_scales = take_finite(file, "input_scales", {encoder.num_layers()});
  }
  try {
    check_readout(encoder, encoder.readout);
  } catch (const Error& error) {
    fail("{}: {}", file.source, error.what());
  }
  const auto classes = file.metadata.find("classes");
  if (classes == file.metadata.end()) return;
  LinearClassifier classifier;
  try {
    classifier.class_names = parse_json(classes->second).get<std::vector<std::string>>();
  } catch (const json::exception&) {
    fail(
        "{}: expected a list of names in metadata 'classes', found something else; the file is "
        "damaged",
        file.source);
  }
  const auto Y = static_cast<std::int64_t>(classifier.class_names.size());
  if (Y < 2)
    fail("{}: expected two classes or more, found {}; the file is damaged", file.source, Y);
  classifier.W = take_finite(file, "classifier.W", {num_features(encoder, encoder.readout), Y});
  classifier.b = take_finite(file, "classifier.b", {Y});
  encoder.classifier = std::move(classifier);
}

}  // namespace metaplastic
