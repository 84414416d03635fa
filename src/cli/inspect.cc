// metaplastic inspect: what a rule, encoder or checkpoint holds, and how it was made.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "apply/layer_choice.h"
#include "apply/second_views.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "data/dataset_rows.h"
#include "data/preprocess.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "rule/resolve.h"
#include "rule/rule_file.h"
#include "rule/theta.h"
#include "tasks/task_forms.h"

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

std::string mix_text(const ThetaLayout& layout, const std::vector<float>& theta) {
  std::string text;
  const float* mix = theta.data() + layout[ThetaName::kMix].offset;
  for (const std::string_view name : term_names(layout))
    text += fmt::format("  {:<12} {:9.5f}\n", name, *mix++);
  return text;
}

// Of theta itself, before traits add to them.
std::string settings_text(const ThetaLayout& layout, const std::vector<float>& theta) {
  std::string text = "settings, as factors:\n";
  const float* raw = theta.data() + layout[ThetaName::kSettings].offset;
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    text += fmt::format("  {:<12} {:9.5f}  {}\n", setting_rows()[n].name,
                        setting_factor(static_cast<SettingName>(n), static_cast<double>(raw[n])),
                        setting_rows()[n].help);
  }
  if (layout.has(ThetaName::kTraitsIn)) {
    text += fmt::format("traits that change mix and settings (--data shows how): {}\n",
                        fmt::join(layout.conditions().traits, ", "));
  }
  return text;
}

// What dense layers would learn with from this data.
std::string resolved_text(const Rule& rule, const std::string& spec) {
  if (!rule.sizes.has_settings()) {
    fail(
        "--data: expected a rule whose settings are in theta, found one with fixed settings; leave "
        "it out");
  }
  const Dataset data = load_data(spec);
  const Preprocess preprocess = fit_preprocess(data, preprocess_options(data, {}, LayerChoice{}));
  const auto rows = prepare_rows(preprocess, data);
  const SliceRows training_rows(rows, 0, data.first_test_row);
  const TrainingPool pool(training_rows, 0);
  const Traits traits = measure_traits(pool.neighbours(), data.first_test_row);
  const ResolvedRule resolved = resolve(rule, traits);
  std::string text = fmt::format("traits of {}:\n", printable(spec, 200));
  for (std::size_t n = 0; n < kNumTraits; ++n)
    text += fmt::format("  {:<12} {:9.5f}\n", trait_names()[n], traits[n]);
  text += "mix for this data:\n" + mix_text(ThetaLayout(resolved.rule.sizes), resolved.rule.theta);
  text += "settings for this data, as factors:\n";
  for (std::size_t n = 0; n < kNumSettings; ++n)
    text += fmt::format("  {:<12} {:9.5f}\n", setting_rows()[n].name, resolved.settings.factors[n]);
  return text;
}

std::string rule_text(const std::string& path, const std::string& spec) {
  const Rule rule = load_rule(path);
  const ThetaLayout layout(rule.sizes);
  std::string text = fmt::format("sizes: {}; {} parameters\n", describe(rule.sizes), layout.size());
  text += "inner loop:\n";
  print_json(to_json(rule.inner), "  ", text);
  text += "mix of the weight step's terms:\n" + mix_text(layout, rule.theta);
  if (layout.has(ThetaName::kSettings)) text += settings_text(layout, rule.theta);
  if (!spec.empty()) text += resolved_text(rule, spec);
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

int run_inspect(const std::string& path, const std::string& spec) {
  const TensorFile file = read_safetensors(path);
  const auto kind = file.metadata.find("kind");
  const std::string name = kind == file.metadata.end() ? "" : kind->second;
  std::string text;
  if (!spec.empty() && name != "rule")
    fail("--data: expected a rule to inspect with data, found another kind of file; leave it out");
  if (name == "rule") {
    text = rule_text(path, spec);
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
