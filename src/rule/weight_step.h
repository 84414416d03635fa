// What theta's readouts do to weights: the terms and their mix.
// [rule-spec "Weight step"; docs/method.md step 5]
#pragma once

#include "rule/theta.h"
#include "tensor/ops.h"

namespace metaplastic {

// The terms in the order of theta's mix.
enum class Term : int {
  kBase,
  kDecay,
  kDecorrelate,
  kHebb,
  kZeroOrder,
  kRbf,
  kFirstOrder,
  kLinUp,
  kLinUpPsd,
  kLinLo,
  kSqrUp,
  kSqrLo,
  kAgree,  // this one and the next: views = "two"
  kSeparate
};
const std::array<std::string_view, kNumTerms + kNumViewTerms>& term_names();

// What separate is multiplied by in a layer of U units. Units of a wide layer see the same few
// modes of the data, so that what they have in common grows with their number.
double separate_share(int U);

// Whether sym(lo, lo') W is computed from its factors, as lo (lo'^T W) and the like, in the place
// of a matrix of U_lo U_lo: where that takes less than half of the operations. `rank` is G B.
bool takes_factors(double U_lo, double U_up, double rank);

// What the step of a weight matrix reads from the layer on one side of it.
template <class T>
struct Side {
  Var<T> s;              // [U,1,B] standardised activations
  Var<T> readouts;       // [U,n,B] merged readouts of h
  int first_column = 0;  // theta's column of readouts' channel 0
  Var<T> agree, shared;  // [U,1,B] gated signals of two views (views.h); absent with one
};

// W_step [U_lo,U_up], before the inner step size; the same step is used for W and V.
template <class T>
Var<T> weight_step(Tape<T>& tape, const ThetaVars<T>& theta, const Var<T>& W, const Side<T>& up,
                   const Side<T>& lo);

}  // namespace metaplastic
