#include "baselines/raw.h"

#include <algorithm>

namespace metaplastic {
namespace {

class RawMethod : public FeatureMethod {
 public:
  std::string name() const override { return "raw"; }
  std::vector<FeatureCandidate> fit(const RowSource& training_rows, const MethodContext&) override {
    FeatureCandidate candidate;
    candidate.num_features = training_rows.num_features();
    candidate.is_input = true;
    candidate.settings = {{"features", candidate.num_features}};
    candidate.encode = [](std::span<const float> rows, std::int64_t, std::span<float> out) {
      std::copy(rows.begin(), rows.end(), out.begin());
    };
    return {candidate};
  }
};

}  // namespace

std::unique_ptr<FeatureMethod> raw_method() { return std::make_unique<RawMethod>(); }

}  // namespace metaplastic
