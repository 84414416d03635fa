// A state's accuracy as evaluate measures it, on draws of a meta-training task.
#pragma once

#include <vector>

#include "meta/truncation.h"

namespace metaplastic {

// num_probes >= 2 draws of the data, all of the same size and classes. One batch norm over all
// their examples; every support is judged on the queries of all. Layer and ridge penalty are chosen
// by the mean over the even draws for the odd ones, and the other way round. Returns the mean of
// the two.
double best_readout_accuracy(const Architecture& architecture, const std::vector<float>& phi,
                             int num_probes, TruncationData<float>& data, Tape<float>& tape);

}  // namespace metaplastic
