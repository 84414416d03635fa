// Applying a rule: dense layers trained on unlabelled rows, without a loss function.
// A complete encoder: fit_encoder.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "apply/health.h"
#include "apply/rule_variant.h"
#include "apply/second_views.h"
#include "base/stopped.h"
#include "rule/rule_file.h"

namespace metaplastic {

// The base model that a rule trains. The defaults are those of meta-validation.
struct BaseModel {
  std::vector<int> hidden = {128, 128};
  int features = 128;
  Unary activation = Unary::kRelu;

  Architecture architecture(int num_inputs) const;
};

// The unfolded weights, from which training can go on with other rows.
struct InnerState {
  std::vector<float> phi;   // [phi_size]
  std::vector<float> mean;  // [phi_size], what is read out (model/mlp.h:update_phi_mean)
  int inner_steps = 0;      // done so far
};

struct ApplyOptions {
  BaseModel model;
  std::optional<InnerState> start;  // nothing: fresh weights; else inner steps are added to its own
  std::optional<int> inner_batch;   // nothing: what the rule was meta-trained with
  std::optional<int> inner_steps;   // nothing: what the rule is evaluated at; 0: a random encoder
  RuleVariant variant;              // of a rule that walks among neighbours
  std::optional<int> pool_rows;     // of such a rule; nothing: second_views.h:pool_size
  // Examples that the rows are of, which a rule that follows the data reads; nothing: every row is
  // one. Rows that are windows are of fewer images.
  std::optional<std::int64_t> num_examples;
  // Of such a rule, of the same rows and seed; nothing: apply_rule makes one.
  std::shared_ptr<const TrainingPool> pool;
  // A second view of every training row, for a rule of two views; nothing: a walk, or noise alone.
  std::shared_ptr<const RowSource> partners;
  // Terms of the rule whose weight is below this share of the largest are left out; nothing:
  // least_weight.
  std::optional<double> least_weight;
  std::uint64_t seed = 0;
  int num_threads = 1;  // that share the work of an inner step; the same bits for any number
  // Further states to keep, each in 0..inner_steps; what evaluate chooses its stopping point from.
  std::vector<int> snapshots;
  std::function<void(int inner_step, int inner_steps)> on_step;
  std::function<bool()> should_stop;  // true: end with Stopped
  // Before the first step, for a line about an unusual cost; empty: it joins Applied's notes.
  std::function<void(const std::string&)> on_note;
};

// Of a layer of so many inputs, where options do not say: 0, which leaves out what acts on nothing;
// more where the inputs are wide and a term costs as much as its weight is small. Measured in
// docs/performance.md, "Wide inputs".
constexpr int kWideInputs = 1536;
constexpr double kLeastWeightOfWide = 0.02;
constexpr double kMostLeastWeight = 0.99;  // with 1 no term would be left
constexpr double least_weight(int num_inputs, std::optional<double> wanted = {}) {
  return wanted.value_or(num_inputs > kWideInputs ? kLeastWeightOfWide : 0.0);
}

struct Applied {
  // One per snapshot in ascending order, then the last state, each once. Never empty. By apply_rule
  // alone they have dense layers and no preprocessing.
  std::vector<Encoder> encoders;
  Health health;                   // of the last state
  std::vector<std::string> notes;  // one line each, e.g. fewer rows than an inner batch
  InnerState state;                // of the last state
  float inputs = 1;                // the rule's setting of this name, for these rows
  // What the layers below the dense ones give of the training rows; nothing where that was not
  // kept, or where there are no such layers.
  std::shared_ptr<const RowSource> places;
  const Encoder& last() const { return encoders.back(); }
};

// Throws Error for a variant or a pool that a rule of these sizes does not have.
void check_suits(const RuleSizes& sizes, const ApplyOptions& options);

// Trains on the prepared training rows [N,U_0]; reads no label. A function of rule, rows, options.
// Batches are drawn without replacement within a batch. Memory: a batch, one inner step's tape, a
// phi per snapshot, and 10,000 rows for the batch norm's statistics. Throws Error for a phi that is
// not finite (with the step), for fewer than two rows, for an architecture out of range, for a
// variant or a pool that the rule does not have, and for more memory than there is (apply_cost.h).
Applied apply_rule(const Rule& rule, const RowSource& training_rows, const ApplyOptions& options);

}  // namespace metaplastic
