// A state's accuracy as evaluate measures it, on draws of a meta-training task.
#pragma once

#include <span>
#include <vector>

#include "objective/judge.h"

namespace metaplastic {

// states: phi after one stopping point or several; their readouts are candidates alike.
// probes: two or more draws, all of the same size and classes. One batch norm over all
// their examples; every support is judged on the queries of all. Layer and ridge penalty are chosen
// by the mean over the even draws for the odd ones, and the other way round. Returns the mean of
// the two. joint: all layers side by side are one more candidate, and each is offered with the
// inputs beside it too, as evaluate does. inputs: JudgeSettings.
double best_readout_accuracy(const Architecture& architecture,
                             std::span<const std::vector<float>> states,
                             const std::vector<Probe<float>>& probes, Tape<float>& tape,
                             bool joint = false, float inputs = 1);

}  // namespace metaplastic
