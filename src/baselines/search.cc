#include "baselines/search.h"

#include <cmath>
#include <memory>
#include <mutex>
#include <numbers>
#include <string>

#include "base/error.h"
#include "base/thread_pool.h"

namespace metaplastic {

double search_lr(int trial) {
  constexpr double kUsual = 1e-3, kLow = 2e-4, kHigh = 1e-2;
  if (trial == 0) return kUsual;
  const double turns = trial * (std::numbers::phi - 1);
  const double lr = kLow * std::pow(kHigh / kLow, turns - std::floor(turns));
  // Two digits are enough, and read better in a table.
  return std::stod(fmt::format("{:.1e}", lr));
}

int search_size(int trial, std::initializer_list<int> sizes) {
  return sizes.begin()[static_cast<std::size_t>(trial) % sizes.size()];
}

std::set<int> search_stops(int num_steps) {
  return {std::max(1, num_steps / 8), std::max(1, num_steps / 2), num_steps};
}

TrainingOptions search_options(int trial, int num_steps, const MethodContext& context) {
  TrainingOptions options;
  options.lr = search_lr(trial);
  options.num_steps = num_steps;
  options.stops = search_stops(num_steps);
  options.should_stop = context.should_stop;
  return options;
}

std::vector<Trial> run_search(
    const std::string& method, int num_steps, const MethodContext& context,
    const std::function<void(Trial& trial, TrainingOptions options)>& train) {
  METAPLASTIC_CHECK(context.num_tunings >= 1 && num_steps >= 1);
  constexpr int kShowEvery = 20;
  std::vector<Trial> trials(static_cast<std::size_t>(context.num_tunings));
  std::mutex progress_mutex;
  ThreadPool pool(std::min(context.num_threads, context.num_tunings));
  pool.parallel_for(context.num_tunings, [&](int, int n) {
    Trial& trial = trials[static_cast<std::size_t>(n)];
    trial.number = n;
    TrainingOptions options = search_options(n, num_steps, context);
    if (context.on_progress) {
      options.on_step = [&, n](int step, int steps) {
        if (step % kShowEvery != 0) return;
        const std::lock_guard lock(progress_mutex);
        context.on_progress(fmt::format("{}: training {}/{}, step {}/{}", method, n + 1,
                                        context.num_tunings, step, steps));
      };
    }
    trial.settings = {{"lr", options.lr}, {"tunings", context.num_tunings}};
    train(trial, std::move(options));
  });
  return trials;
}

std::vector<FeatureCandidate> search_candidates(const std::string& method,
                                                std::vector<Trial> trials, ReadLayers layers,
                                                std::vector<std::string>& notes) {
  std::vector<FeatureCandidate> candidates;
  for (Trial& trial : trials) {
    if (trial.training.broken_at) {
      notes.push_back(fmt::format("training {} ({}) ended at step {}, where its loss is not finite",
                                  trial.number + 1, trial.settings.dump(),
                                  *trial.training.broken_at));
    }
    const auto states =
        std::make_shared<const std::vector<NetworkState>>(std::move(trial.training.states));
    for (FeatureCandidate& candidate : state_candidates(states, trial.settings, layers)) {
      candidates.push_back(std::move(candidate));
    }
  }
  if (candidates.empty()) {
    fail("method {}: expected a training with finite losses, found none; leave it out of --methods",
         method);
  }
  return candidates;
}

}  // namespace metaplastic
