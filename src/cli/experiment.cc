// metaplastic experiment: one claim of the paper, measured.
#include "experiments/experiment.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

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
#include "cli/progress.h"
#include "experiments/build_commit.h"
#include "experiments/result_file.h"
#include "io/crc32c.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

struct ExperimentFlags {
  std::string name;
  std::vector<std::string> rules = {kDefaultRule};
  ExperimentOptions options;
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

std::string command_line(const ExperimentFlags& flags) {
  const ExperimentOptions& options = flags.options;
  std::string line = "metaplastic experiment " + flags.name;
  for (const FoundRule& rule : options.rules) line += " --rule " + shell_word(rule.name);
  for (const std::string& spec : options.data) line += " --data " + shell_word(spec);
  if (!options.sides.empty()) line += fmt::format(" --resize {}", fmt::join(options.sides, ","));
  if (!options.run.empty()) line += " --run " + shell_word(options.run);
  if (options.inner_steps) line += fmt::format(" --steps {}", *options.inner_steps);
  const auto add = [&](const char* flag, const std::optional<int>& value) {
    if (value) line += fmt::format(" {} {}", flag, *value);
  };
  add("--models", options.num_models);
  add("--training-steps", options.training_steps);
  add("--tuning", options.num_tunings);
  if (options.quick) line += " --quick";
  return line + fmt::format(" --seed {} --out {}", options.seed, shell_word(options.out));
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!std::filesystem::is_directory(path, error)) {
    fail("--out: expected a folder that can be made, found {}; give another one",
         quote_text(path, 200));
  }
}

CommandFiles files_of(const ExperimentFlags& flags) {
  CommandFiles files;
  for (const std::string& rule : flags.rules) files.reads_rule("--rule", rule);
  for (const std::string& spec : flags.options.data) files.reads_data("--data", spec);
  files.reads("--run", flags.options.run);
  files.writes_into("--out", flags.options.out, {flags.name + ".json", ".vl.json", ".png"});
  return files;
}

// What all measurements will cost, counted without doing one.
MeasurementLog count_work(const Experiment& experiment, const ExperimentOptions& options) {
  MeasurementLog counter;
  ExperimentOptions counting = options;
  counting.log = &counter;
  counting.on_progress = {};
  experiment.run(counting);
  return counter;
}

// How long the rest takes: as single steps told, and once a hundredth is measured, at that speed.
class TimeLeft {
 public:
  explicit TimeLeft(const MeasurementLog& log) : log_(log) {}
  void measured() { at_last_ = watch_.seconds(); }
  bool is_known() const { return done() >= kEnough * log_.total_work(); }
  double seconds() const {
    const double rate = is_known() ? at_last_ / done() : 1;
    const double since = watch_.seconds() - at_last_;
    return std::max(0.0, rate * (log_.total_work() - log_.work_done()) - since);
  }

 private:
  static constexpr double kEnough = 0.01;
  double done() const { return log_.work_done() - log_.kept_work(); }

  const MeasurementLog& log_;
  Stopwatch watch_;
  double at_last_ = 0;
};

// Measurements of an experiment that was stopped are kept beside its results, under a name that
// says with which settings and by which program they were made.
std::string log_path(const ExperimentFlags& flags) {
  const ExperimentOptions& options = flags.options;
  std::string settings = command_line(flags);
  for (const FoundRule& rule : options.rules) settings += " " + rule.sha256;
  settings += std::string(" ") + build_commit();
  const std::uint32_t code =
      masked_crc32c(std::as_bytes(std::span<const char>(settings.data(), settings.size())));
  return (std::filesystem::path(options.out) / fmt::format("{}-{:08x}.partial", flags.name, code))
      .string();
}

std::vector<FoundRule> find_rules(const std::vector<std::string>& names) {
  std::vector<FoundRule> rules;
  for (const std::string& name : names) {
    if (std::ranges::count(names, name) > 1) {
      fail("--rule: expected each rule once, found {} twice; give it once", quote_text(name));
    }
    rules.push_back(find_rule(name));
  }
  return rules;
}

