// Losses that compare examples of a batch with each other. Conventions: objectives.h.
#pragma once

#include "tensor/ops.h"

namespace metaplastic {

// Cross-entropy of a softmax over minus the squared distances to the classes' means (prototypes), a
// mean over the queries.                                      [Snell et al. 2017, eq. (1), (2)]
// embedding [k,1,B]: class by class `num_support` examples, then class by class the queries, as
// many of each class.
template <class T>
double prototype_loss(Tape<T>& tape, const Var<T>& embedding, int num_classes, int num_support);

// NT-Xent: examples i and i + B/2 are two views of one row; each has to find the other one among
// the B - 1 others, by cosine over temperature.               [Chen et al. 2020, eq. (1)]
// embedding [k,1,B], k at most 256, B even and at least 4.
template <class T>
double contrast_loss(Tape<T>& tape, const Var<T>& embedding, T temperature);

}  // namespace metaplastic
