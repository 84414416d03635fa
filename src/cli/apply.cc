// metaplastic apply: trains an encoder on unlabelled data with a rule, and writes the features.
#include <memory>

#include "apply/encoder_file.h"
#include "apply/feature_file.h"
#include "apply/find_rule.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "data/dataset_rows.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

struct ApplyFlags {
  std::string rule = kDefaultRule;
  std::string data, out, model;
  ApplyOptions options;
  std::optional<int> resize;
  std::optional<std::uint64_t> seed;
  bool quiet = false;
};

// How many inner steps there will be, and why.
std::string describe_steps(const Rule& rule, const ApplyOptions& options) {
  const int batch = options.inner_batch.value_or(rule.inner.inner_batch);
  if (options.inner_steps) {
    return fmt::format("{} inner steps of {} rows, as --steps asks; the rule was judged at {}",
                       *options.inner_steps, batch, rule.inner.inner_steps);
  }
  return fmt::format("{} inner steps of {} rows, the number that the rule was judged at",
                     rule.inner.inner_steps, batch);
}

int run_apply(ApplyFlags& flags) {
  if (flags.out == flags.model) {
    fail("--model: expected another file than --out, found {} for both",
         quote_text(flags.out, 200));
  }
  const FoundRule found = find_rule(flags.rule);
  const Dataset data = load_data(flags.data);
  // Both outputs are opened before the long work: a path that cannot be written fails here.
  FeatureFile features(flags.out);
  if (!flags.model.empty()) AtomicFileWriter{flags.model};
  const Preprocess preprocess = fit_preprocess(data, preprocess_options(data, flags.resize));
  const auto prepared = prepare_rows(preprocess, data);
  Progress progress(flags.quiet);
  progress.note(describe(data));
  progress.note(describe(preprocess));
  progress.note(describe_steps(found.rule, flags.options));
  progress.warn_about(data);

  ApplyOptions& options = flags.options;
  options.seed = flags.seed.value_or(0);
  options.should_stop = stop_requested;
  options.on_step = [&](int step, int steps) {
    progress.update(fmt::format("inner step {}/{}", step, steps));
  };
  Applied applied = apply_rule(found.rule, SliceRows(prepared, 0, data.first_test_row), options);
  progress.finish();
  for (const std::string& line : applied.notes) progress.warn(line);
  for (const std::string& line : applied.health.warnings()) progress.warn(line);
  progress.note(fmt::format("dead units {:.1f} %, effective rank {:.1f} of {}, drift {:.3f}",
                            100 * applied.health.dead_share, applied.health.effective_rank,
                            applied.health.num_features, applied.health.drift));

  Encoder& encoder = applied.encoders.back();
  encoder.preprocess = preprocess;
  encoder.record.rule = found.name;
  encoder.record.rule_sha256 = found.sha256;
  encoder.record.data = flags.data;
  features.write(encoder, *prepared, encoder.num_layers(), stop_requested);
  if (!flags.model.empty()) save_encoder(flags.model, encoder);
  return kExitOk;
}

}  // namespace

Action add_apply(CLI::App& app) {
  auto flags = std::make_shared<ApplyFlags>();
  app.add_option("--rule", flags->rule, "rule file, or the name of a rule that comes along")
      ->capture_default_str()
      ->type_name("RULE");
  add_data(app, flags->data, "unlabelled data; labels are not looked at");
  app.add_option("--out", flags->out, "features of all rows, as .npy")
      ->required()
      ->type_name("FILE");
  app.add_option("--model", flags->model, "also write the encoder, for embed")->type_name("FILE");
  add_base_model(app, flags->options);
  app.add_option_function<std::string>(
         "--variant",
         [flags](const std::string& text) { flags->options.variant = find_variant(text); },
         fmt::format("of a rule that walks among neighbours: {} (default {})",
                     fmt::join(variant_names(), ", "), RuleVariant{}.name))
      ->type_name("NAME");
  add_resize(app, flags->resize);
  add_seed(app, flags->seed, "seed of initial weights and batches");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_apply(*flags); };
}

}  // namespace metaplastic