int run_command(ExperimentFlags& flags) {
  const Experiment& experiment = find_experiment(flags.name);
  files_of(flags).check();
  ExperimentOptions& options = flags.options;
  options.rules = find_rules(flags.rules);
  options.seed = flags.seed.value_or(0);
  options.form_num_tunings = default_num_tunings(experiment, options.quick);
  make_folder(options.out);
  Progress progress(flags.quiet);
  progress.note(fmt::format("{}: {} {} {}.", experiment.name, experiment.claim,
                            flags.rules.size() == 1 ? "Rule" : "Rules", join_names(flags.rules)));
  MeasurementLog log(log_path(flags));
  log.plan(count_work(experiment, options));
  progress.note(fmt::format("{} measurements, about {} of one core", log.num_planned(),
                            duration_text(log.total_work())));
  if (log.num_kept() > 0) {
    progress.note(
        fmt::format("{} measurements of a run that was stopped are used", log.num_kept()));
  }
  const Stopwatch watch;
  TimeLeft left(log);
  bool is_said = false;
  log.on_measured = [&] {
    left.measured();
    if (is_said || !left.is_known() || left.seconds() == 0) return;
    is_said = true;
    progress.note(fmt::format("about {} for the rest, as far as the measurements so far tell",
                              duration_text(left.seconds())));
  };
  options.log = &log;
  options.should_stop = stop_requested;
  options.on_progress = [&](const std::string& line) {
    progress.update(fmt::format("{}/{} {}, {} left", log.num_done() + 1, log.num_planned(), line,
                                duration_text(left.seconds())));
  };
  ExperimentResult result;
  try {
    result = experiment.run(options);
  } catch (const Stopped&) {
    progress.finish();
    if (log.num_done() > 0) {
      progress.note(fmt::format("{} measurements are kept in {}; the same command goes on there",
                                log.num_done(), log.path()));
    }
    throw;
  }
  progress.finish();
  for (const std::string& line : result.notes) progress.warn(line);
  std::fputs(result_table(result).c_str(), stdout);
  const RunTime time = {watch.seconds(), cpu_seconds() + log.kept_cpu_seconds()};
  const auto paths = write_result(experiment, options, result, command_line(flags), time);
  log.remove_file();
  progress.note(fmt::format("wrote {} files, {} the last", paths.size(), paths.back()));
  return kExitOk;
}

}  // namespace

Action add_experiment(CLI::App& app) {
  auto flags = std::make_shared<ExperimentFlags>();
  flags->options.num_threads = std::min(num_hardware_threads(), kMaxThreads);
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments()) names.push_back(experiment.name);
  app.add_option("name", flags->name, fmt::format("one of {}", fmt::join(names, ", ")))
      ->required()
      ->type_name("NAME");
  app.add_option("--rule", flags->rules,
                 "rule file, or the name of a bundled rule; may be given several times: the rules "
                 "are measured beside each other")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->capture_default_str()
      ->type_name("RULE");
  app.add_option("--out", flags->options.out, "folder of the results: JSON, charts, pictures")
      ->required()
      ->type_name("DIR");
  app.add_option("--data", flags->options.data,
                 "labelled data instead of the experiment's own; may be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("SPEC");
  app.add_option_function<std::string>(
         "--resize",
         [flags](const std::string& text) {
           for (const std::string& part : parse_list("--resize", text)) {
             flags->options.sides.push_back(
                 static_cast<int>(parse_whole("--resize", part, 4, 256)));
           }
         },
         "side that larger images shrink to (default 14); of several, such as 14,28, each is used "
         "in turn")
      ->type_name("N,...");
  app.add_option("--run", flags->options.run,
                 "folder that train wrote, for its rules/step-*.safetensors (meta-curves, text, "
                 "filters)")
      ->type_name("DIR");
  add_whole(app, "--steps", flags->options.inner_steps, 1, 1'000'000,
            "inner steps (default: what the rule is evaluated at)");
  add_whole(app, "--models", flags->options.num_models, 1, 1000,
            "base models of different seeds behind each number (default 3, --quick 1)");
  add_whole(app, "--training-steps", flags->options.training_steps, 1, 10'000'000,
            "steps of a training by gradient (few-shot, permutation, mismatch)");
  add_whole(app, "--tuning", flags->options.num_tunings, 1, 1000,
            "trainings that each method with settings or variants to search gets (default 8 where "
            "methods are compared, else 1; --quick 1)");
  app.add_flag("--quick", flags->options.quick, "fewer points, draws and rows: a first look");
  add_whole(app, "--threads", flags->options.num_threads, 1, kMaxThreads,
            "worker threads; the same numbers for any");
  add_seed(app, flags->seed, "seed of draws, initial weights and batches");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_command(*flags); };
}

}  // namespace metaplastic
