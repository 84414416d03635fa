#include "session.h"

#include <algorithm>
#include <numeric>

#include "apply/encoder_file.h"
#include "apply/second_views.h"
#include "base/error.h"
#include "eval/fit_few_labels.h"
#include "io/atomic_file.h"
#include "principal_plane.h"

namespace metaplastic {

using Json = nlohmann::json;

Json Session::load(const Json& request) {
  *this = Session();
  Dataset data = load_dataset(request.at("spec").get<std::string>());
  data.name = request.at("name");
  if (request.contains("max")) data.pixel_max = request.at("max");
  Json answer = {{"rows", data.num_rows()},
                 {"kind", kind_name(data.kind)},
                 {"columns", data.column_names},
                 {"classes", data.class_names},
                 {"labels", data.labels},
                 {"notes", data.notes},
                 {"unusable", data.unusable_labels},
                 {"text", describe(data)}};
  answer["image"] = {data.image.height, data.image.width, data.image.channels};
  answer["white"] = data.pixel_max;
  data_ = std::move(data);
  return answer;
}

Json Session::start(const Json& request, const std::function<void(int, int)>& on_step) {
  if (!data_) fail("start: expected data, found none");
  rule_ = find_rule(request.at("rule"));
  options_ = FitOptions{};
  options_.training.seed = request.at("seed");
  options_.training.inner_steps = inner_steps_ =
      request.contains("steps") ? request.at("steps").get<int>() : rule_->rule.inner.inner_steps;
  options_.training.on_step = on_step;
  options_.layers = request.contains("layers")
                        ? parse_layer_choice(request.at("layers").get<std::string>())
                        : default_layer_choice(*data_, rule_->rule.sizes);
  Preprocess preprocess =
      fit_preprocess(*data_, preprocess_options(*data_, options_.resize, *options_.layers));
  prepared_ = prepare_rows(preprocess, *data_);
  foundation_ = fit_foundation(*rule_, std::move(preprocess), prepared_, options_);
  foundation_.data = data_->name;
  if (rule_->rule.sizes.has_neighbours() && inner_steps_ > 0) {
    options_.training.pool =
        std::make_shared<TrainingPool>(*foundation_.rows, options_.training.seed);
  }
  options_.training.on_step = nullptr;
  applied_.reset();
  classifying_.reset();
  predictions_ = by_inputs_ = {};
  points_.clear();
  return {{"inputs", foundation_.preprocess.num_inputs()},
          {"steps", inner_steps_},
          {"notes", foundation_.notes}};
}

Json Session::advance(int inner_steps) {
  if (!rule_ || !prepared_) fail("advance: expected a network that was started, found none");
  const int before = applied_ ? applied_->state.inner_steps : 0;
  options_.training.inner_steps = std::clamp(inner_steps, 0, inner_steps_ - before);
  if (applied_) options_.training.start = std::move(applied_->state);
  applied_ = fit_last_group(*rule_, foundation_, options_);
  look();
  const EncoderLayer& first = encoder().weights_of(1);
  const bool sees_image = encoder().preprocess.kind == DataKind::kImage;
  Json filter = {1, encoder().num_inputs(), 1};
  if (first.spec.kind == LayerKind::kConv) {
    filter = {first.spec.height, first.spec.width, first.in.channels};
  } else if (sees_image && first.in.size() == encoder().num_inputs()) {
    const ImageShape& image = encoder().preprocess.output_image;
    filter = {image.height, image.width, image.channels};
  }
  const int step = applied_->state.inner_steps;
  return {{"step", step},
          {"done", step >= inner_steps_},
          {"filter", filter},
          {"units", first.b.size()},
          {"features", encoder().num_features()},
          {"notes", applied_->notes},
          {"health", applied_->health.warnings()}};
}

void Session::look() {
  const EncoderLayer& first = encoder().weights_of(1);
  const std::size_t units = first.b.size(), size = first.W.size() / units;
  filters_.resize(units * size);
  for (std::size_t u = 0; u < units; ++u) {
    for (std::size_t i = 0; i < size; ++i) filters_[u * size + i] = first.W[i * units + u];
  }
  features_.clear();
  encode_rows(encoder(), *prepared_, encoder().readout,
              [&](std::span<const float> block, std::int64_t) {
                features_.insert(features_.end(), block.begin(), block.end());
              });
  points_ = principal_plane(features_, static_cast<int>(prepared_->num_rows()), points_);
}

const Encoder& Session::encoder() const {
  if (!applied_) fail("expected a network, found none; learn first");
  return applied_->last();
}

Json Session::classify(const Json& request, std::span<const int> labels) {
  Dataset labelled = *data_;
  labels_.assign(labels.begin(), labels.end());
  labelled.labels = labels_;
  labelled.class_names = request.at("classes").get<std::vector<std::string>>();
  labelled.first_test_row = labelled.num_rows();
  FewLabelFit fit = refit_few_labels(encoder(), labelled, FewLabelOptions{}, 1);
  classifying_ = std::move(fit.encoder);
  std::vector<std::int64_t> all(static_cast<std::size_t>(prepared_->num_rows()));
  std::iota(all.begin(), all.end(), 0);
  predictions_ = predict_rows(*classifying_, *prepared_, all);
  const LabelledRows rows = labelled_rows(labelled, *prepared_);
  const Json answer = {{"learned", fit.choice.uses_features()},
                       {"estimate", fit.choice.blend.accuracy},
                       {"inputs", fit.choice.logistic().accuracy},
                       {"classes", rows.class_names}};
  for (ReadoutTrial& trial : fit.choice.trials) trial.weight = 0;
  fit.choice.trials.front().weight = 1;
  by_inputs_ =
      predict_rows(with_classifier({&encoder(), 1}, rows, fit.choice), *prepared_, std::move(all));
  return answer;
}

Json Session::row(const Json& request) const {
  std::vector<float> values(static_cast<std::size_t>(data_->num_features()));
  data_->read_rows(request.at("row").get<std::int64_t>(), 1, values);
  return {{"values", values}};
}

Json Session::save() {
  save_encoder("/out/encoder.safetensors", classifying_ ? *classifying_ : encoder());
  if (!classifying_) return {{"files", {"encoder.safetensors"}}};
  const std::size_t Y = classifying_->classifier->class_names.size();
  RowPredictions others;
  for (std::size_t n = 0; n < labels_.size(); ++n) {
    if (labels_[n] != kNoLabel) continue;
    others.rows.push_back(static_cast<std::int64_t>(n));
    others.classes.push_back(predictions_.classes[n]);
    const auto first = predictions_.probabilities.begin() + static_cast<std::ptrdiff_t>(n * Y);
    others.probabilities.insert(others.probabilities.end(), first,
                                first + static_cast<std::ptrdiff_t>(Y));
  }
  write_file_atomically("/out/predictions.csv",
                        predictions_csv(others, classifying_->classifier->class_names));
  return {{"files", {"encoder.safetensors", "predictions.csv"}}};
}

}  // namespace metaplastic
