// metaplastic inspect: what a rule, encoder or checkpoint holds, and how it was made.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "rule/rule_file.h"
#include "rule/theta.h"

namespace metaplastic {
namespace {

using nlohmann::json;

// Nested values indented, plain ones as "name: value".
void print_json(const json& value, const std::string& indent, std::string& out) {
  for (const auto& [key, item] : value.items()) {
    const std::string name = value.is_array() ? "-" : printable(key, 80) + ":";
    if (item.is_object() && !item.empty()) {
      out += indent + name + "\n";
      print_json(item, indent + "  ", out);
    } else {
      const std::string text = item.is_string()
                                   ? item.get<std::string>()
                                   : item.dump(-1, ' ', true, json::error_handler_t::replace);
      out += indent + name + " " + printable(text, 200) + "\n";
    }
  }
}

std::string tensors_text(const TensorFile& file) {
  std::string text = "tensors:\n";
  std::size_t width = 0;
  for (const Tensor& tensor : file.tensors) width = std::max(width, printable(tensor.name).size());
  std::uint64_t total = 0;
  for (const Tensor& tensor : file.tensors) {
    const std::uint64_t count = tensor.bytes.size() / dtype_bytes(tensor.dtype);
    text += fmt::format("  {:<{}}  {}  {:<12} {:>9}\n", printable(tensor.name), width,
                        dtype_name(tensor.dtype), fmt::format("[{}]", fmt::join(tensor.shape, ",")),
                        count);
    total += count;
  }
  return text + fmt::format("  {} tensors, {} numbers\n", file.tensors.size(), total);
}

std::string rule_text(const std::string& path) {
  const Rule rule = load_rule(path);
  const ThetaLayout layout(rule.sizes);
  std::string text = fmt::format("sizes: {}; {} parameters\n", describe(rule.sizes), layout.size());
  text += "inner loop:\n";
  print_json(to_json(rule.inner), "  ", text);
  text += "mix of the weight step's terms:\n";
  const std::vector<std::string_view> names = term_names(layout);
  for (std::size_t k = 0; k < names.size(); ++k) {
    text += fmt::format("  {:<12} {:9.5f}\n", names[k],
                        rule.theta[static_cast<std::size_t>(layout[ThetaName::kMix].offset) + k]);
  }
  text += "provenance:\n";
  print_json(rule.provenance, "  ", text);
  return text;
}

std::string encoder_text(const std::string& path) {
  const Encoder encoder = load_encoder(path);
  std::string text = fmt::format("base model: {}, {}\n", fmt::join(encoder.widths(), "-"),
                                 activation_name(encoder.activation));
  if (encoder.first_dense() > 0) text += "layers: " + layers_text(encoder.specs()) + "\n";
  text += "inputs: " + describe(encoder.preprocess) + "\n";
  text += "gives out: " + describe(encoder.readout) + "\n";
  if (encoder.classifier) {
    std::vector<std::string> names;
    for (const std::string& name : encoder.classifier->class_names)
      names.push_back(printable(name));
    text += fmt::format("classifier of {} classes: {}\n", names.size(), fmt::join(names, ", "));
  }
  text += "made by:\n";
  print_json(record_to_json(encoder.record), "  ", text);
  return text;
}

std::string checkpoint_text(const TensorFile& file) {
  std::string text;
  for (const char* key : {"run", "config"}) {
    json value = parse_json(file.require_metadata(key));
    if (!value.is_object()) {
      fail("{}: expected JSON in metadata '{}', found other text; the file is damaged", file.source,
           key);
    }
    if (value.contains("slots") && value["slots"].is_array()) {
      value["trajectories"] = value["slots"].size();
      value.erase("slots");
    }
    text += std::string(key) + ":\n";
    print_json(value, "  ", text);
  }
  return text;
}

int run_inspect(const std::string& path) {
  const TensorFile file = read_safetensors(path);
  const auto kind = file.metadata.find("kind");
  const std::string name = kind == file.metadata.end() ? "" : kind->second;
  std::string text;
  if (name == "rule") {
    text = rule_text(path);
  } else if (name == "encoder") {
    text = encoder_text(path);
  } else if (name == "checkpoint") {
    text = checkpoint_text(file);
  } else {
    fail("{}: expected a rule, encoder or checkpoint, found {}; give a file that metaplastic wrote",
         path,
         name.empty() ? "a tensor file of another program" : "a file of kind " + quote_text(name));
  }
  std::printf("%s: %s, format %s\nsha256: %s (verified)\n%s%s", printable(path, 400).c_str(),
              name.c_str(), file.require_metadata(kFormatVersionKey).c_str(),
              file.require_metadata(kDigestKey).c_str(), text.c_str(), tensors_text(file).c_str());
  return kExitOk;
}

}  // namespace

Action add_inspect(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  app.add_option("file", *path, "rule, encoder or checkpoint")->required()->type_name("FILE");
  return [path] { return run_inspect(*path); };
}

}  // namespace metaplastic
