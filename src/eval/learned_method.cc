#include "eval/learned_method.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/thread_pool.h"
#include "eval/layer_candidates.h"

namespace metaplastic {
namespace {

class RuleMethod : public FeatureMethod {
 public:
  RuleMethod(std::string name, Rule rule, const FitOptions& options, ReadLayers layers,
             std::set<int> stops)
      : name_(std::move(name)),
        rule_{std::move(rule), "", "", ""},
        options_(options),
        layers_(layers),
        stops_(std::move(stops)) {}
  std::string name() const override { return name_; }

  std::shared_ptr<const RowSource> own_rows(const Dataset& data) override {
    if (!options_.layers) options_.layers = default_layer_choice(data, rule_.rule.sizes);
    if (options_.layers->form == LayerForm::kMlp) return nullptr;
    own_preprocess_ =
        fit_preprocess(data, preprocess_options(data, options_.resize, *options_.layers));
    return prepare_rows(*own_preprocess_, data);
  }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    const std::vector<RuleVariant> variants = variants_to_try(context.num_tunings);
    const auto count = static_cast<int>(variants.size());
    std::vector<Applied> applied(variants.size());
    std::vector<std::string> broken(variants.size());
    const Foundation foundation = foundation_for(training_rows, context);
    std::shared_ptr<const TrainingPool> training_pool;
    if (shares_pool())
      training_pool =
          std::make_shared<TrainingPool>(*foundation.rows, context.seed, nullptr, std::nullopt,
                                         !rule_.rule.sizes.has_trained_metric());
    std::mutex progress_mutex;
    ThreadPool pool(std::min(context.num_threads, count));
    pool.parallel_for(count, [&](int, int number) {
      const auto n = static_cast<std::size_t>(number);
      const auto progress = [&](int step, int steps) {
        const std::lock_guard lock(progress_mutex);
        context.on_progress(fmt::format("{}: training {}/{}, inner step {}/{}", name_, number + 1,
                                        count, step, steps));
      };
      FitOptions options = options_;
      options.training = options_of(variants[n], context);
      options.training.pool = training_pool;
      if (context.on_progress) options.training.on_step = progress;
      if (n == 0 && context.on_note) {
        options.training.on_note = [&](const std::string& line) {
          const std::lock_guard lock(progress_mutex);
          context.on_note(name_ + ": " + line);
        };
      }
      try {
        applied[n] = fit_last_group(rule_, foundation, options);
      } catch (const Error& error) {
        if (n == 0) throw;  // the usual one has to work
        broken[n] = fmt::format("variant {} is left out: {}", variants[n].name, error.what());
      }
    });
    take_notes(applied[0], broken);
    std::vector<FeatureCandidate> candidates;
    const auto stage = layer_stage(foundation.below, options_.training.model.activation);
    for (std::size_t n = 0; n < variants.size(); ++n) {
      nlohmann::json settings = nlohmann::json::object();
      if (searches()) settings = {{"variant", variants[n].name}, {"tunings", count}};
      const std::size_t first = candidates.size();
      add_layer_candidates(std::move(applied[n].encoders), foundation.below.size(), stage, layers_,
                           settings, candidates);
      for (std::size_t c = first; c < candidates.size(); ++c)
        candidates[c].inputs = applied[n].inputs;
    }
    return candidates;
  }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  // Trainings with the same seed share a pool.
  bool shares_pool() const {
    const RuleSizes& sizes = rule_.rule.sizes;
    return (sizes.has_neighbours() || sizes.has_settings()) && *stops_.rbegin() > 0;
  }
  bool searches() const { return has_variants(rule_.rule.sizes) && *stops_.rbegin() > 0; }
  std::vector<RuleVariant> variants_to_try(int num_tunings) const {
    const std::span<const RuleVariant> all = rule_variants();
    const auto count = searches() ? std::min(static_cast<std::size_t>(num_tunings), all.size()) : 1;
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  // The layers below the last group. `rows` outlives it.
  Foundation foundation_for(const RowSource& rows, const MethodContext& context) const {
    FitOptions options = options_;
    options.training.seed = context.seed;
    options.training.should_stop = context.should_stop;
    if (*stops_.rbegin() == 0) options.training.inner_steps = 0;
    if (context.on_progress) {
      options.training.on_step = [&](int step, int steps) {
        context.on_progress(fmt::format("{}: inner step {}/{}", name_, step, steps));
      };
    }
    options.training.num_threads = context.num_threads;
    Preprocess preprocess;
    if (context.preprocess) preprocess = *context.preprocess;
    if (own_preprocess_) preprocess = *own_preprocess_;
    return fit_foundation(rule_, std::move(preprocess),
                          std::shared_ptr<const RowSource>(std::shared_ptr<void>(), &rows),
                          options);
  }
  ApplyOptions options_of(const RuleVariant& variant, const MethodContext& context) const {
    ApplyOptions options = options_.training;
    options.seed = context.seed;
    options.should_stop = context.should_stop;
    options.variant = variant;
    options.inner_steps =
        variant.name == RuleVariant{}.name
            ? *stops_.rbegin()
            : options_.training.inner_steps.value_or(rule_.rule.inner.inner_steps);
    options.snapshots.assign(stops_.begin(), stops_.upper_bound(*options.inner_steps));
    return options;
  }
  // Those of the usual variant speak for all. A random start is not expected to be healthy.
  void take_notes(const Applied& usual, const std::vector<std::string>& broken) {
    notes_ = usual.notes;
    if (*stops_.rbegin() > 0)
      std::ranges::move(usual.health.warnings(), std::back_inserter(notes_));
    std::ranges::copy_if(broken, std::back_inserter(notes_),
                         [](const std::string& line) { return !line.empty(); });
  }

  std::string name_;
  FoundRule rule_;
  FitOptions options_;
  std::optional<Preprocess> own_preprocess_;
  ReadLayers layers_;
  std::set<int> stops_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<FeatureMethod> learned_method(Rule rule, const FitOptions& options,
                                              ReadLayers layers) {
  const int steps = options.training.inner_steps.value_or(rule.inner.inner_steps);
  METAPLASTIC_CHECK(steps >= 1);
  std::set<int> stops = stopping_points(steps);
  // A rule with settings of its own is applied for as long as it was trained.
  if (!options.training.inner_steps && !rule.sizes.has_settings())
    stops.insert({2 * steps, 4 * steps});
  return std::make_unique<RuleMethod>("learned", std::move(rule), options, layers,
                                      std::move(stops));
}

std::unique_ptr<FeatureMethod> random_method(Rule rule, const FitOptions& options,
                                             ReadLayers layers) {
  return std::make_unique<RuleMethod>("random", std::move(rule), options, layers, std::set<int>{0});
}

}  // namespace metaplastic
