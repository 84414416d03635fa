// SoftHebb, a local rule set by hand: units compete softly for every window, and all but the winner
// move away from it.            [Moraitis et al. 2022; Journe et al. 2023, equations (1) and (2)]
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "apply/fit_encoder.h"
#include "eval/method.h"

namespace metaplastic {

struct SoftHebbOptions {
  int units = 128;
  double lr = 0.08;        // of a unit that is one away from the unit sphere
  double temperature = 1;  // of the softmax
  double radius = 5;       // mean length of the first weights
  int num_steps = 3000, batch = 128;
  std::uint64_t seed = 0;
  std::uint32_t run = 0;
};

// u_k = w_k . x;  y = softmax(u / temperature), with its sign changed but for the largest;
//   step_k = sum over windows of y_k (x - u_k w_k)
// over its largest entry, times lr sqrt(| |w_k| - 1 |), is added to w_k: units come to rest on the
// unit sphere. weights [U,K], windows [B,K].
void softhebb_step(std::span<const float> windows, int num_inputs, double lr, double temperature,
                   std::span<float> weights);

// Weights [U,K] after num_steps of batches of rows [N,K]. A function of rows and options.
std::vector<float> train_softhebb(const RowSource& windows, const SoftHebbOptions& options);

// "softhebb": units are read as max(0, u_k - mean of u), pooled.
std::unique_ptr<FeatureMethod> softhebb_method(const FitOptions& options, int num_steps);

}  // namespace metaplastic
