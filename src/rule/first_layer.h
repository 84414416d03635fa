// What the first layer of a base model makes of examples: it says which of them are near, better
// than their inputs do. [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <span>
#include <vector>

#include "model/mlp.h"

namespace metaplastic {

class FirstLayer {
 public:
  FirstLayer() = default;  // of nothing
  // Copies W [U_0,U_1] and b [U_1].
  FirstLayer(const Architecture& architecture, std::span<const float> phi);
  bool empty() const { return b_.empty(); }
  // Takes the moments of the layer's batch norm, and the mean of its activations, from x [U_0,P].
  void take_moments(std::span<const float> x);
  // Activations [U_1,N] of x [U_0,N] less the mean that was taken.
  std::vector<float> centred(std::span<const float> x) const;

 private:
  std::vector<float> products(std::span<const float> x) const;  // W^T x
  void activate(std::vector<float>& z) const;

  Unary activation_ = Unary::kRelu;
  std::vector<float> W_, b_;
  std::vector<float> mean_, scale_;  // [U_1], of z: its mean, and 1 over its deviation
  std::vector<float> centre_;        // [U_1], mean activation
};

}  // namespace metaplastic
