// Layers in a stack, as images are learned from when a rule is applied (docs/layers.md): the rule
// trains a conv layer first, and dense layers learn from its pooled answers.
#pragma once

#include <span>
#include <vector>

#include "apply/encoder.h"
#include "meta/meta_config.h"
#include "meta/trajectory.h"

namespace metaplastic {

// A trained conv layer with its pool. Its batch norm keeps the statistics of given windows.
class PooledAnswers : public WindowAnswers {
 public:
  // conv: {window size, units}; phi [phi_size]; examples [window size,N], N >= 2.
  PooledAnswers(const Architecture& conv, std::span<const float> phi,
                std::span<const float> examples, const TaskWindows& windows);
  int num_answers() const override { return units_ * grid_.cells(); }
  // [units cells,num_instances]
  std::vector<float> answer(std::span<const float> windows, int num_instances) const override;

 private:
  int size_, units_;
  Unary activation_;
  PlaceGrid grid_;
  FoldedLayer layer_;
};

// Trains settings.below by theta [P] for settings.T steps, from a phi drawn by first_phi; from then
// on the task's examples are its pooled answers. The task sees the layer's windows.
void learn_below(const MetaConfig& config, std::span<const float> theta,
                 const TrajectorySettings& settings, Random first_phi, Task& task, TaskData& data,
                 Tape<float>& tape);

}  // namespace metaplastic
