// An objective that is not the goal: a VAE gets better at its own while its features do or do not
// get better with few labels; the rule beside it.                    [paper: section 2, figure 1]
#include <cmath>
#include <set>

#include "base/error.h"
#include "baselines/autoencoder.h"
#include "experiments/fixed_method.h"
#include "experiments/row_lines.h"
#include "experiments/workbench.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

// Where the fall shows (docs/notebook/mismatch.md): a decoder that is sure of its pixels, a small
// network, and a long training.
constexpr int kTrainingSteps = 30000, kQuickTrainingSteps = 3000, kSide = 16;
constexpr double kDeviation = 0.05, kLr = 1e-3;

// 1 and then about `per_decade` stops per factor of ten, up to `last`.
std::set<int> stops_up_to(int last, int per_decade) {
  std::set<int> stops = {last};
  for (int n = 0;; ++n) {
    const int stop = static_cast<int>(std::lround(std::pow(10.0, n / double(per_decade))));
    if (stop >= last) return stops;
    stops.insert(stop);
  }
}

FeatureCandidate vae_candidate(std::shared_ptr<const Training> training, std::size_t state) {
  const NetworkState& at = training->states[state];
  FeatureCandidate candidate;
  candidate.steps = at.trunk.record.inner_steps;
  candidate.num_features = at.width(at.num_layers());
  candidate.encode = [training, state](std::span<const float> rows, std::int64_t num_rows,
                                       std::span<float> out) {
    const NetworkState& from = training->states[state];
    encode_state(from, rows, num_rows, from.num_layers(), out);
  };
  return candidate;
}

using Encoders = std::shared_ptr<const std::vector<Encoder>>;

FeatureCandidate rule_candidate(Encoders encoders, std::size_t state) {
  const Encoder& encoder = (*encoders)[state];
  FeatureCandidate candidate;
  candidate.steps = encoder.record.inner_steps;
  candidate.num_features = encoder.num_features();
  candidate.encode = [encoders, state](std::span<const float> rows, std::int64_t num_rows,
                                       std::span<float> out) {
    const Encoder& from = (*encoders)[state];
    encode(from, rows, num_rows, from.num_layers(), out);
  };
  return candidate;
}

struct Course {
  double highest = -1, last = 0;
  std::int64_t highest_at = 0;
  void add(std::int64_t step, double accuracy) {
    last = accuracy;
    if (accuracy <= highest) return;
    highest = accuracy;
    highest_at = step;
  }
  std::string text() const {
    return fmt::format("peaks at {:.3f} (step {}) and ends at {:.3f}", highest, highest_at, last);
  }
};

Figure objective_figure(const std::vector<ObjectivePoint>& trace, const Workbench& bench) {
  LineChart chart;
  chart.id = "mismatch-objective-" + bench.slug();
  chart.title = fmt::format("{}: the VAE's own objective", bench.name());
  chart.description = fmt::format("{}, in nats per row: from {:.1f} to {:.1f}.", chart.title,
                                  trace.front().objective, trace.back().objective);
  chart.x_title = "training step";
  chart.y_title = "lower bound of log p(x), nats";
  chart.is_x_log = true;
  Line line{"vae", {}, LineStyle::kBold, false};
  for (const ObjectivePoint& point : trace) {
    line.points.push_back({static_cast<double>(point.step), point.objective, kNoValue});
  }
  chart.lines = {line};
  return line_figure(chart);
}

AutoencoderOptions vae_options(const ExperimentOptions& options, const Workbench& bench) {
  AutoencoderOptions vae;
  vae.kind = AutoencoderKind::kVariational;
  vae.model = usual_model();
  vae.bernoulli = bench.data().kind == DataKind::kImage;
  vae.deviation = vae.bernoulli ? kDeviation : 0;
  vae.training.lr = kLr;
  vae.seed = options.seed;
  vae.training.num_steps =
      options.training_steps.value_or(options.quick ? kQuickTrainingSteps : kTrainingSteps);
  vae.training.stops = stops_up_to(vae.training.num_steps, options.quick ? 3 : 6);
  vae.training.trace_every = options.quick ? 10 : 50;
  vae.training.should_stop = options.should_stop;
  vae.training.on_step = [&options, name = bench.name()](int step, int steps) {
    if (options.on_progress)
      options.on_progress(fmt::format("{}, vae: step {}/{}", name, step, steps));
  };
  return vae;
}

// Measures a state of a training and adds its row; returns the accuracy. `seconds`: of the
// training, with its first state.
double measured_state(const Workbench& bench, const std::string& method,
                      const FeatureCandidate& candidate, const nlohmann::json& objective,
                      double seconds, ExperimentResult& result) {
  const Measured measured = bench.measure(method, [&] { return fixed_method(method, {candidate}); },
                                          {.num_models = 1, .seconds = seconds});
  nlohmann::json row = {{"dataset", bench.name()},
                        {"method", method},
                        {"step", candidate.steps},
                        {"objective", objective}};
  put(row, measured);
  result.rows.push_back(std::move(row));
  return measured.accuracy;
}

