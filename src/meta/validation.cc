#include "meta/validation.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/statistics.h"
#include "base/stop.h"
#include "base/stopped.h"
#include "base/thread_pool.h"
#include "meta/conv_model.h"
#include "meta/inner_run.h"
#include "meta/stack_model.h"
#include "objective/best_readout.h"

namespace metaplastic {
namespace {

// The mean over the draws, of the last state; with a readout of evaluate's, the accuracy of all.
Judgement judge_states(const MetaConfig& config, const Architecture& architecture,
                       std::span<const std::vector<float>> states,
                       const std::vector<Probe<float>>& probes, float inputs, Tape<float>& tape) {
  TruncationSettings<float> settings = truncation_settings(config, 1);
  settings.inputs = inputs;
  const auto num_probes = static_cast<double>(probes.size());
  Judgement mean;
  for (const Probe<float>& probe : probes) {
    const Judgement judgement = judge(architecture, states.back().data(), probe, settings, tape);
    mean.accuracy += judgement.accuracy / num_probes;
    mean.meta_loss += judgement.meta_loss / num_probes;
  }
  const std::string& readout = config.validation.readout;
  if (readout != "objective")
    mean.accuracy =
        best_readout_accuracy(architecture, states, probes, tape, readout == "evaluate", inputs);
  return mean;
}

// Streams of a held-out task: phi, rows, conv, stack, phi of the layer below.
constexpr std::uint32_t kRows = 1, kConv = 2, kStack = 3, kBelow = 4;

TrajectorySettings held_out_model(const MetaConfig& config, std::uint64_t seed, int index,
                                  Task& task) {
  const ValidationConfig& validation = config.validation;
  const auto share = [&](std::uint32_t stream) {
    return Random(seed, Purpose::kValidation, static_cast<std::uint64_t>(index), stream).uniform();
  };
  TrajectorySettings settings;
  settings.T = validation.inner_steps;
  settings.inner_batch = config.inner.inner_batch.front();
  Architecture& architecture = settings.architecture;
  architecture.widths = {task.num_inputs()};
  // Every activation with one base model, then with the next.
  const auto turn = static_cast<std::size_t>(index);
  const auto models = validation_widths(validation);
  const std::size_t num_activations = validation.activations.size();
  const std::vector<int>& hidden = models[turn / num_activations % models.size()];
  architecture.widths.insert(architecture.widths.end(), hidden.begin(), hidden.end());
  architecture.activation = activation_from_name(validation.activations[turn % num_activations]);
  if (share(kConv) < validation.conv_share)
    use_conv_model(validation, turn / num_activations, share(kStack) < validation.stack_share, task,
                   settings);
  return settings;
}

}  // namespace

TaskScore score_task(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
                     const std::vector<float>& theta, int index, ValidationWorkspace& workspace) {
  const ValidationConfig& validation = config.validation;
  const auto task_index = static_cast<std::uint64_t>(index);
  Task task = tasks.make_task(seed, task_index, Split::kValidation);
  TrajectorySettings settings = held_out_model(config, seed, index, task);
  settings.rows = draw_rows(config, Random(seed, Purpose::kValidation, task_index, kRows));
  const Architecture& architecture = settings.architecture;
  if (settings.below) {
    learn_below(config, theta, settings, Random(seed, Purpose::kValidation, task_index, kBelow),
                task, workspace.data, workspace.tape);
  }
  std::vector<float> phi = make_phi<float>(architecture, config.inner.phi_init(),
                                           Random(seed, Purpose::kValidation, task_index));
  TaskScore score;
  score.family = task.family();
  std::optional<NeighbourMetric> metric;
  workspace.data.start(task, 0, 1, settings.inner_batch, config, metric, settings.rows);
  std::vector<Probe<float>> probes;  // the same for both states
  for (int p = 0; p < validation.num_probes; ++p) probes.push_back(workspace.data.probe(p));
  score.random_accuracy =
      judge_states(config, architecture, std::span(&phi, 1), probes, 1, workspace.tape).accuracy;
  std::set<int> stops = {validation.inner_steps};
  if (validation.stops) stops = stopping_points(validation.inner_steps);
  const InnerRun run = run_inner(config, theta, architecture, std::move(phi),
                                 validation.inner_steps, stops, workspace.data, workspace.tape);
  const Judgement trained =
      judge_states(config, architecture, run.states, probes, run.inputs, workspace.tape);
  score.accuracy = trained.accuracy;
  score.meta_loss = trained.meta_loss;
  return score;
}

ValidationResult validate_theta(const MetaConfig& config, const TaskDistribution& tasks,
                                std::uint64_t seed, const std::vector<float>& theta,
                                int num_threads, std::vector<TaskScore>* all_scores) {
  const int num_tasks = config.validation.num_tasks;
  std::vector<TaskScore> scores(static_cast<std::size_t>(num_tasks));
  ThreadPool pool(std::min(num_threads, num_tasks));
  std::vector<ValidationWorkspace> workspaces(static_cast<std::size_t>(pool.num_threads()));
  pool.parallel_for(num_tasks, [&](int worker, int index) {
    if (stop_requested()) throw Stopped{};
    scores[static_cast<std::size_t>(index)] =
        score_task(config, tasks, seed, theta, index, workspaces[static_cast<std::size_t>(worker)]);
  });
  if (all_scores) *all_scores = scores;
  return summarize(scores);
}

MetaConfig as_applied(MetaConfig config, const Rule& rule) {
  config.rule = rule.sizes;
  config.inner.inner_lr = rule.inner.inner_lr;
  config.inner.weight_std = rule.inner.weight_std;
  config.inner.bias_std = rule.inner.bias_std;
  config.inner.init = rule.inner.init;
  config.inner.inner_batch = {rule.inner.inner_batch};
  config.inner.phi_mean_share = rule.inner.phi_mean_share;
  config.validation.inner_steps = rule.inner.inner_steps;
  config.estimator = {};  // of training alone, and perhaps at odds with the rule
  config.truncation.judged_state = "last";
  config.validate();
  return config;
}

ValidationResult summarize(const std::vector<TaskScore>& scores) {
  ValidationResult result;
  std::map<std::string, int> counts;
  std::vector<double> accuracies, random_accuracies, losses;
  for (const TaskScore& score : scores) {
    accuracies.push_back(score.accuracy);
    random_accuracies.push_back(score.random_accuracy);
    losses.push_back(score.meta_loss);
    result.by_family[score.family] += score.accuracy;
    ++counts[score.family];
  }
  for (auto& [family, total] : result.by_family) total /= counts[family];
  result.accuracy = mean(accuracies);
  result.standard_error = standard_error(accuracies);
  result.random_accuracy = mean(random_accuracies);
  result.meta_loss = mean(losses);
  result.accuracies = std::move(accuracies);
  return result;
}

PairedDifference paired_difference(const std::vector<TaskScore>& scores,
                                   const std::vector<double>& start) {
  METAPLASTIC_CHECK(scores.size() == start.size());
  PairedDifference paired;
  std::vector<double> differences;
  std::map<std::string, int> counts;
  for (std::size_t n = 0; n < scores.size(); ++n) {
    differences.push_back(scores[n].accuracy - start[n]);
    paired.by_family[scores[n].family] += differences.back();
    ++counts[scores[n].family];
  }
  for (auto& [family, total] : paired.by_family) total /= counts[family];
  paired.accuracy = mean(differences);
  paired.standard_error = standard_error(differences);
  return paired;
}

}  // namespace metaplastic
