#include "experiments/workbench.h"

#include <cctype>
#include <cmath>

#include "base/error.h"
#include "base/statistics.h"
#include "base/thread_pool.h"
#include "data/dataset_rows.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

DrawOptions draw_options(const ExperimentOptions& options, int shots) {
  DrawOptions draws;
  draws.seed = options.seed;
  draws.shots = shots;
  if (options.quick) {
    draws.trials = 20;
    draws.num_validation_draws = 5;
    draws.max_test_rows = 2000;
    draws.max_validation_rows = 1000;
  }
  return draws;
}

}  // namespace

Workbench::Workbench(const ExperimentOptions& options, const std::string& spec,
                     std::optional<std::uint64_t> permutation_seed)
    : options_(options), data_(with_test_rows(load_data(spec), options.seed)) {
  PreprocessOptions wanted = preprocess_options(data_, {}, LayerChoice{});
  wanted.permutation_seed = permutation_seed;
  if (options.quick) wanted.vocabulary = 500;
  preprocess_ = fit_preprocess(data_, wanted);
  prepared_ = prepare_rows(preprocess_, data_);
}

std::shared_ptr<const RowSource> Workbench::training_rows() const {
  return std::make_shared<SliceRows>(prepared_, 0, data_.first_test_row);
}

std::string Workbench::slug() const {
  constexpr std::size_t kMaxLetters = 40;
  std::string text;
  for (const char c : name()) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_plain || (!text.empty() && text.back() != '-')) text += is_plain ? c : '-';
  }
  if (text.size() > kMaxLetters) text.erase(0, text.size() - kMaxLetters);
  while (text.ends_with('-')) text.pop_back();
  return text;
}

int Workbench::inner_steps(const Rule& rule) const {
  return options_.inner_steps.value_or(rule.inner.inner_steps);
}

MethodContext Workbench::context(const std::string& label, int model) const {
  MethodContext context;
  context.seed = options_.seed + static_cast<std::uint64_t>(model);
  context.should_stop = options_.should_stop;
  context.num_threads = num_hardware_threads();
  if (options_.quick) context.num_tunings = 1;
  if (preprocess_.kind == DataKind::kImage) context.image = preprocess_.output_image;
  if (options_.on_progress) {
    context.on_progress = [this, label](const std::string& line) {
      options_.on_progress(fmt::format("{}, {}: {}", name(), label, line));
    };
  }
  return context;
}

std::optional<std::string> Workbench::unsuited(const FeatureMethod& method) const {
  return method.unsuited(context(method.name(), 0));
}

Measured Workbench::measure(const std::string& label, const MakeMethod& make, int shots,
                            std::optional<int> wanted_models) const {
  const int num_models = wanted_models.value_or(num_base_models(options_));
  const std::string log_name =
      fmt::format("{}, {}: {} labels, {} base models", name(), label, shots, num_models);
  const double work = static_cast<double>(num_models) * prepared_->num_features();
  if (options_.log != nullptr) {
    if (auto kept = options_.log->take(log_name, work)) return *kept;
  }
  std::vector<double> means;
  Measured measured;
  for (int m = 0; m < num_models; ++m) {
    std::vector<std::unique_ptr<FeatureMethod>> methods;
    methods.push_back(make());
    const EvaluationResult result = evaluate_methods(
        data_, prepared_, methods, draw_options(options_, shots), context(label, m));
    const MethodResult& one = result.methods.front();
    means.push_back(one.accuracy);
    measured.error = one.standard_error;
    measured.steps = one.steps;
    measured.settings = one.settings;
  }
  measured.accuracy = mean(means);
  if (num_models > 1) measured.error = standard_error(means);
  if (options_.log != nullptr) options_.log->keep(log_name, work, measured);
  return measured;
}

Measured Workbench::learned(const std::string& label, const Rule& rule, const BaseModel& model,
                            ReadLayers layers, int shots) const {
  return measure(
      label,
      [&] {
        FitOptions options;
        options.layers = LayerChoice{};
        options.training.model = model;
        options.training.inner_steps = inner_steps(rule);
        return learned_method(rule, options, layers);
      },
      shots);
}

Measured Workbench::random(const std::string& label, const BaseModel& model, ReadLayers layers,
                           int shots) const {
  return measure(
      label,
      [&] {
        FitOptions options;
        options.layers = LayerChoice{};
        options.training.model = model;
        return random_method(options_.rule.rule, options, layers);
      },
      shots);
}

Applied Workbench::apply(const Rule& rule, const BaseModel& model,
                         const std::vector<int>& snapshots) const {
  FitOptions options;
  options.layers = LayerChoice{};
  options.training.model = model;
  options.training.inner_steps = inner_steps(rule);
  options.training.seed = options_.seed;
  options.training.snapshots = snapshots;
  options.training.should_stop = options_.should_stop;
  if (options_.on_progress) {
    options.training.on_step = [&](int step, int steps) {
      options_.on_progress(fmt::format("{}: inner step {}/{}", name(), step, steps));
    };
  }
  const FoundRule found{rule, "", "", ""};
  return fit_last_group(found, fit_foundation(found, preprocess_, training_rows(), options),
                        options);
}

BaseModel usual_model() {
  BaseModel model;
  model.hidden = {64, 64};
  model.features = 32;
  return model;
}

std::vector<std::string> image_data(const ExperimentOptions& options) {
  if (!options.data.empty()) return options.data;
  std::vector<std::string> specs = {"digits"};
  if (!options.quick) specs.emplace_back("fashion-mnist");
  return specs;
}

int num_base_models(const ExperimentOptions& options) { return options.quick ? 1 : 3; }

nlohmann::json protocol_json(const ExperimentOptions& options) {
  const DrawOptions draws = draw_options(options, 10);
  const BaseModel model = usual_model();
  return {{"hidden", model.hidden},
          {"features", model.features},
          {"activation", activation_name(model.activation)},
          {"inner_steps", options.inner_steps.value_or(options.rule.rule.inner.inner_steps)},
          {"shots", draws.shots},
          {"draws", draws.trials},
          {"validation_draws", draws.num_validation_draws},
          {"max_test_rows", draws.max_test_rows},
          {"base_models", num_base_models(options)},
          {"readout", "top layer"}};
}

void put(nlohmann::json& row, const Measured& measured) {
  row["accuracy"] = measured.accuracy;
  row["stderr"] = measured.error;
}

void add_learned_and_random(const nlohmann::json& common, const Measured& learned,
                            const Measured& random, std::vector<nlohmann::json>& rows) {
  for (const auto& [method, measured] :
       {std::pair{"learned", &learned}, std::pair{"random", &random}}) {
    nlohmann::json row = common;
    row["method"] = method;
    row["steps"] = measured->steps;
    put(row, *measured);
    rows.push_back(std::move(row));
  }
}

std::string plus_minus(const Measured& measured) {
  return fmt::format("{:.3f} +- {:.3f}", measured.accuracy, measured.error);
}

}  // namespace metaplastic
