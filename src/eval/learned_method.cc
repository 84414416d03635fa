#include "eval/learned_method.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace metaplastic {
namespace {

// One candidate per state and layer. The encoders are shared: candidates outlive the call.
std::vector<FeatureCandidate> candidates_of(std::shared_ptr<const std::vector<Encoder>> encoders,
                                            Readout readout) {
  std::vector<FeatureCandidate> candidates;
  for (std::size_t e = 0; e < encoders->size(); ++e) {
    const Encoder& encoder = (*encoders)[e];
    const int top = encoder.num_layers();
    for (int layer = readout == Readout::kTopLayer ? top : 1; layer <= top; ++layer) {
      FeatureCandidate candidate;
      candidate.num_features = encoder.architecture.widths[static_cast<std::size_t>(layer)];
      candidate.steps = encoder.record.inner_steps;
      candidate.settings = {{"layer", layer}, {"features", candidate.num_features}};
      if (readout == Readout::kTopLayer) candidate.settings["readout"] = "top";
      candidate.encode = [encoders, e, layer](std::span<const float> rows, std::int64_t num_rows,
                                              std::span<float> out) {
        encode((*encoders)[e], rows, num_rows, layer, out);
      };
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

class RuleMethod : public FeatureMethod {
 public:
  RuleMethod(std::string name, Rule rule, const ApplyOptions& options, Readout readout,
             std::set<int> stops)
      : name_(std::move(name)), rule_(std::move(rule)), options_(options), readout_(readout) {
    options_.inner_steps = *stops.rbegin();
    options_.snapshots.assign(stops.begin(), stops.end());
  }
  std::string name() const override { return name_; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    ApplyOptions options = options_;
    options.seed = context.seed;
    options.should_stop = context.should_stop;
    if (context.on_progress) {
      options.on_step = [&](int step, int steps) {
        context.on_progress(fmt::format("{}: inner step {}/{}", name_, step, steps));
      };
    }
    Applied applied = apply_rule(rule_, training_rows, options);
    notes_ = std::move(applied.notes);
    // A random start is not expected to be healthy.
    if (*options.inner_steps > 0) {
      for (std::string& line : applied.health.warnings()) notes_.push_back(std::move(line));
    }
    return candidates_of(std::make_shared<const std::vector<Encoder>>(std::move(applied.encoders)),
                         readout_);
  }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  std::string name_;
  Rule rule_;
  ApplyOptions options_;
  Readout readout_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<FeatureMethod> learned_method(Rule rule, const ApplyOptions& options,
                                              Readout readout) {
  const int steps = options.inner_steps.value_or(rule.inner.inner_steps);
  METAPLASTIC_CHECK(steps >= 1);
  // The sixteenth is for small tables, where long trainings follow noise (docs/recipe.md).
  std::set<int> stops;
  for (const int part : {16, 4, 1}) stops.insert(std::max(1, steps / part));
  if (!options.inner_steps) stops.insert({2 * steps, 4 * steps});
  return std::make_unique<RuleMethod>("learned", std::move(rule), options, readout,
                                      std::move(stops));
}

std::unique_ptr<FeatureMethod> random_method(Rule rule, const ApplyOptions& options,
                                             Readout readout) {
  return std::make_unique<RuleMethod>("random", std::move(rule), options, readout,
                                      std::set<int>{0});
}

}  // namespace metaplastic
