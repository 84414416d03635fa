// metaplastic predict: classes of rows by an encoder that classify wrote.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "base/stop.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "eval/predictions.h"
#include "io/atomic_file.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct PredictFlags {
  std::string model, data, out;
  bool quiet = false;
};

// Where rows have labels of their own, how many of them were predicted.
void print_accuracy(const Dataset& data, const RowPredictions& predictions,
                    const std::vector<std::string>& class_names) {
  std::int64_t num_labelled = 0, num_right = 0;
  for (std::size_t n = 0; n < predictions.classes.size() && !data.labels.empty(); ++n) {
    const int label = data.labels[n];
    if (label == kNoLabel) continue;
    ++num_labelled;
    num_right += data.class_names[static_cast<std::size_t>(label)] ==
                 class_names[static_cast<std::size_t>(predictions.classes[n])];
  }
  if (num_labelled == 0) return;
  std::printf("accuracy on the %lld rows that have a label: %.4f\n",
              static_cast<long long>(num_labelled),
              static_cast<double>(num_right) / static_cast<double>(num_labelled));
}

CommandFiles files_of(const PredictFlags& flags) {
  CommandFiles files;
  files.reads("--model", flags.model);
  files.reads_data("--data", flags.data);
  files.writes("--out", flags.out, {".csv"});
  return files;
}

int run_predict(const PredictFlags& flags) {
  files_of(flags).check();
  const Encoder encoder = load_encoder(flags.model);
  if (!encoder.classifier) {
    fail(
        "{}: expected an encoder with a classifier, found one without; make it with classify "
        "--model",
        flags.model);
  }
  const std::vector<std::string>& names = encoder.classifier->class_names;
  const Dataset data = fitted_to(encoder.preprocess, load_data(flags.data));
  Progress progress(flags.quiet);
  progress.warn_about(data);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  const RowPredictions predictions = predict_rows(encoder, *prepare_rows(encoder.preprocess, data),
                                                  std::move(rows), stop_requested);
  write_file_atomically(flags.out, std::string_view(predictions_csv(predictions, names)));
  print_accuracy(data, predictions, names);
  progress.note(fmt::format("wrote {} predictions of {} classes to {}", predictions.rows.size(),
                            names.size(), flags.out));
  return kExitOk;
}

}  // namespace

Action add_predict(CLI::App& app) {
  auto flags = std::make_shared<PredictFlags>();
  app.add_option("--model", flags->model, "encoder with a classifier that classify wrote")
      ->required()
      ->type_name("FILE");
  add_data(app, flags->data, "data of the same kind");
  app.add_option("--out", flags->out, "predictions of all rows, as CSV")
      ->required()
      ->type_name("FILE");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_predict(*flags); };
}

}  // namespace metaplastic
