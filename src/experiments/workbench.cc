#include "experiments/workbench.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "apply/apply_cost.h"
#include "apply/encoder_file.h"
#include "apply/rule_variant.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/statistics.h"
#include "baselines/training.h"
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

// What a training by gradient and the probe reach on one core of 2026.
constexpr double kFlopsPerSecond = 15e9;

bool shrinks(const Dataset& data, int side) {
  return data.kind == DataKind::kImage && std::max(data.image.height, data.image.width) > side;
}

}  // namespace

Workbench::Workbench(const ExperimentOptions& options, const ChosenData& chosen,
                     std::optional<std::uint64_t> permutation_seed)
    : options_(options),
      data_(with_test_rows(load_data(chosen.spec), options.seed)),
      name_(chosen.name.empty() ? data_.name : chosen.name) {
  PreprocessOptions wanted = preprocess_options(data_, {}, LayerChoice{});
  if (chosen.side && data_.kind == DataKind::kImage) {
    resize_.side = shrinks(data_, *chosen.side) ? *chosen.side : 0;
    wanted.resize = *resize_.side;
    if (shrinks(data_, *chosen.side)) name_ += fmt::format(" {0}x{0}", *chosen.side);
  }
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
  context.num_threads = options_.num_threads;
  context.num_tunings = num_tunings(options_);
  if (preprocess_.kind == DataKind::kImage) context.image = preprocess_.output_image;
  if (options_.on_progress) {
    context.on_progress = [this, label](const std::string& line) {
      options_.on_progress(fmt::format("{}, {}: {}", name(), label, line));
    };
  }
  return context;
}

std::optional<std::string> Workbench::unsuited(FeatureMethod& method) const {
  method.own_rows(data_);  // some know only then what they will see
  return method.unsuited(context(method.name(), 0));
}

double Workbench::training_seconds(const BaseModel& model, int steps) const {
  // Forward, a signal backward, and the change of the weights.
  constexpr double kFlopsPerWeight = 6;
  return kFlopsPerWeight * steps * kTrainingBatch *
         static_cast<double>(model.architecture(prepared_->num_features()).phi_size()) / 2 /
         kFlopsPerSecond;
}

double Workbench::apply_seconds(const Rule& rule, const BaseModel& model, int steps) const {
  if (!only_counts()) return 0;
  constexpr int kTries = 5;  // the least: other programs only add to it
  double least = std::numeric_limits<double>::infinity();
  for (int n = 0; n < kTries; ++n) {
    const ApplyCost cost = estimate_apply_cost(rule, model.architecture(prepared_->num_features()),
                                               data_.first_test_row, rule.inner.inner_batch, steps,
                                               least_weight(prepared_->num_features()));
    least = std::min(least, cost.seconds);
  }
  return least;
}

double Workbench::rule_seconds(const Rule& rule, const BaseModel& model) const {
  const auto num_variants = static_cast<int>(rule_variants().size());
  const int num_trainings =
      has_variants(rule.sizes) ? std::min(num_tunings(options_), num_variants) : 1;
  return num_trainings * apply_seconds(rule, model, inner_steps(rule));
}

double Workbench::evaluation_seconds(const DrawOptions& draws) const {
  const double num_test = std::min(static_cast<double>(draws.max_test_rows),
                                   static_cast<double>(data_.num_rows() - data_.first_test_row));
  // Small matrices run at a fraction of the speed of large ones.
  constexpr double kSlowness = 8;
  const double per_row = 2.0 * kSlowness * usual_model().features * data_.num_classes();
  return num_test * (prepared_->num_features() + draws.trials * per_row) / kFlopsPerSecond;
}

Measured Workbench::measure(const std::string& label, const MakeMethod& make,
                            const MeasurementOptions& how) const {
  const int num_models = how.num_models.value_or(num_base_models(options_));
  const std::string log_name =
      fmt::format("{}, {}: {} labels, {} base models", name(), label, how.shots, num_models);
  const DrawOptions draws = draw_options(options_, how.shots);
  const double work = num_models * (how.seconds + evaluation_seconds(draws));
  if (options_.log != nullptr) {
    if (auto kept = options_.log->take(log_name, work)) return *kept;
  }
  const double cpu_start = cpu_seconds();
  std::vector<double> means;
  Measured measured;
  for (int m = 0; m < num_models; ++m) {
    std::vector<std::unique_ptr<FeatureMethod>> methods;
    methods.push_back(make());
    const EvaluationResult result =
        evaluate_methods(data_, prepared_, methods, draws, context(label, m));
    const MethodResult& one = result.methods.front();
    means.push_back(one.accuracy);
    measured.error = one.standard_error;
    measured.steps = one.steps;
    measured.settings = one.settings;
  }
  measured.accuracy = mean(means);
  // Methods that draw nothing at random are the same in every base model: over draws, then.
  const double over_models = num_models > 1 ? standard_error(means) : 0;
  if (over_models > 0) measured.error = over_models;
  measured.cpu_seconds = cpu_seconds() - cpu_start;
  if (options_.log != nullptr) options_.log->keep(log_name, measured);
  return measured;
}

