// The interface of everything that evaluate compares: a way to features that sees no labels.
// Methods live in src/baselines/ (one file each) and in eval/learned_method.h.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "eval/stopped.h"

namespace metaplastic {

// One setting of a method: a layer, a stopping step, a number of components, ...
struct FeatureCandidate {
  nlohmann::json settings = nlohmann::json::object();  // as evaluate's JSON shows it
  std::int64_t steps = 0;                              // training steps that it stands for
  int num_features = 0;
  // Prepared rows [N,U_0] -> out [N,num_features].
  std::function<void(std::span<const float> rows, std::int64_t num_rows, std::span<float> out)>
      encode;
};

struct MethodContext {
  std::uint64_t seed = 0;
  std::function<void(const std::string&)> on_progress;  // one short line; may be empty
  std::function<bool()> should_stop;                    // may be empty
};

class FeatureMethod {
 public:
  virtual ~FeatureMethod() = default;
  virtual std::string name() const = 0;
  // Learns from prepared, unlabelled training rows and returns what the protocol may choose from;
  // never empty. A function of rows and seed.
  virtual std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                            const MethodContext& context) = 0;
  // What the user should know after fit, one line each.
  virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace metaplastic
