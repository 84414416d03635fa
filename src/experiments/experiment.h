// The experiments of the paper, one file each: a claim, what is varied, what came out.
// The protocol that all share: workbench.h. What is written: result_file.h. Uses:
// docs/experiments.md.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apply/find_rule.h"
#include "chart/chart.h"
#include "experiments/measurement_log.h"

namespace metaplastic {

struct ExperimentOptions {
  std::vector<FoundRule> rules;   // at least one, each measured beside the others
  std::vector<std::string> data;  // SPECs; empty: the experiment's own choice
  std::vector<int> sides;         // larger images shrink to each of these; empty: by the layers
  std::string run;                // folder of a meta-training run, for its checkpoints; "": none
  std::string out;                // folder of the results; exists
  bool quick = false;             // fewer points, draws and rows: a look in under a minute or two
  std::uint64_t seed = 0;
  int num_threads = 1;             // never changes a result
  std::optional<int> inner_steps;  // nothing: what the rule is evaluated at
  // Instead of the form's own: base models behind each number, steps of a training by gradient, and
  // trainings that each method with settings or variants to search gets.
  std::optional<int> num_models, training_steps, num_tunings;
  int form_num_tunings = 1;  // where num_tunings says nothing (default_num_tunings)
  std::function<void(const std::string&)> on_progress;  // one short line; may be empty
  std::function<bool()> should_stop;                    // may be empty
  MeasurementLog* log = nullptr;                        // of measurements; may be null
};

// A picture that is no chart, as PNG files for a light and for a dark page.
struct ThemedPicture {
  std::string id, title, alt;
  std::vector<std::byte> light, dark;
};

struct ExperimentResult {
  nlohmann::json settings = nlohmann::json::object();  // what was held fixed
  std::vector<std::string> columns;                    // of the rows, in the order of a table
  std::vector<nlohmann::json> rows;                    // objects; every number of the experiment
  std::vector<Figure> figures;                         // at least one
  std::vector<ThemedPicture> pictures;
  std::string finding;             // what the numbers say, made from them
  std::vector<std::string> notes;  // one line each
};

struct Experiment {
  std::string name;
  std::string claim;  // what the paper says, with its place
  ExperimentResult (*run)(const ExperimentOptions&);
  // The full form searches settings of baselines and variants of rules, as evaluate does. Without,
  // each rule is applied as its file says.
  bool searches = false;
};

// Trainings that each method gets where the user says no number.
int default_num_tunings(const Experiment& experiment, bool quick);

// In the order of the paper.
const std::vector<Experiment>& experiments();
// Throws Error with the nearest name.
const Experiment& find_experiment(const std::string& name);

ExperimentResult run_ablation(const ExperimentOptions& options);
ExperimentResult run_activation(const ExperimentOptions& options);
ExperimentResult run_architecture(const ExperimentOptions& options);
ExperimentResult run_data_size(const ExperimentOptions& options);
ExperimentResult run_embedding(const ExperimentOptions& options);
ExperimentResult run_few_shot(const ExperimentOptions& options);
ExperimentResult run_filters(const ExperimentOptions& options);
ExperimentResult run_layers(const ExperimentOptions& options);
ExperimentResult run_meta_curves(const ExperimentOptions& options);
ExperimentResult run_mismatch(const ExperimentOptions& options);
ExperimentResult run_permutation(const ExperimentOptions& options);
ExperimentResult run_text(const ExperimentOptions& options);

}  // namespace metaplastic
