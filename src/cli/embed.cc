// metaplastic embed: features of new rows by an encoder that apply wrote.
#include <algorithm>
#include <memory>

#include "apply/encoder_file.h"
#include "apply/feature_file.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "data/row_names.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct EmbedFlags {
  std::string model, data, out, names;
  ReadoutFlags readout;
  bool quiet = false;
  int threads = std::min(num_hardware_threads(), kMaxThreads);
};

CommandFiles files_of(const EmbedFlags& flags) {
  CommandFiles files;
  files.reads("--model", flags.model);
  files.reads_data("--data", flags.data);
  files.writes("--out", flags.out, feature_endings());
  files.writes("--names", flags.names, {".txt"});
  return files;
}

int run_embed(const EmbedFlags& flags) {
  files_of(flags).check();
  const Encoder encoder = load_encoder(flags.model);
  const Dataset data = fitted_to(encoder.preprocess, load_data(flags.data));
  const auto prepared = prepare_rows(encoder.preprocess, data);
  Progress progress(flags.quiet);
  progress.warn_about(data);
  for (const std::string& line : notes_on(encoder.preprocess, data)) progress.warn(line);
  const int width = FeatureFile(flags.out).write(
      encoder, *prepared, flags.readout.over(encoder.readout), stop_requested, flags.threads);
  progress.note(
      fmt::format("wrote {} rows of {} features to {}", prepared->num_rows(), width, flags.out));
  if (!flags.names.empty()) write_row_names(flags.names, data);
  return kExitOk;
}

}  // namespace

Action add_embed(CLI::App& app) {
  auto flags = std::make_shared<EmbedFlags>();
  app.add_option("--model", flags->model, "encoder that apply wrote")
      ->required()
      ->type_name("FILE");
  add_data(app, flags->data, "data of the same kind");
  app.add_option("--out", flags->out, "features of all rows, as .npy, .csv or .tsv")
      ->required()
      ->type_name("FILE");
  add_readout(app, flags->readout, "as the encoder was made");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  add_whole(app, "--threads", flags->threads, 1, kMaxThreads, "worker threads; same bits for any");
  app.add_option("--names", flags->names, kNamesHelp)->type_name("FILE");
  return [flags] { return run_embed(*flags); };
}

}  // namespace metaplastic
