// metaplastic inspect: what a rule, encoder or checkpoint holds, and how it was made.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/inspect_rule.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "rule/rule_file.h"

namespace metaplastic {
namespace {

using nlohmann::json;

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

int run_inspect(const std::string& path, const std::string& spec) {
  const TensorFile file = read_safetensors(path);
  const auto kind = file.metadata.find("kind");
  const std::string name = kind == file.metadata.end() ? "" : kind->second;
  std::string text;
  if (!spec.empty() && name != "rule")
    fail("--data: expected a rule to inspect with data, found another kind of file; leave it out");
  if (name == "rule") {
    text = rule_text(load_rule(path), spec);
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
  auto path = std::make_shared<std::string>(), spec = std::make_shared<std::string>();
  app.add_option("file", *path, "rule, encoder or checkpoint")->required()->type_name("FILE");
  app.add_option("--data", *spec,
                 "of a rule that follows the data: also show its mix and settings for this data")
      ->type_name("SPEC");
  return [path, spec] { return run_inspect(*path, *spec); };
}

}  // namespace metaplastic
