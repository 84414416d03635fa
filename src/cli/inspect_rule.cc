#include "cli/inspect_rule.h"

#include "apply/layer_choice.h"
#include "apply/second_views.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset_rows.h"
#include "data/preprocess.h"
#include "io/config.h"
#include "io/json_text.h"
#include "meta/initial_theta.h"
#include "rule/classical.h"
#include "rule/resolve.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

// A value of a file's metadata in one line.
std::string value_text(const nlohmann::json& value) {
  return printable(value.is_string()
                       ? value.get<std::string>()
                       : value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace),
                   200);
}

// How a rule was made, as far as its file tells.
struct Origin {
  std::string text = "not known from this file";
  std::vector<float> start;  // [P], where that was set by hand; else empty
};

Origin origin_of(const Rule& rule) {
  const nlohmann::json& provenance = rule.provenance;
  if (!provenance.is_object()) return {};
  const std::string made_by = provenance.value("made_by", "");
  if (made_by == "hand") return {"set by hand, not meta-trained", rule.theta};
  if (made_by != "metaplastic train" || !provenance.contains("config")) return {};
  MetaConfig config;
  try {
    load_json(provenance["config"], "provenance", config);
  } catch (const Error&) {
    return {"meta-trained by another version of the program", {}};
  }
  const std::string& name = config.outer.init_rule;
  Origin origin;
  const std::string from = name == "random"          ? "a random start"
                           : is_classical_rule(name) ? name + ", which is set by hand"
                                                     : printable(name, 200);
  origin.text = fmt::format("meta-trained for {} outer steps from {}",
                            provenance.value("outer_step", std::int64_t{0}), from);
  if (!config.outer.trained.empty())
    origin.text += "; trained: " + fmt::format("{}", fmt::join(config.outer.trained, ", "));
  if (is_classical_rule(name) && config.rule == rule.sizes)
    origin.start = known_start(config, provenance.value("seed", std::uint64_t{0}));
  return origin;
}

// "0.70440 from 0.70000", or "0.70000 (start)" where nothing has moved it.
std::string number_text(double value, std::optional<double> start) {
  if (!start) return fmt::format("{:9.5f}", value);
  if (value == *start) return fmt::format("{:9.5f} (start)", value);
  return fmt::format("{:9.5f} from {:7.5f}", value, *start);
}

std::string mix_text(const ThetaLayout& layout, const std::vector<float>& theta,
                     const std::vector<float>& start) {
  std::string text;
  auto at = static_cast<std::size_t>(layout[ThetaName::kMix].offset);
  for (const std::string_view name : term_names(layout)) {
    std::optional<double> from;
    if (!start.empty()) from = static_cast<double>(start[at]);
    text += fmt::format("  {:<12} {}\n", name, number_text(static_cast<double>(theta[at]), from));
    ++at;
  }
  return text;
}

// theta's settings for a kind of examples, without what traits add.
RuleSettings settings_in(const Rule& rule, const ThetaLayout& layout,
                         const std::vector<float>& theta, ExampleKind kind) {
  RawSettings<float> raw{};
  const auto first = static_cast<std::size_t>(layout[ThetaName::kSettings].offset) +
                     static_cast<std::size_t>(kind) * kNumSettings;
  std::copy_n(theta.begin() + static_cast<std::ptrdiff_t>(first), kNumSettings, raw.begin());
  return settings_of(raw, rule.sizes, kind, rule.inner);
}

std::string settings_text(const Rule& rule, const ThetaLayout& layout,
                          const std::vector<float>& start) {
  std::string text = "settings by the kind of examples";
  text += layout.has(ThetaName::kTraitsIn) ? ", before traits change them:\n" : ":\n";
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    if (!setting_acts(name, rule.sizes, ExampleKind::kShapes)) continue;
    text += fmt::format("  {}: {}\n", setting_rows()[n].name, setting_rows()[n].help);
    for (std::size_t k = 0; k < kNumExampleKinds; ++k) {
      const auto kind = static_cast<ExampleKind>(k);
      if (!setting_acts(name, rule.sizes, kind)) continue;
      std::optional<double> from;
      if (!start.empty()) from = settings_in(rule, layout, start, kind)[name];
      text += fmt::format("    {:<10} {}\n", kExampleKindNames[k],
                          number_text(settings_in(rule, layout, rule.theta, kind)[name], from));
    }
  }
  if (layout.has(ThetaName::kTraitsIn)) {
    text += fmt::format("traits that change mix and settings (--data shows how): {}\n",
                        fmt::join(layout.conditions().traits, ", "));
  }
  return text;
}

