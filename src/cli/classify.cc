// metaplastic classify: learns from all rows and a few labels, predicts the rows without a label.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "eval/fit_few_labels.h"
#include "eval/predictions.h"
#include "io/atomic_file.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct ClassifyFlags {
  std::string rule = kDefaultRule;
  std::string data, out, model;
  FewLabelRequest request;
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

// Rows without a label, and the official test rows, whose labels are not looked at.
std::vector<std::int64_t> rows_to_predict(const Dataset& data) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < data.num_rows(); ++row) {
    if (row >= data.first_test_row || data.labels[static_cast<std::size_t>(row)] == kNoLabel) {
      rows.push_back(row);
    }
  }
  if (rows.empty()) {
    fail(
        "{}: expected rows without a label to predict, found a label in each of {}; leave labels "
        "empty, or save --model and use predict",
        printable(data.name, 200), data.num_rows());
  }
  return rows;
}

void print_choice(const FewLabelFit& fit, std::size_t num_labelled) {
  std::fputs(fit.table.c_str(), stdout);
  std::printf("out-of-fold accuracy on %zu labelled rows: %.4f (logistic regression alone: %.4f)\n",
              num_labelled, fit.choice.blend.accuracy, fit.choice.logistic().accuracy);
  if (!fit.choice.uses_features()) {
    std::puts("learned features do not help here beyond doubt: logistic regression alone is used");
  }
}

CommandFiles files_of(const ClassifyFlags& flags) {
  CommandFiles files;
  files.reads_rule("--rule", flags.rule);
  files.reads_data("--data", flags.data);
  files.writes("--out", flags.out, {".csv"});
  files.writes("--model", flags.model, {".safetensors"});
  return files;
}

int run_classify(ClassifyFlags& flags) {
  files_of(flags).check();
  const FoundRule found = find_rule(flags.rule);
  const Dataset data = load_data(flags.data);
  if (!data.unusable_labels.empty()) fail("{}", data.unusable_labels);
  if (data.labels.empty()) {
    fail("{}: expected labels of a few rows, found none; name the label column or file",
         printable(data.name, 200));
  }
  std::vector<std::int64_t> rows = rows_to_predict(data);
  Progress progress(flags.quiet);
  progress.note(describe(data));
  progress.warn_about(data);
  FewLabelRequest& request = flags.request;
  request.fit.training.seed = request.choice.seed = flags.seed.value_or(0);
  request.fit.training.should_stop = stop_requested;
  request.fit.training.on_step = [&](int step, int steps) {
    progress.update(fmt::format("learning without labels: inner step {}/{}", step, steps),
                    static_cast<double>(step) / steps);
  };
  request.fit.on_note = [&](const std::string& line) { progress.note(line); };
  const FewLabelFit fit = fit_few_labels(found, data, request);
  progress.finish();
  for (const std::string& line : fit.notes) progress.warn(line);
  std::size_t num_labelled = 0;
  for (std::int64_t row = 0; row < data.first_test_row; ++row) {
    num_labelled += data.labels[static_cast<std::size_t>(row)] != kNoLabel;
  }
  print_choice(fit, num_labelled);
  const RowPredictions predictions = predict_rows(
      fit.encoder, *prepare_rows(fit.encoder.preprocess, data), std::move(rows), stop_requested);
  write_file_atomically(flags.out, std::string_view(predictions_csv(
                                       predictions, fit.encoder.classifier->class_names)));
  if (!flags.model.empty()) save_encoder(flags.model, fit.encoder);
  progress.note(fmt::format("wrote {} predictions of {} classes to {}", predictions.rows.size(),
                            fit.encoder.classifier->num_classes(), flags.out));
  if (!flags.model.empty()) {
    progress.note(fmt::format(
        "wrote the encoder with its classifier to {0}; next: metaplastic predict --model {0} "
        "--data SPEC --out FILE",
        flags.model));
  }
  return kExitOk;
}

}  // namespace

Action add_classify(CLI::App& app) {
  auto flags = std::make_shared<ClassifyFlags>();
  FewLabelRequest& request = flags->request;
  request.fit.training.num_threads = std::min(num_hardware_threads(), kMaxThreads);
  app.add_option("--rule", flags->rule, "rule file, or the name of a bundled rule")
      ->capture_default_str()
      ->type_name("RULE");
  add_data(app, flags->data, "rows, of which a few have a label");
  app.add_option("--out", flags->out, "predictions of the rows without a label, as CSV")
      ->required()
      ->type_name("FILE");
  app.add_option("--model", flags->model, "also write the encoder with its classifier")
      ->type_name("FILE");
  add_base_model(app, request.fit.training);
  add_layers(app, request.fit.layers);
  add_views(app, request.fit.views);
  app.add_option_function<std::string>(
         "--variants",
         [flags](const std::string& text) {
           flags->request.variants.clear();
           for (const std::string& name : parse_list("--variants", text)) {
             flags->request.variants.push_back(find_variant(name));
           }
         },
         "variants of the rule to choose from, one training each (default usual)")
      ->type_name("NAME,...");
  add_whole(app, "--folds", request.choice.folds, 2, 100, "folds of the cross-validation");
  add_whole(app, "--repeats", request.choice.repeats, 1, 100, "repeats of the cross-validation");
  add_resize(app, request.fit.resize);
  add_whole(app, "--threads", request.fit.training.num_threads, 1, kMaxThreads,
            "worker threads; same bits for any");
  add_seed(app, flags->seed, "seed of initial weights, batches and folds");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags, &app] {
    check_layers_alone(app, flags->request.fit.layers);
    return run_classify(*flags);
  };
}

}  // namespace metaplastic
