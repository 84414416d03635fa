#include "baselines/spreading_method.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr int kMaxSpreadFeatures = 512;

class SpreadingMethod : public FeatureMethod {
 public:
  explicit SpreadingMethod(std::unique_ptr<FeatureMethod> learned) : learned_(std::move(learned)) {}
  std::string name() const override { return "label-spreading"; }
  std::vector<std::string> notes() const override { return learned_->notes(); }
  std::shared_ptr<const RowSource> own_rows(const Dataset& data) override {
    return learned_->own_rows(data);
  }
  std::optional<std::string> unsuited(const MethodContext& context) const override {
    return learned_->unsuited(context);
  }
  std::vector<FeatureCandidate> fit(const RowSource& rows, const MethodContext& context) override {
    MethodContext one = context;
    one.num_tunings = 1;
    std::vector<FeatureCandidate> candidates = learned_->fit(rows, one);
    const std::int64_t last = candidates.back().steps;
    const int narrowest =
        std::ranges::min(candidates, {}, &FeatureCandidate::num_features).num_features;
    std::erase_if(candidates, [&](const FeatureCandidate& candidate) {
      return candidate.steps != last ||
             candidate.num_features > std::max(kMaxSpreadFeatures, narrowest);
    });
    METAPLASTIC_CHECK(!candidates.empty());
    for (FeatureCandidate& candidate : candidates) {
      candidate.spreads = true;
      candidate.settings["tunings"] = 1;
    }
    return candidates;
  }

 private:
  std::unique_ptr<FeatureMethod> learned_;
};

}  // namespace

std::unique_ptr<FeatureMethod> spreading_method(Rule rule, const FitOptions& options,
                                                ReadLayers layers) {
  FitOptions once = options;  // the steps that the rule was judged at, and no further
  once.training.inner_steps = options.training.inner_steps.value_or(rule.inner.inner_steps);
  return std::make_unique<SpreadingMethod>(learned_method(std::move(rule), once, layers));
}

}  // namespace metaplastic
