// Whether the inputs of a data set are sparse, each at rest for nearly all examples, as the words
// of documents are. Said by the numbers alone, without labels.  [docs/method.md, "Sparse inputs"]
#pragma once

#include <span>

namespace metaplastic {

// x [U,N]. An input of two values, the larger one for a share p of the examples, has 1 - p of its
// variance above its mean. Sparse: that share, averaged over the inputs that are not the same for
// all examples, is more than kNeighbourhood.sparse_inputs. Blind to shifts and scales of an input.
bool are_sparse(std::span<const float> x, int num_inputs);

}  // namespace metaplastic
