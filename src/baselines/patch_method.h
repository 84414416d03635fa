// Baselines of one conv layer: filters that are learned from windows of images or signals, at every
// place, and pooled. They have the images, windows, pools and whitening of `learned`.
// docs/layers.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/fit_encoder.h"
#include "baselines/search.h"
#include "baselines/training.h"
#include "eval/method.h"

namespace metaplastic {

// The layer of trial 0 is that of `learned`; the others vary it, the same for every method.
struct PatchSetting {
  LayerSpec conv;  // whiten: of the windows
  LayerSpec pool;
  bool whitens_views = false;  // a dense layer above them does
};
// image: [1,steps,channels] of signals.
PatchSetting patch_setting(int trial, const LayerChoice& choice, const ImageShape& image);

// Windows of images, normalised and, where the setting says so, whitened.
struct PatchRows {
  std::vector<EncoderLayer> layers;  // conv and pool, without weights
  std::shared_ptr<const RowSource> windows;
  std::shared_ptr<const WindowWhitening> whitening;  // or nothing
};
// `images` outlives it.
PatchRows patch_rows(const PatchSetting& setting, const RowSource& images,
                     const MethodContext& context);

// A filter for each unit, of windows as `rows` gives them: z = W^T x + b, act(z), then the pool.
FeatureCandidate filter_candidate(const PatchRows& rows, FoldedLayer filters);

// Trains `network`, whose stack number `trunk` is the conv layer alone, by the bars of `set_bars`
// (training.h); the stops are those of a search. A candidate for each state, with `settings` and
// the step size of this trial.
std::vector<FeatureCandidate> train_filters(
    Network& network, int trunk, int trial, int num_steps, const PatchRows& rows,
    const MethodContext& context, const nlohmann::json& settings,
    const std::function<ObjectivePoint(int step)>& set_bars);

class PatchMethod : public FeatureMethod {
 public:
  // The options of `learned`: layers and size of images.
  PatchMethod(std::string name, const FitOptions& options);
  std::string name() const override { return name_; }
  std::vector<std::string> notes() const override { return notes_; }
  std::shared_ptr<const RowSource> own_rows(const Dataset& data) override;
  std::optional<std::string> unsuited(const MethodContext& context) const override;
  std::vector<FeatureCandidate> fit(const RowSource& images, const MethodContext& context) override;

 protected:
  // Whether the method can learn from signals as well.
  virtual bool takes_signals() const { return true; }
  // What one trial offers. Trials run side by side.
  virtual std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows,
                                              const RowSource& images,
                                              const MethodContext& context) = 0;

 private:
  std::string name_;
  ResizeChoice resize_;
  std::optional<LayerChoice> layers_;
  ImageShape image_;  // [1,steps,channels] of signals; size 0 of all other rows
  std::vector<std::string> notes_;
};

}  // namespace metaplastic
