// metaplastic apply: trains an encoder on unlabelled data with a rule, and writes the features.
#include <algorithm>
#include <memory>
#include <utility>

#include "apply/encoder_file.h"
#include "apply/feature_file.h"
#include "apply/fit_encoder.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "data/dataset_rows.h"
#include "data/row_names.h"
#include "neighbours/constants.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct ApplyFlags {
  std::string rule = kDefaultRule;
  std::string data, out, model, names;
  FitOptions options;
  ReadoutFlags readout;
  int threads = std::min(num_hardware_threads(), kMaxThreads);
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

// How many inner steps there will be, and why.
std::string describe_steps(const Rule& rule, const ApplyOptions& options) {
  const int batch = options.inner_batch.value_or(rule.inner.inner_batch);
  if (options.inner_steps) {
    return fmt::format("{} inner steps of {} rows, as --steps asks; the rule is evaluated at {}",
                       *options.inner_steps, batch, rule.inner.inner_steps);
  }
  return fmt::format("{} inner steps of {} rows, the number that the rule is evaluated at",
                     rule.inner.inner_steps, batch);
}

CommandFiles files_of(const ApplyFlags& flags) {
  CommandFiles files;
  files.reads_rule("--rule", flags.rule);
  files.reads_data("--data", flags.data);
  files.writes("--out", flags.out, feature_endings());
  files.writes("--model", flags.model, {".safetensors"});
  files.writes("--names", flags.names, {".txt"});
  return files;
}

int run_apply(ApplyFlags& flags) {
  files_of(flags).check();
  const FoundRule found = find_rule(flags.rule);
  const Dataset data = load_data(flags.data);
  FeatureFile features(flags.out);
  Progress progress(flags.quiet);
  FitOptions& options = flags.options;
  options.training.num_threads = flags.threads;
  // The first note comes when the data are known to suit.
  bool is_first = true;
  options.on_note = [&](const std::string& line) {
    if (std::exchange(is_first, false)) {
      progress.note(describe(data));
      progress.note(describe_steps(found.rule, flags.options.training));
      progress.warn_about(data);
    }
    progress.note(line);
  };
  options.training.seed = flags.seed.value_or(0);
  options.readout = flags.readout.over({});
  options.training.should_stop = stop_requested;
  options.training.on_step = [&](int step, int steps) {
    progress.update(fmt::format("inner step {}/{}", step, steps),
                    static_cast<double>(step) / steps);
  };
  options.training.on_note = [&](const std::string& line) { progress.warn(line); };
  const Applied applied = fit_encoder(found, data, options);
  progress.finish();
  for (const std::string& line : applied.notes) progress.warn(line);
  for (const std::string& line : applied.health.warnings()) progress.warn(line);
  progress.note(fmt::format("dead units {:.1f} %, effective rank {:.1f} of {}, drift {:.3f}",
                            100 * applied.health.dead_share, applied.health.effective_rank,
                            applied.health.num_features, applied.health.drift));

  const Encoder& encoder = applied.last();
  const int width =
      features.write(encoder, *prepare_rows(encoder.preprocess, data), encoder.readout,
                     stop_requested, flags.threads, applied.places.get());
  if (!flags.model.empty()) save_encoder(flags.model, encoder);
  if (!flags.names.empty()) write_row_names(flags.names, data);
  progress.note(
      fmt::format("wrote {} rows of {} features to {}", data.num_rows(), width, flags.out));
  if (!flags.model.empty()) {
    progress.note(
        fmt::format("wrote the encoder to {0}; next: metaplastic embed --model {0} "
                    "--data SPEC --out FILE",
                    flags.model));
  }
  return kExitOk;
}

}  // namespace

Action add_apply(CLI::App& app) {
  auto flags = std::make_shared<ApplyFlags>();
  app.add_option("--rule", flags->rule, "rule file, or the name of a bundled rule")
      ->capture_default_str()
      ->type_name("RULE");
  add_data(app, flags->data, "unlabelled data; labels are not looked at");
  app.add_option("--out", flags->out, "features of all rows, as .npy, .csv or .tsv")
      ->required()
      ->type_name("FILE");
  app.add_option("--model", flags->model, "also write the encoder, for embed")->type_name("FILE");
  app.add_option("--names", flags->names, kNamesHelp)->type_name("FILE");
  add_base_model(app, flags->options.training);
  add_layers(app, flags->options.layers);
  add_views(app, flags->options.views);
  add_readout(app, flags->readout, "top");
  app.add_option_function<std::string>(
         "--variant",
         [flags](const std::string& text) { flags->options.training.variant = find_variant(text); },
         fmt::format("of a rule that walks among neighbours: {} (default {})",
                     fmt::join(variant_names(), ", "), RuleVariant{}.name))
      ->type_name("NAME");
  add_whole(app, "--pool", flags->options.training.pool_rows, 2, 1 << 27,
            fmt::format("rows among which a rule looks for neighbours (default {}, fewer of wide "
                        "rows); above {} a search is approximate",
                        kNeighbourhood.pool, kNeighbourhood.exact_pool));
  add_resize(app, flags->options.resize);
  add_whole(app, "--threads", flags->threads, 1, kMaxThreads,
            "threads that share each inner step; the features are the same for any number");
  add_seed(app, flags->seed, "seed of initial weights and batches");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags, &app] {
    check_layers_alone(app, flags->options.layers);
    return run_apply(*flags);
  };
}

}  // namespace metaplastic
