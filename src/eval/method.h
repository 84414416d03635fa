// The interface of everything that evaluate compares: a way to features, or to a classifier, whose
// settings the protocol chooses. Methods live in src/baselines/ and in eval/learned_method.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/readout.h"
#include "base/stopped.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "objective/logistic_probe.h"

namespace metaplastic {

// One draw of labels, for candidates that use the labels themselves.
struct LabelledDraw {
  std::span<const float> support;  // prepared rows [n,U_0]
  std::span<const int> labels;     // [n] in 0..num_classes-1
  int num_classes = 0;
  std::span<const float> query;  // prepared rows [m,U_0]
};

// Which layers of a network are candidates: one, as in Readout, or nothing: every one, and all
// side by side.
using ReadLayers = std::optional<int>;
inline constexpr ReadLayers kEveryLayer = std::nullopt;
// As in Readout, the top layer as its number. Throws Error for a layer that is not there.
std::vector<int> layers_to_try(const ReadLayers& choice, int num_layers);
// The layer that was taken of the choice, for a candidate's settings.
void put_layer(const ReadLayers& choice, int layer, nlohmann::json& settings);

using EncodeRows =
    std::function<void(std::span<const float> rows, std::int64_t num_rows, std::span<float> out)>;

// What several candidates begin with, computed once for all of them.
struct FeatureStage {
  int num_features = 0;
  EncodeRows encode;  // prepared rows [N,U_0] -> out [N,num_features]; by several threads at once
};

// One setting of a method: a layer, a stopping step, a number of components, ...
struct FeatureCandidate {
  nlohmann::json settings = nlohmann::json::object();  // as evaluate's JSON shows it
  std::int64_t steps = 0;                              // training steps that it stands for
  int num_features = 0;
  std::shared_ptr<const FeatureStage> stage;  // or nothing
  // Prepared rows [N,U_0], or the stage's features of them, -> out [N,num_features]; the protocol's
  // probe reads them. Called by several threads at once.
  EncodeRows encode;
  bool is_input = false;  // the features are the prepared rows
  bool spreads = false;   // labels spread along a graph of the features instead of a probe
  float input_scale = 0;  // not 0: the probe reads the inputs, times this, before the features
  float inputs = 1;       // what offer_inputs multiplies that scale by (rule/rule_settings.h)
  // Instead of encode: the classes of the query rows [m]. Called from several threads at once.
  std::function<void(const LabelledDraw& draw, std::span<int> predicted)> classify;
};

// What `encode` takes: the stage's features of prepared rows [N,U_0], or those rows.
std::vector<float> stage_features(const FeatureStage* stage, std::span<const float> rows,
                                  std::int64_t num_rows);

struct MethodContext {
  std::uint64_t seed = 0;
  int num_threads = 1;                  // never changes a result
  int num_tunings = 8;                  // trainings that a method with settings to search may spend
  ProbeKind probe = ProbeKind::kRidge;  // what reads the features
  // Of candidates that encode: inputs beside the features (readout.h), or nothing: with and
  // without.
  std::optional<bool> with_input = false;
  ImageShape image;  // of the prepared rows; size 0 where they are no images
  std::shared_ptr<const Preprocess> preprocess;          // what prepared the rows; may be empty
  std::function<void(const std::string&)> on_progress;   // one short line; may be empty
  std::function<void(const std::string&)> on_note = {};  // a line that stays; may be empty
  std::function<bool()> should_stop;  // may be empty; called from several threads at once
};

class FeatureMethod {
 public:
  virtual ~FeatureMethod() = default;
  virtual std::string name() const = 0;
  // All rows of the data as the method wants them, where its rows differ from those of the other
  // methods; nothing where they do not. Called before all else.
  virtual std::shared_ptr<const RowSource> own_rows(const Dataset&) { return nullptr; }
  // Why the method cannot be used on such rows, to be read after its name: "needs ..."; nothing
  // where it can.
  virtual std::optional<std::string> unsuited(const MethodContext&) const { return {}; }
  // Learns from prepared, unlabelled training rows and returns what the protocol may choose from;
  // never empty. A function of rows, seed and num_tunings.
  virtual std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                            const MethodContext& context) = 0;
  // What the user should know after fit, one line each.
  virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace metaplastic
