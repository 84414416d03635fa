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
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "data/further_rows.h"
#include "io/atomic_file.h"
#include "io/json_lines.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

constexpr int kMaxThreads = 1024;

struct EvaluateFlags {
  std::string rule = kDefaultRule;
  std::string data, unlabelled, json;
  std::vector<std::string> methods = {"learned", "random", "raw", "pca"};
  MethodOptions options;
  int num_tunings = MethodContext{}.num_tunings;
  int threads = std::min(num_hardware_threads(), kMaxThreads);
  DrawOptions draws;
  std::optional<int> resize;
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

int run_evaluate(const EvaluateFlags& flags) {
  const FoundRule found = find_rule(flags.rule);
  const auto methods = make_methods(flags.methods, found.rule, flags.options);
  DrawOptions draws = flags.draws;
  draws.seed = flags.seed.value_or(0);
  Dataset data = with_test_rows(load_data(flags.data), draws.seed);
  if (!flags.unlabelled.empty()) data = with_further_rows(data, load_data(flags.unlabelled));
  if (!flags.json.empty()) AtomicFileWriter{flags.json};
  make_draws(data, draws);  // refuses too few labels before anything is shown or learned
  const Preprocess preprocess = fit_preprocess(data, preprocess_options(data, flags.resize));
  Progress progress(flags.quiet);
  progress.note(describe(data));
  progress.note(describe(preprocess));
  progress.warn_about(data);
  MethodContext context;
  context.seed = draws.seed;
  context.num_threads = flags.threads;
  context.num_tunings = flags.num_tunings;
  context.image = preprocess.output_image;
  context.should_stop = stop_requested;
  context.on_progress = [&](const std::string& line) { progress.update(line); };
  const EvaluationResult result =
      evaluate_methods(data, prepare_rows(preprocess, data), methods, draws, context);
  progress.finish();
  for (const std::string& line : result.notes) progress.warn(line);
  std::fputs(evaluation_table(result).c_str(), stdout);
  if (!flags.json.empty()) write_json_atomically(flags.json, evaluation_json(result));
  return kExitOk;
}

}  // namespace

Action add_evaluate(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  app.add_option("--rule", flags->rule, "rule file, or the name of a rule that comes along")
      ->capture_default_str()
      ->type_name("RULE");
  app.add_option("--data", flags->data, "labelled data; methods learn without the labels")
      ->required()
      ->type_name("SPEC");
  app.add_option("--unlabelled", flags->unlabelled,
                 "further rows that methods learn from; their labels, if any, are left out")
      ->type_name("SPEC");
  add_whole(app, "--shots", flags->draws.shots, 1, 100'000, "labels per class");
  add_whole(app, "--trials", flags->draws.trials, 1, 100'000, "test draws of labels");
  app.add_option_function<std::string>(
         "--methods",
         [flags](const std::string& text) { flags->methods = parse_list("--methods", text); },
         fmt::format("some of {} (default {})", join_names(method_names()),
                     join_names(flags->methods)))
      ->type_name("NAME,...");
  add_base_model(app, flags->options.apply);
  add_whole(app, "--tuning", flags->num_tunings, 1, 1000,
            "trainings that each method with settings to search gets; chosen on validation draws");
  add_whole(app, "--training-steps", flags->options.training_steps, 1, 10'000'000,
            "steps of a training by gradient, batches of 128");
  app.add_option_function<std::string>(
         "--layer",
         [flags](const std::string& text) {
           const std::vector<std::string> names = {"best", "top"};
           if (std::ranges::find(names, text) == names.end()) {
             fail("--layer: expected one of {}, found {}{}", join_names(names), quote_text(text),
                  did_you_mean(text, names));
           }
           flags->options.readout = text == "top" ? Readout::kTopLayer : Readout::kBestLayer;
         },
         "layer that networks are read from: best on validation draws, or top, as apply writes "
         "(default best)")
      ->type_name("NAME");
  add_resize(app, flags->resize);
  add_whole(app, "--threads", flags->threads, 1, kMaxThreads, "worker threads");
  add_seed(app, flags->seed, "seed of draws, initial weights and batches");
  app.add_option("--json", flags->json, "also write the result as JSON")->type_name("FILE");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_evaluate(*flags); };
}

}  // namespace metaplastic