Measured Workbench::learned(const std::string& label, const Rule& rule,
                            const BaseModel& model) const {
  FitOptions options;
  options.layers = LayerChoice{};
  options.training.model = model;
  options.training.inner_steps = inner_steps(rule);
  return measure(label, [&] { return learned_method(rule, options, Readout::kTop); },
                 {.seconds = rule_seconds(rule, model)});
}

Measured Workbench::random(const std::string& label, const BaseModel& model) const {
  FitOptions options;
  options.layers = LayerChoice{};
  options.training.model = model;
  return measure(
      label, [&] { return random_method(options_.rules.front().rule, options, Readout::kTop); });
}

std::vector<Encoder> Workbench::apply(const std::string& label, const Rule& rule,
                                      const BaseModel& model, const std::vector<int>& snapshots,
                                      std::optional<int> own_steps) const {
  const int num_steps = own_steps.value_or(inner_steps(rule));
  const std::string log_name = fmt::format("{}, {}: trained", name(), label);
  const std::string prefix = options_.log != nullptr ? options_.log->next_prefix() : "";
  const auto file = [&](std::size_t n) { return fmt::format("{}{}.safetensors", prefix, n); };
  if (options_.log != nullptr) {
    if (const auto kept = options_.log->take(log_name, apply_seconds(rule, model, num_steps))) {
      std::vector<Encoder> encoders;
      if (only_counts()) return encoders;
      for (std::size_t n = 0; n < kept->settings.value("states", std::size_t{0}); ++n)
        encoders.push_back(load_encoder(file(n)));
      return encoders;
    }
  }
  const double cpu_start = cpu_seconds();
  FitOptions options;
  options.layers = LayerChoice{};
  options.training.model = model;
  options.training.inner_steps = num_steps;
  options.training.seed = options_.seed;
  options.training.snapshots = snapshots;
  options.training.should_stop = options_.should_stop;
  options.training.num_threads = options_.num_threads;
  if (options_.on_progress) {
    options.training.on_step = [&](int step, int steps) {
      options_.on_progress(fmt::format("{}: inner step {}/{}", name(), step, steps));
    };
  }
  const FoundRule found{rule, "", "", ""};
  std::vector<Encoder> encoders =
      fit_last_group(found, fit_foundation(found, preprocess_, training_rows(), options), options)
          .encoders;
  if (options_.log == nullptr) return encoders;
  for (std::size_t n = 0; n < encoders.size(); ++n) save_encoder(file(n), encoders[n]);
  options_.log->keep(log_name, {.settings = {{"states", encoders.size()}},
                                .cpu_seconds = cpu_seconds() - cpu_start});
  return encoders;
}

BaseModel usual_model() {
  BaseModel model;
  model.hidden = {64, 64};
  model.features = 32;
  return model;
}

std::vector<ChosenData> image_data(const ExperimentOptions& options) {
  std::vector<std::string> specs = {"digits"};
  if (!options.quick) specs.emplace_back("fashion-mnist");
  return chosen_data(options.data.empty() ? specs : options.data, options);
}

std::vector<ChosenData> chosen_data(const std::vector<std::string>& specs,
                                    const ExperimentOptions& options) {
  std::vector<ChosenData> chosen;
  for (const std::string& spec : specs) {
    if (options.sides.size() < 2) {
      chosen.push_back(
          {spec, options.sides.empty() ? std::nullopt : std::optional(options.sides.front())});
      continue;
    }
    const Dataset data = load_data(spec);
    bool was_kept = false;
    for (const int side : options.sides) {
      const bool is_kept = !shrinks(data, side);
      if (!is_kept || !was_kept) chosen.push_back({spec, side});
      was_kept = was_kept || is_kept;
    }
  }
  return chosen;
}

int num_base_models(const ExperimentOptions& options) {
  return options.num_models.value_or(options.quick ? 1 : 3);
}

int num_tunings(const ExperimentOptions& options) {
  return options.num_tunings.value_or(options.form_num_tunings);
}

nlohmann::json protocol_json(const ExperimentOptions& options) {
  const DrawOptions draws = draw_options(options, 10);
  const BaseModel model = usual_model();
  std::vector<int> steps;  // of each rule
  for (const FoundRule& found : options.rules) {
    steps.push_back(options.inner_steps.value_or(found.rule.inner.inner_steps));
  }
  const bool agree = std::ranges::count(steps, steps.front()) == std::ssize(steps);
  const nlohmann::json inner_steps = agree ? nlohmann::json(steps.front()) : nlohmann::json(steps);
  return {{"hidden", model.hidden},
          {"features", model.features},
          {"activation", activation_name(model.activation)},
          {"inner_steps", inner_steps},
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

void add_row(nlohmann::json common, const std::string& method, const Measured& measured,
             std::vector<nlohmann::json>& rows) {
  common["method"] = method;
  common["steps"] = measured.steps;
  put(common, measured);
  rows.push_back(std::move(common));
}

void add_sentence(std::string& text, const std::string& sentence) {
  text += (text.empty() ? "" : " ") + sentence;
}

std::string plus_minus(const Measured& measured) {
  return fmt::format("{:.3f} +- {:.3f}", measured.accuracy, measured.error);
}

}  // namespace metaplastic
