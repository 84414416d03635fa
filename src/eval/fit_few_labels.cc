#include "eval/fit_few_labels.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Each variant's encoder. Trainings share the layers below the last group, and the pool of
// neighbours.
std::vector<Encoder> train_encoders(const FoundRule& found, const std::string& name,
                                    const Preprocess& preprocess,
                                    std::shared_ptr<const RowSource> training_rows,
                                    const FewLabelRequest& request,
                                    std::vector<std::string>& notes) {
  Foundation foundation = fit_foundation(found, preprocess, std::move(training_rows), request.fit);
  foundation.data = name;
  FitOptions options = request.fit;
  const auto count = static_cast<int>(request.variants.size());
  if (has_variants(found.rule.sizes) && count > 1) {
    options.training.pool = std::make_shared<TrainingPool>(*foundation.rows, options.training.seed);
  }
  std::vector<Encoder> encoders;
  for (const RuleVariant& variant : request.variants) {
    options.training.variant = variant;
    Applied applied = fit_last_group(found, foundation, options);
    if (encoders.empty()) {
      notes = applied.notes;
      std::ranges::move(applied.health.warnings(), std::back_inserter(notes));
    }
    encoders.push_back(std::move(applied.encoders.back()));
  }
  return encoders;
}

void add_classifier(std::span<const Encoder> encoders, const LabelledRows& labelled,
                    const FewLabelOptions& options, int num_threads, FewLabelFit& fit) {
  ThreadPool pool(num_threads);
  fit.choice = choose_readout(encoders, labelled, options, pool);
  fit.encoder = with_classifier(encoders, labelled, fit.choice);
  for (const Encoder& encoder : encoders) fit.variants.push_back(encoder.record.variant);
  fit.table = few_label_table(fit.choice, encoders);
}

}  // namespace

LabelledRows labelled_rows(const Dataset& data, const RowSource& prepared) {
  std::vector<std::int64_t> numbers;
  std::vector<int> place(data.class_names.size(), -1);
  for (std::int64_t row = 0; row < data.first_test_row && !data.labels.empty(); ++row) {
    const int label = data.labels[static_cast<std::size_t>(row)];
    if (label == kNoLabel) continue;
    numbers.push_back(row);
    place[static_cast<std::size_t>(label)] = 0;
  }
  if (numbers.empty()) {
    fail("{}: expected rows with a label, found none; name the label column and fill in a few",
         printable(data.name, 200));
  }
  LabelledRows labelled;
  for (std::size_t y = 0; y < place.size(); ++y) {
    if (place[y] < 0) continue;
    place[y] = static_cast<int>(labelled.class_names.size());
    labelled.class_names.push_back(data.class_names[y]);
  }
  for (const std::int64_t row : numbers) {
    labelled.labels.push_back(
        place[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)])]);
  }
  labelled.rows.resize(numbers.size() * static_cast<std::size_t>(prepared.num_features()));
  gather_rows(prepared, numbers, labelled.rows);
  return labelled;
}

FewLabelFit fit_few_labels(const FoundRule& rule, const Dataset& data,
                           const FewLabelRequest& request) {
  METAPLASTIC_CHECK(!request.variants.empty());
  FewLabelRequest chosen = request;
  if (!chosen.fit.layers) chosen.fit.layers = default_layer_choice(data, rule.rule.sizes);
  const Preprocess preprocess =
      fit_preprocess(data, preprocess_options(data, chosen.fit.resize, *chosen.fit.layers));
  const auto prepared = prepare_rows(preprocess, data);
  // Labels that will not do are refused before the long work.
  const LabelledRows labelled = labelled_rows(data, *prepared);
  check_labelled(labelled);
  FewLabelFit fit;
  const std::vector<Encoder> encoders = train_encoders(
      rule, data.name, preprocess, std::make_shared<SliceRows>(prepared, 0, data.first_test_row),
      chosen, fit.notes);
  add_classifier(encoders, labelled, chosen.choice, chosen.fit.training.num_threads, fit);
  return fit;
}

FewLabelFit refit_few_labels(const Encoder& encoder, const Dataset& data,
                             const FewLabelOptions& options, int num_threads) {
  const LabelledRows labelled = labelled_rows(data, *prepare_rows(encoder.preprocess, data));
  check_labelled(labelled);
  FewLabelFit fit;
  add_classifier({&encoder, 1}, labelled, options, num_threads, fit);
  return fit;
}

}  // namespace metaplastic
