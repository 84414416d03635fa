// metaplastic experiment: one claim of the paper, measured.
#include "experiments/experiment.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "experiments/result_file.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

struct ExperimentFlags {
  std::string name;
  std::string rule = kDefaultRule;
  ExperimentOptions options;
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

std::string command_line(const ExperimentFlags& flags) {
  const ExperimentOptions& options = flags.options;
  std::string line =
      fmt::format("metaplastic experiment {} --rule {}", flags.name, shell_word(options.rule.name));
  for (const std::string& spec : options.data) line += " --data " + shell_word(spec);
  if (!options.run.empty()) line += " --run " + shell_word(options.run);
  if (options.inner_steps) line += fmt::format(" --steps {}", *options.inner_steps);
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
  files.reads_rule("--rule", flags.rule);
  for (const std::string& spec : flags.options.data) files.reads_data("--data", spec);
  files.reads("--run", flags.options.run);
  files.writes_into("--out", flags.options.out, {flags.name + ".json", ".vl.json", ".png"});
  return files;
}

int run_command(ExperimentFlags& flags) {
  const Experiment& experiment = find_experiment(flags.name);
  files_of(flags).check();
  ExperimentOptions& options = flags.options;
  options.rule = find_rule(flags.rule);
  options.seed = flags.seed.value_or(0);
  make_folder(options.out);
  Progress progress(flags.quiet);
  progress.note(
      fmt::format("{}: {} Rule {}.", experiment.name, experiment.claim, options.rule.name));
  options.should_stop = stop_requested;
  options.on_progress = [&](const std::string& line) { progress.update(line); };
  const Stopwatch watch;
  const ExperimentResult result = experiment.run(options);
  progress.finish();
  for (const std::string& line : result.notes) progress.warn(line);
  std::fputs(result_table(result).c_str(), stdout);
  const auto paths =
      write_result(experiment, options, result, command_line(flags), watch.seconds());
  progress.note(fmt::format("{} files, {} the last", paths.size(), paths.back()));
  return kExitOk;
}

}  // namespace

Action add_experiment(CLI::App& app) {
  auto flags = std::make_shared<ExperimentFlags>();
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments()) names.push_back(experiment.name);
  app.add_option("name", flags->name, fmt::format("one of {}", fmt::join(names, ", ")))
      ->required()
      ->type_name("NAME");
  app.add_option("--rule", flags->rule, "rule file, or the name of a rule that comes along")
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
  app.add_option("--run", flags->options.run,
                 "folder that train wrote, for its rules/step-*.safetensors (meta-curves, text, "
                 "filters)")
      ->type_name("DIR");
  add_whole(app, "--steps", flags->options.inner_steps, 1, 1'000'000,
            "inner steps (default: what the rule was judged at)");
  app.add_flag("--quick", flags->options.quick, "fewer points, draws and rows: a first look");
  add_seed(app, flags->seed, "seed of draws, initial weights and batches");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_command(*flags); };
}

}  // namespace metaplastic
