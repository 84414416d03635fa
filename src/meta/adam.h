// The outer optimizer: Adam with warm-up, a decaying step, and an exponential average of theta.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "meta/meta_config.h"

namespace metaplastic {

// theta and all that the outer optimizer remembers about it; saved in checkpoints.
struct OuterState {
  std::int64_t outer_step = 0;
  std::vector<float> theta;    // [P]
  std::vector<float> moment1;  // [P]
  std::vector<float> moment2;  // [P]
  std::vector<float> average;  // [P] exponential average of theta
};
OuterState start_outer_state(std::vector<float> theta);

// The first outer step of the cool-down, config.outer_steps when there is none.
std::int64_t cooldown_start(const OuterConfig& config);
double outer_lr_at(const OuterConfig& config, std::int64_t outer_step);

// Scales values to a Euclidean norm of at most max_norm; returns the norm before.
double clip_norm(std::span<float> values, double max_norm);

// Sets to 0 what belongs to tensors that are not among `names`, of a gradient or perturbation [P];
// no names: nothing. Adam leaves a number whose gradient is always 0 where it started.
void keep_trained(const ThetaLayout& layout, const std::vector<std::string>& names,
                  std::span<float> values);

// One update of theta and its average from the (clipped) gradient [P]. What settings are made
// of moves by config.settings_step times as much. What all trait units add to a number of the mix
// or to a setting moves by at most as much as the number itself: each of them takes its share.
void adam_step(const OuterConfig& config, const ThetaLayout& layout,
               std::span<const float> gradient, OuterState& state);

}  // namespace metaplastic
