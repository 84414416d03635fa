// What the page works on: one data set, an encoder that learns from it step by step, and a
// classifier of the labels that the user has given. Requests and answers are JSON (exports.cc).
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/fit_encoder.h"
#include "data/dataset.h"
#include "eval/predictions.h"

namespace metaplastic {

class Session {
 public:
  // {"spec", "name", "max"}: a data set of the forms npy and csv; "name" goes into the encoder's
  // record. Answer: "rows", "kind", "image", "columns", "classes", "labels", "notes".
  nlohmann::json load(const nlohmann::json& request);
  // {"rule", "layers", "steps", "seed"}: layers below the last group learn here. Answer: "inputs",
  // "steps" of the last group, "notes".
  nlohmann::json start(const nlohmann::json& request,
                       const std::function<void(int step, int steps)>& on_step);
  // So many inner steps more. Answer: "step", "done", "filters", "units", "features".
  nlohmann::json advance(int inner_steps);
  // One label for each row, -1: none; {"classes"} are their names. Answer: "learned" (whether
  // learned features are used), "estimate" (accuracy out of fold), "inputs" (the same for the
  // inputs alone), "classes" (those with labels).
  nlohmann::json classify(const nlohmann::json& request, std::span<const int> labels);
  // {"row"}: the raw values of a row.
  nlohmann::json row(const nlohmann::json& request) const;
  // Writes "/out/encoder.safetensors", and "/out/predictions.csv" of the rows without a label.
  nlohmann::json save();

  // Of the layer nearest to the data: [units, size of a filter].
  std::span<const float> filters() const { return filters_; }
  // Of all rows: [rows, features], as `metaplastic apply` writes them.
  std::span<const float> features() const { return features_; }
  // Principal components of the features: [rows, 2]; turned towards the last one.
  std::span<const float> points() const { return points_; }
  // [rows] and [rows, classes], after classify.
  std::span<const int> predicted() const { return predictions_.classes; }
  // [rows], by a classifier of the inputs alone: what learning has to beat.
  std::span<const int> predicted_by_inputs() const { return by_inputs_.classes; }
  std::span<const float> probabilities() const { return predictions_.probabilities; }

 private:
  void look();  // filters, features and points of the encoder
  const Encoder& encoder() const;

  std::optional<Dataset> data_;
  std::optional<FoundRule> rule_;
  FitOptions options_;
  Foundation foundation_;
  int inner_steps_ = 0;  // of the last group, when done
  std::optional<Applied> applied_;
  std::shared_ptr<const RowSource> prepared_;
  std::optional<Encoder> classifying_;
  std::vector<int> labels_;  // given to classify
  RowPredictions predictions_, by_inputs_;
  std::vector<float> filters_, features_, points_;
};

}  // namespace metaplastic
