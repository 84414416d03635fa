// The whole state of a meta-training run between two outer steps, as one safetensors file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meta/adam.h"
#include "meta/trajectory.h"

namespace metaplastic {

struct BestRule {
  std::int64_t outer_step = -1;  // -1: none yet
  double accuracy = 0;           // on meta-validation
  std::vector<float> theta;      // [P]
};

struct RunState {
  std::uint64_t seed = 0;
  OuterState outer;
  std::vector<Slot> slots;
  BestRule best;
  std::int64_t last_validation = -1;  // outer step of the last scheduled validation
  std::int64_t non_finite_truncations = 0;
  std::vector<double> start_accuracies;  // of the start on the held-out tasks (validation.paired)
  double seconds = 0;                    // spent in earlier sittings too; for the record only
};

// Atomic: a reader sees the old or the new checkpoint.
void save_checkpoint(const std::string& path, const MetaConfig& config, const RunState& state);

// Throws Error, naming the file, when it is damaged, of another kind or newer version, or was made
// with another config. How often to save may differ, and so may outer.outer_steps and
// outer.cooldown, as long as the steps that are done would have been the same. Options that the
// file does not name are taken to have been at their defaults: versions of the program differ in
// them. The slots have their states, not yet their tasks (reopen_slot).
RunState load_checkpoint(const std::string& path, const MetaConfig& config);

}  // namespace metaplastic