// What meta-training had in place of a number of the inner loop, as the rule's config says; ""
// where it does not say. A trajectory had between min_T and max_T steps.
std::string in_meta_training(const nlohmann::json& trained, const std::string& name) {
  const auto text_of = [&](const char* key) {
    return trained.is_object() && trained.contains(key) ? value_text(trained[key]) : "";
  };
  if (name != "inner_steps") return text_of(name.c_str());
  const std::string fewest = text_of("min_T"), most = text_of("max_T");
  return fewest == most ? most : fewest + " to " + most;
}

// The numbers of the inner loop that are not in theta.
std::string inner_text(const Rule& rule) {
  nlohmann::json inner = to_json(rule.inner), trained;
  if (rule.sizes.has_settings()) {  // settings act instead
    for (const char* name : {"inner_lr", "weight_std", "bias_std", "phi_mean_share"})
      inner.erase(name);
  }
  const nlohmann::json& provenance = rule.provenance;
  if (provenance.is_object() && provenance.contains("config")) {
    const nlohmann::json& config = provenance["config"];
    if (config.is_object() && config.contains("inner")) trained = config["inner"];
  }
  std::string text = rule.sizes.has_settings()
                         ? "form and cost of a training, chosen by a person and not meta-trained"
                         : "inner loop, chosen by a person and not meta-trained";
  text += trained.is_object() ? " (in brackets: in meta-training):\n" : ":\n";
  for (const auto& [name, value] : inner.items()) {
    std::string before = in_meta_training(trained, name);
    if (before == value_text(value) || before == "[" + value_text(value) + "]") before = "the same";
    text += fmt::format("  {}: {}{}\n", name, value_text(value),
                        before.empty() ? "" : " (" + before + ")");
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
  const DataProfile profile = profile_of(pool.neighbours(), data.first_test_row, true);
  const ResolvedRule resolved = resolve(rule, profile);
  std::string text =
      fmt::format("traits of {}, whose examples are of the kind {}:\n", printable(spec, 200),
                  kExampleKindNames[static_cast<std::size_t>(profile.kind)]);
  for (std::size_t n = 0; n < kNumTraits; ++n)
    text += fmt::format("  {:<12} {:9.5f}\n", trait_names()[n], profile.traits[n]);
  text +=
      "mix for this data:\n" + mix_text(ThetaLayout(resolved.rule.sizes), resolved.rule.theta, {});
  text += "settings for this data:\n";
  for (std::size_t n = 0; n < kNumSettings; ++n)
    if (setting_acts(static_cast<SettingName>(n), rule.sizes, profile.kind))
      text +=
          fmt::format("  {:<12} {:9.5f}\n", setting_rows()[n].name, resolved.settings.values[n]);
  return text;
}

}  // namespace

void print_json(const nlohmann::json& value, const std::string& indent, std::string& out) {
  for (const auto& [key, item] : value.items()) {
    const std::string name = value.is_array() ? "-" : printable(key, 80) + ":";
    if (item.is_object() && !item.empty()) {
      out += indent + name + "\n";
      print_json(item, indent + "  ", out);
    } else {
      out += indent + name + " " + value_text(item) + "\n";
    }
  }
}

std::string rule_text(const Rule& rule, const std::string& spec) {
  const ThetaLayout layout(rule.sizes);
  const Origin origin = origin_of(rule);
  std::string text = fmt::format("sizes: {}; {} parameters\n", describe(rule.sizes), layout.size());
  text += "mix and settings: " + origin.text + "\n";
  text += inner_text(rule);
  text += "mix of the weight step's terms";
  text += layout.has(ThetaName::kTraitsIn) ? ", before traits change it:\n" : ":\n";
  text += mix_text(layout, rule.theta, origin.start);
  if (layout.has(ThetaName::kSettings)) text += settings_text(rule, layout, origin.start);
  if (!spec.empty()) text += resolved_text(rule, spec);
  text += "provenance:\n";
  print_json(rule.provenance, "  ", text);
  return text;
}

}  // namespace metaplastic
