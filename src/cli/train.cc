// metaplastic train: meta-trains a rule into a run folder.
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "meta/trainer.h"
#include "report/tensorboard.h"

namespace metaplastic {
namespace {

constexpr int kMaxThreads = 4096;
constexpr double kMaxMinutes = 1e6;

struct TrainFlags {
  std::string config, out, tensorboard;
  double minutes = 0;
  std::optional<int> outer_steps;
  int threads = std::min(num_hardware_threads(), kMaxThreads);
  std::optional<std::uint64_t> seed;
  bool resume = false, quiet = false;
  std::vector<std::string> overrides;
};

MetaConfig read_config(const TrainFlags& flags) {
  MetaConfig config;
  if (flags.config.empty() && !flags.resume) {
    fail("train: --config is required; give a file such as configs/tiny.toml");
  }
  load_toml_file(flags.config.empty() ? flags.out + "/config.toml" : flags.config, config);
  apply_overrides(flags.overrides, config);
  if (flags.outer_steps) config.outer.outer_steps = *flags.outer_steps;
  config.validate();
  return config;
}

// A run keeps its seed: another one on the command line is a mistake, not a wish to be ignored.
void check_seed(const TrainFlags& flags, const std::string& checkpoint) {
  if (!flags.resume || !flags.seed) return;
  const TensorFile file = read_safetensors(checkpoint);
  const auto run = parse_json(file.require_metadata("run"));
  if (run.is_object() && run.contains("seed") && run["seed"] != *flags.seed) {
    fail("--seed: expected {}, the seed of the run in {}, found {}; leave it out to resume",
         run["seed"].dump(), checkpoint, *flags.seed);
  }
}

std::string describe(const OuterMetrics& m, const MetaConfig& config) {
  std::string line =
      fmt::format("step {}/{}  loss {:.4f}  accuracy {:.3f}  gradient {:.3g}  {:.0f} inner steps/s",
                  m.outer_step, config.outer.outer_steps, m.meta_loss, m.accuracy, m.gradient_norm,
                  m.seconds > 0 ? static_cast<double>(m.inner_steps) / m.seconds : 0.0);
  if (m.num_non_finite > 0) line += fmt::format("  non-finite {}", m.num_non_finite);
  return line;
}

int run_train(const TrainFlags& flags) {
  const MetaConfig config = read_config(flags);
  check_seed(flags, flags.out + "/checkpoint.safetensors");
  Progress progress(flags.quiet);
  RunOptions options;
  options.out = flags.out;
  options.seed = flags.seed.value_or(0);
  options.num_threads = flags.threads;
  options.resume = flags.resume;
  options.minutes = flags.minutes;
  std::optional<TensorBoardLog> log;
  if (!flags.tensorboard.empty()) log.emplace(flags.tensorboard, flags.out);
  options.on_step = [&](const OuterMetrics& metrics) {
    if (log) log->add(metrics);
    progress.update(describe(metrics, config));
    if (!metrics.validation) return;
    progress.note(fmt::format("step {}: meta-validation {:.4f} +- {:.4f} (random encoder {:.4f})",
                              metrics.outer_step, metrics.validation->accuracy,
                              metrics.validation->standard_error,
                              metrics.validation->random_accuracy));
  };
  options.on_note = [&](const std::string& line) { progress.note(line); };
  const RunEnd end = meta_train(config, options);
  progress.finish();
  if (end == RunEnd::kStopped) return stopped("the run is saved, go on with --resume");
  return kExitOk;
}

}  // namespace

Action add_train(CLI::App& app) {
  auto flags = std::make_shared<TrainFlags>();
  app.add_option("--config", flags->config,
                 "TOML file of options (with --resume: default the run's own)")
      ->type_name("FILE");
  app.add_option("--out", flags->out, "folder of the run")->required()->type_name("DIR");
  auto* minutes = app.add_option_function<std::string>(
                         "--minutes",
                         [flags](const std::string& text) {
                           flags->minutes = parse_real("--minutes", text, 1e-3, kMaxMinutes);
                         },
                         "stop after so many minutes")
                      ->type_name("M");
  add_whole(app, "--outer-steps", flags->outer_steps, 1, 100'000'000,
            "stop after so many outer steps (default: outer.outer_steps of the config)");
  app.get_option("--outer-steps")->excludes(minutes);
  add_whole(app, "--threads", flags->threads, 1, kMaxThreads, "worker threads");
  add_seed(app, flags->seed, "seed of everything random");
  app.add_flag("--resume", flags->resume, "go on with the run in --out");
  app.add_option("--tensorboard", flags->tensorboard,
                 "also write TensorBoard event files into this folder: scalars and filters")
      ->type_name("DIR");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  app.add_option("overrides", flags->overrides, "options of the config, as section.name=value")
      ->type_name("key=value");
  return [flags] { return run_train(*flags); };
}

}  // namespace metaplastic
