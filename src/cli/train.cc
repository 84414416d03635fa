// metaplastic train: meta-trains a rule into a run folder, alone or as one rank of several.
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "base/stopped.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/judge_rules.h"
#include "cli/progress.h"
#include "cli/start_score.h"
#include "comm/launch.h"
#include "io/config_reference.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "meta/rank_group.h"
#include "meta/trainer.h"
#include "report/tensorboard.h"
#include "tasks/task_source.h"

namespace metaplastic {
namespace {

constexpr int kMaxRunThreads = 4096;
constexpr double kMaxMinutes = 1e6;
constexpr double kMaxRankTimeout = 3600;

struct TrainFlags {
  std::string config, out, tensorboard;
  double minutes = 0;
  std::optional<int> outer_steps;
  std::optional<int> threads;
  std::optional<std::uint64_t> seed;
  bool resume = false, judge_start = false, quiet = false;
  double rank_timeout = 30;
  std::string options;
  std::vector<std::string> judged, overrides;
  std::string scores;
};

// The forms in which --options lists the options of a config.
const std::vector<std::string> kOptionForms = {"toml", "markdown", "schema"};

int print_options(const std::string& form) {
  if (std::ranges::find(kOptionForms, form) == kOptionForms.end()) {
    fail("--options: expected one of {}, found {}{}", join_names(kOptionForms), quote_text(form),
         did_you_mean(form, kOptionForms));
  }
  const MetaConfig defaults;
  const std::string text = form == "toml" ? commented_toml(defaults)
                           : form == "markdown"
                               ? markdown_table(defaults)
                               : options_schema(defaults, "metaplastic train").dump(1) + "\n";
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

// The cores this process may use: all of them, or a rank's share where the launcher bound none.
int default_threads(const std::optional<Launch>& launch) {
  const int all = num_hardware_threads();
  cpu_set_t allowed;
  const int bound = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : all;
  const int share = launch && bound >= all ? all / std::max(1, launch->ranks_here) : bound;
  return std::clamp(share, 1, kMaxRunThreads);
}

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

// A run of some minutes does not count to the last of its config's steps.
std::string describe(const OuterMetrics& m, const MetaConfig& config, bool timed) {
  const std::string step_text =
      timed ? fmt::format("step {}", m.outer_step)
            : fmt::format("step {}/{}", m.outer_step, config.outer.outer_steps);
  std::string line =
      fmt::format("{}  loss {:.4f}  accuracy {:.3f}  gradient {:.3g}  {:.0f} inner steps/s",
                  step_text, m.meta_loss, m.accuracy, m.gradient_norm,
                  m.seconds > 0 ? static_cast<double>(m.inner_steps) / m.seconds : 0.0);
  if (m.num_non_finite > 0) line += fmt::format("  non-finite {}", m.num_non_finite);
  return line;
}

CommandFiles files_of(const TrainFlags& flags, const MetaConfig& config) {
  CommandFiles files;
  // A run that goes on may read its own config.
  if (!flags.resume) files.reads("--config", flags.config);
  for (const std::string& source : config.tasks.image_sources) {
    for (const std::string& path : parse_task_source(source).paths)
      files.reads("tasks.images", path);
  }
  files.writes_into("--out", flags.out,
                    {"config.toml", "checkpoint.safetensors", "rule.safetensors", "metrics.jsonl"});
  return files;
}

int lead_run(const TrainFlags& flags, const MetaConfig& config, int num_threads, Comm* comm) {
  files_of(flags, config).check();
  Progress progress(flags.quiet);
  RunOptions options;
  options.out = flags.out;
  options.seed = flags.seed.value_or(0);
  options.num_threads = num_threads;
  options.resume = flags.resume;
  options.minutes = flags.minutes;
  options.comm = comm;
  std::optional<TensorBoardLog> log;
  if (!flags.tensorboard.empty()) log.emplace(flags.tensorboard);
  std::optional<ValidationResult> start, last;
  if (flags.judge_start && !flags.resume) {
    start = score_start(config, options.seed, num_threads);
    progress.note(fmt::format("start: meta-validation {:.4f} +- {:.4f} (random encoder {:.4f})",
                              start->accuracy, start->standard_error, start->random_accuracy));
  }
  const Stopwatch watch;
  const auto share_done = [&](std::int64_t outer_step) {
    return flags.minutes > 0
               ? std::min(1.0, watch.seconds() / (60 * flags.minutes))
               : static_cast<double>(outer_step) / static_cast<double>(config.outer.outer_steps);
  };
  options.on_step = [&](const OuterMetrics& metrics) {
    if (log) log->add(metrics);
    progress.update(describe(metrics, config, flags.minutes > 0), share_done(metrics.outer_step));
    if (!metrics.validation) return;
    last = metrics.validation;
    std::string line =
        fmt::format("step {}: meta-validation {:.4f} +- {:.4f} (random encoder {:.4f})",
                    metrics.outer_step, metrics.validation->accuracy,
                    metrics.validation->standard_error, metrics.validation->random_accuracy);
    if (const auto& paired = metrics.validation->paired)
      line += fmt::format(", {:+.4f} +- {:.4f} against the start", paired->accuracy,
                          paired->standard_error);
    progress.note(line);
  };
  options.on_note = [&](const std::string& line) { progress.note(line); };
  const RunEnd end = meta_train(config, options);
  progress.finish();
  if (end == RunEnd::kStopped) return stopped("the run is saved, go on with --resume");
  if (start && last) {
    fmt::print("held-out tasks: random encoder {:.3f}, start {:.3f}, now {:.3f} +- {:.3f}\n",
               last->random_accuracy, start->accuracy, last->accuracy, last->standard_error);
  }
  progress.note(fmt::format(
      "wrote {0}/rule.safetensors, the best rule on meta-validation; next: metaplastic evaluate "
      "--rule {0}/rule.safetensors --data SPEC, or metaplastic report {0} --out FILE",
      flags.out));
  return kExitOk;
}

MetaConfig checked_config(const TrainFlags& flags) {
  MetaConfig config = read_config(flags);
  check_seed(flags, flags.out + "/checkpoint.safetensors");
  return config;
}

int run_rank(const TrainFlags& flags, const Launch& launch, int num_threads) {
  const auto on_lost = [](const std::string& line) {
    std::fprintf(stderr,
                 "metaplastic: %s; the job ends, go on from its last checkpoint with --resume\n",
                 line.c_str());
  };
  const std::unique_ptr<Comm> comm = join_launch(launch, flags.rank_timeout, on_lost);
  if (comm->rank() != 0) {
    serve_rank(*comm, num_threads);
    return kExitOk;
  }
  MetaConfig config;
  try {
    config = checked_config(flags);
  } catch (...) {
    quit_ranks(*comm);
    throw;
  }
  return lead_run(flags, config, num_threads, comm.get());
}

int run_train(const TrainFlags& flags) {
  if (!flags.options.empty()) return print_options(flags.options);
  const std::optional<Launch> launch = find_launch();
  const int num_threads = flags.threads.value_or(default_threads(launch));
  if (!flags.judged.empty()) {
    try {
      judge_rules(read_config(flags), flags.seed.value_or(0), num_threads, flags.judged,
                  flags.scores);
    } catch (const Stopped&) {
      return stopped("what was judged before is above, and in --scores where that is given");
    }
    return kExitOk;
  }
  if (flags.out.empty()) fail("train: --out is required; name a folder for the run");
  if (launch && launch->size > 1) return run_rank(flags, *launch, num_threads);
  return lead_run(flags, checked_config(flags), num_threads, nullptr);
}

}  // namespace

Action add_train(CLI::App& app) {
  auto flags = std::make_shared<TrainFlags>();
  app.add_option("--config", flags->config,
                 "TOML file of options (with --resume: default the run's own)")
      ->type_name("FILE");
  app.add_option("--out", flags->out, "folder of the run")->type_name("DIR");
  app.add_flag("--options{toml}", flags->options,
               "print every option of a config with its default, range and meaning; as a config "
               "file, or with --options=markdown or --options=schema (a JSON schema)");
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
  add_whole(app, "--threads", flags->threads, 1, kMaxRunThreads,
            "worker threads (default: the cores, or a rank's share of them)");
  add_seed(app, flags->seed, "seed of everything random");
  app.add_flag("--resume", flags->resume, "go on with the run in --out");
  app.add_option("--tensorboard", flags->tensorboard,
                 "also write the scalars of the run as TensorBoard event files into this folder")
      ->type_name("DIR");
  app.add_flag("--judge-start", flags->judge_start,
               "also judge the rule that the run starts from on the held-out tasks");
  app.add_option("--judge", flags->judged,
                 "train nothing: judge this rule on the held-out tasks of the config, applied as "
                 "its file says; may be given again, and each is compared with the first, task by "
                 "task")
      ->type_name("RULE")
      ->allow_extra_args(false);
  app.add_option(
         "--scores", flags->scores,
         "with --judge: append each rule's accuracy on each task to this file, as JSON lines")
      ->type_name("FILE")
      ->needs("--judge");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  app.add_option_function<std::string>(
         "--rank-timeout",
         [flags](const std::string& text) {
           flags->rank_timeout = parse_real("--rank-timeout", text, 1, kMaxRankTimeout);
         },
         "seconds without a sign of life after which a rank is lost and the job ends (default: 30)")
      ->type_name("S");
  app.add_option("overrides", flags->overrides, "options of the config, as section.name=value")
      ->type_name("key=value");
  return [flags] { return run_train(*flags); };
}

}  // namespace metaplastic
