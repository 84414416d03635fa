// Constants of pools, walks and second views. None stands inline in the code.
#pragma once

namespace metaplastic {

struct NeighbourConstants {
  double view_noise = 1.2;      // views "two": deviation of the noise over the inputs' deviation
  double noise = 0.4;           // views "neighbours": the same
  int pool = 16384;             // the most examples among which neighbours are searched
  int exact_pool = 32768;       // a larger pool is searched in lists (near_lists.h),
  int lists = 40;               // of which so many are looked at
  int pool_steps = 64;          // inner steps that search the same pool
  int metric_examples = 4096;   // examples by which the distance metric is chosen
  int components = 64;          // principal components that the metric may use
  int choices = 5;              // nearest examples from which a walk chooses
  int hops = 4;                 // mean length of a walk where the metric compares shapes,
  int hops_pool = 4096;         // in a pool of this size
  double sparse_inputs = 0.95;  // inputs are sparse where a larger share of their variance lies
                                // above their mean, averaged over inputs; then
  double sparse_homeostatic_share = 0.6;  // units aim at this
  double sparse_noise = 1;                // and second views have this noise
  double homeostatic_share = 0.875;  // share of its variance above its mean that a unit aims at
};

inline constexpr NeighbourConstants kNeighbourhood{};

}  // namespace metaplastic
