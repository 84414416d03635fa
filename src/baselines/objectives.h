// Losses of the gradient-trained baselines. Each returns its value and adds its derivative to the
// bars of its inputs, so that Tape::backward can go on from there. Losses are means over the B
// examples; targets have the layout of the values they belong to.
#pragma once

#include <span>

#include "tensor/ops.h"

namespace metaplastic {

// -log p(target | logits) of independent Bernoulli inputs in [0,1].  logits, target [U,1,B]
//   sum_u softplus(logit) - target logit;  bar: sigmoid(logit) - target
template <class T>
double bernoulli_loss(Tape<T>& tape, const Var<T>& logits, std::span<const T> target);

// -log p(target | mean) of normal inputs of variance 1, without its constant: sum_u (x - target)^2
// / 2.  x, target [U,1,B]
template <class T>
double squared_loss(Tape<T>& tape, const Var<T>& x, std::span<const T> target);

// -log p(target | mean, deviation^2) of normal inputs whose mean is in [0,1], sigmoid(logit).
//   sum_u (sigmoid(logit) - target)^2 / (2 deviation^2) + log(deviation) + log(2 pi) / 2
// logits, target [U,1,B], deviation > 0
template <class T>
double pixel_loss(Tape<T>& tape, const Var<T>& logits, std::span<const T> target, double deviation);

// KL divergence of N(mean, deviation^2) from N(0, 1).  mean, deviation [k,1,B], deviation > 0
//   sum_k (mean^2 + deviation^2 - 1) / 2 - log(deviation)
template <class T>
double divergence_loss(Tape<T>& tape, const Var<T>& mean, const Var<T>& deviation);

// Softmax cross-entropy.  logits [Y,1,B], labels [B] in 0..Y-1
template <class T>
double cross_entropy_loss(Tape<T>& tape, const Var<T>& logits, std::span<const int> labels);

}  // namespace metaplastic