Figure accuracy_figure(const ExperimentResult& result, const Workbench& bench,
                       const std::vector<std::string>& rules) {
  LineChart chart;
  chart.id = "mismatch-" + bench.slug();
  chart.title = fmt::format("{}: accuracy over training", bench.name());
  chart.description = chart.title + ". " + result.finding;
  chart.x_title = "training step";
  chart.y_title = "accuracy";
  chart.is_x_log = true;
  chart.lines = lines_of(result.rows, {"step", {"method"}, "dataset", bench.name(), rules});
  return line_figure(chart);
}

// Only what the measurements will cost: nothing is trained.
void count_states(const Workbench& bench, const std::string& method, std::size_t num_states,
                  double seconds) {
  for (std::size_t n = 0; n < num_states; ++n) {
    bench.measure(method, {}, {.num_models = 1, .seconds = n == 0 ? seconds : 0});
  }
}

Course measure_rule(const Workbench& bench, const RuleCase& each, const ExperimentOptions& options,
                    ExperimentResult& result) {
  const Rule& rule = each.rule();
  const int steps = bench.inner_steps(rule);
  const std::set<int> stops = stops_up_to(steps, options.quick ? 3 : 6);
  Course course;
  const auto encoders = std::make_shared<const std::vector<Encoder>>(
      bench.apply(each.method, rule, usual_model(), {stops.begin(), stops.end()}));
  if (bench.only_counts()) count_states(bench, each.method, stops.size(), 0);
  for (std::size_t n = 0; n < encoders->size(); ++n) {
    const FeatureCandidate candidate = rule_candidate(encoders, n);
    course.add(candidate.steps, measured_state(bench, each.method, candidate, nullptr, 0, result));
  }
  return course;
}

// Adds the sentence and the figure of the VAE's objective.
void measure_vae(const Workbench& bench, const AutoencoderOptions& vae, ExperimentResult& result) {
  // Of the encoder, and the same again of the decoder.
  const double seconds = 2 * bench.training_seconds(vae.model, vae.training.num_steps);
  if (bench.only_counts()) return count_states(bench, "vae", vae.training.stops.size(), seconds);
  Course course;
  const auto training =
      std::make_shared<const Training>(train_autoencoder(*bench.training_rows(), vae));
  const std::vector<ObjectivePoint>& trace = training->trace;
  if (training->states.empty() || trace.empty()) {
    fail("mismatch: expected a VAE that trains on {}, found a loss that is not finite",
         bench.name());
  }
  for (std::size_t n = 0; n < training->states.size(); ++n) {
    const FeatureCandidate candidate = vae_candidate(training, n);
    const auto point = std::ranges::lower_bound(trace, static_cast<int>(candidate.steps), {},
                                                &ObjectivePoint::step);
    const nlohmann::json objective =
        point == trace.end() ? nlohmann::json() : nlohmann::json(point->objective);
    course.add(candidate.steps,
               measured_state(bench, "vae", candidate, objective, n == 0 ? seconds : 0, result));
  }
  add_sentence(
      result.finding,
      fmt::format("{}: the VAE's accuracy {}, while its objective goes from {:.1f} to "
                  "{:.1f} nats.",
                  bench.name(), course.text(), trace.front().objective, trace.back().objective));
  result.figures.push_back(objective_figure(trace, bench));
}

// The paper's data where they are, in the full form.
std::vector<ChosenData> mismatch_data(const ExperimentOptions& options,
                                      std::vector<std::string>& notes) {
  if (options.quick || !options.data.empty()) return image_data(options);
  try {
    load_data("cifar10");
  } catch (const Error& error) {
    notes.push_back(fmt::format("mismatch: other data than the paper's: {}", error.what()));
    return image_data(options);
  }
  ExperimentOptions own = options;
  own.data = {"cifar10"};
  if (own.sides.empty()) own.sides = {kSide};
  return image_data(own);
}

}  // namespace

ExperimentResult run_mismatch(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.settings["base_models"] = 1;
  result.columns = {"dataset", "method", "step", "accuracy", "stderr", "objective"};
  for (const ChosenData& chosen : mismatch_data(options, result.notes)) {
    const Workbench bench(options, chosen);
    const AutoencoderOptions vae = vae_options(options, bench);
    result.settings["training_steps"] = vae.training.num_steps;
    result.settings["lr"] = vae.training.lr;
    result.settings["code"] = vae.code;
    result.settings["deviation"] = vae.deviation;
    measure_vae(bench, vae, result);
    for (const RuleCase& each : rule_cases(options)) {
      const Course course = measure_rule(bench, each, options, result);
      add_sentence(result.finding, fmt::format("{} {}.", capitalized(each.subject), course.text()));
    }
    result.figures.push_back(accuracy_figure(result, bench, rule_methods(options)));
  }
  return result;
}

}  // namespace metaplastic
