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

namespace metaplastic {

using MakeMethod = std::function<std::unique_ptr<FeatureMethod>()>;

class Workbench {
 public:
  // Loads and prepares the data. `permutation_seed` shuffles the inputs.
  Workbench(const ExperimentOptions& options, const std::string& spec,
            std::optional<std::uint64_t> permutation_seed = std::nullopt);

  const Dataset& data() const { return data_; }
  const Preprocess& preprocess() const { return preprocess_; }
  std::shared_ptr<const RowSource> prepared() const { return prepared_; }
  std::shared_ptr<const RowSource> training_rows() const;
  std::uint64_t seed() const { return options_.seed; }
  const std::string& name() const { return data_.name; }  // the SPEC, for tables and legends
  std::string slug() const;                               // the same as part of a file name

  // The mean over base models of seeds seed, seed + 1, ..; `label` is for the progress line.
  // num_models: instead of num_base_models().
  Measured measure(const std::string& label, const MakeMethod& make, int shots = 10,
                   std::optional<int> num_models = std::nullopt) const;
  // The rule and its random twin on a base model.
  Measured learned(const std::string& label, const Rule& rule, const BaseModel& model,
                   ReadLayers layers = Readout::kTop, int shots = 10) const;
  Measured random(const std::string& label, const BaseModel& model,
                  ReadLayers layers = Readout::kTop, int shots = 10) const;

  // Why the method cannot be used on this data; nothing where it can.
  std::optional<std::string> unsuited(const FeatureMethod& method) const;

  // One encoder per state of the rule's training on this data, as apply makes them.
  Applied apply(const Rule& rule, const BaseModel& model, const std::vector<int>& snapshots) const;
  int inner_steps(const Rule& rule) const;

 private:
  MethodContext context(const std::string& label, int model) const;

  const ExperimentOptions& options_;
  Dataset data_;
  Preprocess preprocess_;
  std::shared_ptr<const RowSource> prepared_;
};

// The base model of the experiments that do not vary it: small enough for a look, and the demo's.
BaseModel usual_model();
// The data of an experiment: what the user named, else digits, and Fashion-MNIST where that is
// installed and the look is not a quick one.
std::vector<std::string> image_data(const ExperimentOptions& options);
// How many base models stand behind each number.
int num_base_models(const ExperimentOptions& options);
// For `settings`: model, draws and shots of the protocol.
nlohmann::json protocol_json(const ExperimentOptions& options);

// "a" values into a row: {"accuracy", "stderr"}.
void put(nlohmann::json& row, const Measured& measured);
// Two rows with what is in `common`: methods "learned" and "random", their steps and values.
void add_learned_and_random(const nlohmann::json& common, const Measured& learned,
                            const Measured& random, std::vector<nlohmann::json>& rows);
// "0.713 +- 0.004".
std::string plus_minus(const Measured& measured);

}  // namespace metaplastic
