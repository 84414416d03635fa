// metaplastic embed: features of new rows by an encoder that apply wrote.
#include <memory>

#include "apply/encoder_file.h"
#include "apply/feature_file.h"
#include "base/stop.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct EmbedFlags {
  std::string model, data, out;
};

int run_embed(const EmbedFlags& flags) {
  const Encoder encoder = load_encoder(flags.model);
  const Dataset data = load_data(flags.data);
  const auto prepared = prepare_rows(encoder.preprocess, data);
  Progress progress(/*quiet=*/true);
  progress.warn_about(data);
  for (const std::string& line : notes_on(encoder.preprocess, data)) progress.warn(line);
  FeatureFile(flags.out).write(encoder, *prepared, encoder.num_layers(), stop_requested);
  return kExitOk;
}

}  // namespace

Action add_embed(CLI::App& app) {
  auto flags = std::make_shared<EmbedFlags>();
  app.add_option("--model", flags->model, "encoder that apply wrote")
      ->required()
      ->type_name("FILE");
  app.add_option("--data", flags->data, "data of the same kind")->required()->type_name("SPEC");
  app.add_option("--out", flags->out, "features of all rows, as .npy")
      ->required()
      ->type_name("FILE");
  return [flags] { return run_embed(*flags); };
}

}  // namespace metaplastic
