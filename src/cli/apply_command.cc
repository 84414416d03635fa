#include "cli/apply_command.h"

#include <algorithm>

#include "apply/find_rule.h"
#include "base/error.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

std::string layers_flag(const LayerChoice& layers) {
  if (layers.form == LayerForm::kSpec) return layers_text(layers.spec);
  return layers.form == LayerForm::kImages    ? "images"
         : layers.form == LayerForm::kSignals ? "signals"
                                              : "mlp";
}

std::string base_model_flags(const FitOptions& options) {
  const BaseModel usual;
  const BaseModel& model = options.training.model;
  std::string text;
  if (model.hidden != usual.hidden) {
    text += model.hidden.empty() ? " --hidden none"
                                 : fmt::format(" --hidden {}", fmt::join(model.hidden, ","));
  }
  if (model.features != usual.features) text += fmt::format(" --features {}", model.features);
  if (model.activation != usual.activation) {
    text += fmt::format(" --activation {}", activation_name(model.activation));
  }
  if (options.training.inner_batch) {
    text += fmt::format(" --inner-batch {}", *options.training.inner_batch);
  }
  if (options.training.least_weight) {
    text += fmt::format(" --least-weight {}", *options.training.least_weight);
  }
  if (options.layers) text += " --layers " + shell_word(layers_flag(*options.layers));
  if (options.views) {
    text += " --views " + view_kind_names()[static_cast<std::size_t>(*options.views)];
  }
  if (options.resize.side) text += fmt::format(" --resize {}", *options.resize.side);
  if (options.resize.method == ResizeMethod::kSubsample) text += " --resize-method subsample";
  return text;
}

std::string chosen_flags(const MethodResult& learned) {
  const nlohmann::json& settings = learned.settings;
  const nlohmann::json& layer = settings.at("layer");
  std::string text =
      fmt::format(" --layer {}",
                  layer.is_string() ? layer.get<std::string>() : std::to_string(layer.get<int>()));
  if (settings.value("with_input", false)) text += " --with-input";
  const std::string variant = settings.value("variant", std::string(RuleVariant{}.name));
  if (variant != RuleVariant{}.name) text += " --variant " + variant;
  return text + fmt::format(" --steps {}", learned.steps);
}

}  // namespace

std::string apply_command(const EvaluationResult& result, const ApplyRequest& request) {
  const auto learned = std::ranges::find(result.methods, "learned", &MethodResult::name);
  if (learned == result.methods.end()) return "";
  std::string text = "metaplastic apply";
  if (request.rule != kDefaultRule) text += " --rule " + shell_word(request.rule);
  text += " --data " + shell_word(request.data);
  text += " --out features.npy --model encoder.safetensors";
  text += chosen_flags(*learned) + base_model_flags(request.options);
  if (result.draws.seed != 0) text += fmt::format(" --seed {}", result.draws.seed);
  return text;
}

}  // namespace metaplastic
