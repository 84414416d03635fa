// metaplastic evaluate: compares the features of several methods with few labels.
#include "eval/evaluate.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "apply/find_rule.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "baselines/methods.h"
#include "cli/apply_command.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "data/further_rows.h"
#include "io/json_lines.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct EvaluateFlags {
  std::string rule = kDefaultRule;
  std::string data, unlabelled, json;
  std::vector<std::string> methods = {"learned", "random", "raw", "pca"};
  MethodOptions options;
  int num_tunings = MethodContext{}.num_tunings;
  int threads = std::min(num_hardware_threads(), kMaxThreads);
  DrawOptions draws;
  std::optional<int> trials;
  ResizeChoice resize;
  ProbeKind probe = ProbeKind::kRidge;
  std::optional<std::uint64_t> seed;
  bool with_input = false;
  bool quiet = false;
};

CommandFiles files_of(const EvaluateFlags& flags) {
  CommandFiles files;
  files.reads_rule("--rule", flags.rule);
  files.reads_data("--data", flags.data);
  if (!flags.unlabelled.empty()) files.reads_data("--unlabelled", flags.unlabelled);
  files.writes("--json", flags.json, {".json"});
  return files;
}

int run_evaluate(const EvaluateFlags& flags) {
  files_of(flags).check();
  const FoundRule found = find_rule(flags.rule);
  MethodOptions options = flags.options;
  options.fit.resize = flags.resize;
  const auto methods = make_methods(flags.methods, found.rule, options);
  DrawOptions draws = flags.draws;
  if (flags.trials && draws.shots == kAllShots) {
    fail(
        "--trials: expected labels per class with --shots, found all of them, which are one draw; "
        "leave --trials out");
  }
  draws.trials = flags.trials.value_or(draws.trials);
  draws.seed = flags.seed.value_or(0);
  Dataset data = with_test_rows(load_data(flags.data), draws.seed);
  if (!flags.unlabelled.empty()) data = with_further_rows(data, load_data(flags.unlabelled));
  make_draws(data, draws);  // refuses too few labels before anything is shown or learned
  const Preprocess preprocess =
      fit_preprocess(data, preprocess_options(data, flags.resize, LayerChoice{}));
  Progress progress(flags.quiet);
  progress.note(describe(data));
  progress.note(describe(preprocess));
  progress.warn_about(data);
  MethodContext context;
  context.seed = draws.seed;
  context.num_threads = flags.threads;
  context.num_tunings = flags.num_tunings;
  context.probe = flags.probe;
  if (preprocess.kind == DataKind::kImage) context.image = preprocess.output_image;
  context.preprocess = std::make_shared<const Preprocess>(preprocess);
  context.with_input = flags.with_input;
  if (!flags.with_input && !flags.options.layers) context.with_input.reset();
  context.should_stop = stop_requested;
  context.on_note = [&](const std::string& line) { progress.warn(line); };
  context.on_progress = [&](const std::string& line) { progress.update(line); };
  const EvaluationResult result =
      evaluate_methods(data, prepare_rows(preprocess, data), methods, draws, context);
  progress.finish();
  for (const std::string& line : result.notes) progress.warn(line);
  std::fputs(evaluation_table(result).c_str(), stdout);
  const std::string next = apply_command(result, {flags.rule, flags.data, options.fit});
  if (!next.empty()) std::printf("next: %s\n", next.c_str());
  if (!flags.json.empty()) write_json_atomically(flags.json, evaluation_json(result));
  return kExitOk;
}

void add_draws(CLI::App& app, const std::shared_ptr<EvaluateFlags>& flags) {
  app.add_option_function<std::string>(
         "--shots",
         [flags](const std::string& text) {
           flags->draws.shots =
               text == "all"
                   ? kAllShots
                   : static_cast<int>(parse_whole("--shots", text, 1, 100'000, ", or all"));
         },
         "labels per class (default 10), or all: every label, with one draw")
      ->type_name("N|all");
  add_whole(app, "--trials", flags->trials, 1, 100'000,
            fmt::format("test draws of labels (default {})", flags->draws.trials));
}

}  // namespace

Action add_evaluate(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  app.add_option("--rule", flags->rule, "rule file, or the name of a bundled rule")
      ->capture_default_str()
      ->type_name("RULE");
  add_data(app, flags->data, "labelled data; methods learn without the labels");
  app.add_option("--unlabelled", flags->unlabelled,
                 "further rows that methods learn from; their labels, if any, are left out")
      ->type_name("SPEC");
  add_draws(app, flags);
  app.add_option_function<std::string>(
         "--methods",
         [flags](const std::string& text) { flags->methods = parse_list("--methods", text); },
         fmt::format("some of {} (default {})", join_names(method_names()),
                     join_names(flags->methods)))
      ->type_name("NAME,...");
  add_base_model(app, flags->options.fit.training);
  add_layers(app, flags->options.fit.layers);
  add_views(app, flags->options.fit.views);
  add_whole(app, "--tuning", flags->num_tunings, 1, 1000,
            "trainings that each method with settings to search gets; chosen on validation draws");
  add_whole(app, "--training-steps", flags->options.training_steps, 1, 10'000'000,
            "steps of a training by gradient, batches of 128");
  app.add_option_function<std::string>(
         "--layer",
         [flags](const std::string& text) {
           if (text != "best") flags->options.layers = parse_readout("--layer", text).layer;
         },
         "layer that networks are read from: best on validation draws, a number from 1 up, top, or "
         "all side by side (default best)")
      ->type_name("LAYER");
  app.add_flag(
      "--with-input", flags->with_input,
      "read features of every method with the prepared inputs beside them (default: chosen "
      "on validation draws; with a fixed --layer: without)");
  app.add_option_function<std::string>(
         "--probe", [flags](const std::string& name) { flags->probe = probe_from_name(name); },
         "what reads the features: ridge regression (default), or logistic regression as in the "
         "paper's released code, which takes much longer")
      ->type_name("NAME");
  add_resize(app, flags->resize);
  add_whole(app, "--threads", flags->threads, 1, kMaxThreads, "worker threads");
  add_seed(app, flags->seed, "seed of draws, initial weights and batches");
  app.add_option("--json", flags->json, "also write the result as JSON")->type_name("FILE");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags, &app] {
    check_layers_alone(app, flags->options.fit.layers);
    return run_evaluate(*flags);
  };
}

}  // namespace metaplastic
