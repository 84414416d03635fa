// What the experiments share: one data set made ready, one protocol for every number, and averages
// over base models. The protocol is that of evaluate (docs/evaluation.md).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/preprocess.h"
#include "eval/evaluate.h"
#include "eval/learned_method.h"
#include "experiments/experiment.h"
#include "experiments/measurement_log.h"
#include "experiments/rule_cases.h"

namespace metaplastic {

using MakeMethod = std::function<std::unique_ptr<FeatureMethod>()>;

// Data as a workbench prepares it.
struct ChosenData {
  std::string spec;
  std::optional<int> side = {};  // that larger images shrink to; nothing: by the layers
  std::string name = {};         // for tables and legends; "": the SPEC
};

struct MeasurementOptions {
  int shots = 10;
  std::optional<int> num_models = {};  // instead of num_base_models()
  double seconds = 0;                  // roughly, of one core, to train one model
};

class Workbench {
 public:
  // Loads and prepares the data. `permutation_seed` shuffles the inputs.
  Workbench(const ExperimentOptions& options, const ChosenData& chosen,
            std::optional<std::uint64_t> permutation_seed = std::nullopt);

  const Dataset& data() const { return data_; }
  const Preprocess& preprocess() const { return preprocess_; }
  std::shared_ptr<const RowSource> prepared() const { return prepared_; }
  std::shared_ptr<const RowSource> training_rows() const;
  std::uint64_t seed() const { return options_.seed; }
  ResizeChoice resize() const { return resize_; }    // for methods that prepare rows of their own
  const std::string& name() const { return name_; }  // for tables, with a chosen size
  std::string slug() const;                          // the same as part of a file name

  // The mean over base models of seeds seed, seed + 1, ..; `label` is for the progress line.
  Measured measure(const std::string& label, const MakeMethod& make,
                   const MeasurementOptions& how = {}) const;
  // A rule and its random twin (of the first rule) on a base model, read at the top layer.
  Measured learned(const std::string& label, const Rule& rule, const BaseModel& model) const;
  Measured random(const std::string& label, const BaseModel& model) const;

  // Why the method cannot be used on this data; nothing where it can.
  std::optional<std::string> unsuited(FeatureMethod& method) const;

  // One encoder per state of the rule's training on this data, as apply makes them; kept beside the
  // log, as a measurement is. None while measurements are counted. `own_steps`: not inner_steps().
  std::vector<Encoder> apply(const std::string& label, const Rule& rule, const BaseModel& model,
                             const std::vector<int>& snapshots,
                             std::optional<int> own_steps = std::nullopt) const;
  int inner_steps(const Rule& rule) const;
  // Nothing is measured, only counted (measurement_log.h).
  bool only_counts() const { return options_.log != nullptr && options_.log->only_counts(); }
  // Roughly, of one core, while measurements are counted (else 0): the trainings with a rule, one
  // for each of its variants that the tuning tries. From single steps that are tried.
  double rule_seconds(const Rule& rule, const BaseModel& model) const;
  // The same of one training.
  double apply_seconds(const Rule& rule, const BaseModel& model, int steps) const;
  // Roughly, of one core: a training by gradient.
  double training_seconds(const BaseModel& model, int steps) const;

 private:
  double evaluation_seconds(const DrawOptions& draws) const;
  MethodContext context(const std::string& label, int model) const;

  const ExperimentOptions& options_;
  Dataset data_;
  std::string name_;
  ResizeChoice resize_;
  Preprocess preprocess_;
  std::shared_ptr<const RowSource> prepared_;
};

// The base model of the experiments that do not vary it: small enough for a look, and the demo's.
BaseModel usual_model();
// The data of an experiment: what the user named, else digits, and Fashion-MNIST where the look is
// not a quick one; at each size that the user chose.
std::vector<ChosenData> image_data(const ExperimentOptions& options);
// Each of these at each size that the user chose; small images once.
std::vector<ChosenData> chosen_data(const std::vector<std::string>& specs,
                                    const ExperimentOptions& options);
// How many base models stand behind each number.
int num_base_models(const ExperimentOptions& options);
// How many trainings a baseline with settings to search gets.
int num_tunings(const ExperimentOptions& options);
// For `settings`: model, draws and shots of the protocol.
nlohmann::json protocol_json(const ExperimentOptions& options);

// "a" values into a row: {"accuracy", "stderr"}.
void put(nlohmann::json& row, const Measured& measured);
// A row with what is in `common`, the method, its steps and values.
void add_row(nlohmann::json common, const std::string& method, const Measured& measured,
             std::vector<nlohmann::json>& rows);
// A sentence behind those that are there.
void add_sentence(std::string& text, const std::string& sentence);
// "0.713 +- 0.004".
std::string plus_minus(const Measured& measured);

}  // namespace metaplastic
