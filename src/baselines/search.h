// The search that every baseline with settings to tune gets: num_tunings trainings, each with a
// learning rate and a size from the same list, side by side on the context's threads. The protocol
// then chooses among what they offer, on validation draws.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "baselines/training.h"
#include "eval/method.h"

namespace metaplastic {

// Learning rate of trial 0, 1, ..: 1e-3 first, then spread over 2e-4 .. 1e-2 (golden section, in
// the logarithm), so that any number of trials covers the range.
double search_lr(int trial);
// Sizes in turn, the usual one first.
int search_size(int trial, std::initializer_list<int> sizes);
// What all trials keep a state at: an eighth, a half and all of the steps.
std::set<int> search_stops(int num_steps);
// What a training of the search begins with: rate, steps, stops and when to break off.
TrainingOptions search_options(int trial, int num_steps, const MethodContext& context);

// One training of the search.
struct Trial {
  int number = 0;           // 0-based; also the run that its random streams belong to
  nlohmann::json settings;  // of this trial, as evaluate's JSON shows them
  Training training;
};

// Runs trials 0..num_tunings-1 and returns them in order. `train` gets the trial to fill, and
// options with stops, progress and stopping set; it may run on any thread.
std::vector<Trial> run_search(
    const std::string& method, int num_steps, const MethodContext& context,
    const std::function<void(Trial& trial, TrainingOptions options)>& train);

// The candidates of all trials. A trial that broke off is told in `notes`, one line each; throws
// Error when none has a state to offer.
std::vector<FeatureCandidate> search_candidates(const std::string& method,
                                                std::vector<Trial> trials, ReadLayers layers,
                                                std::vector<std::string>& notes);

}  // namespace metaplastic
