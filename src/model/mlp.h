// The base model: an MLP with batch norm whose weights phi the rule changes.
// [paper: section 3.2; docs/method.md, "Base model"]
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "tensor/ops.h"

namespace metaplastic {

constexpr int kMaxLayers = 16;
constexpr int kMaxUnits = 1 << 20;

// Names that a user may write: relu, leaky_relu, tanh, elu, sigmoid, softplus, swish, step.
const std::vector<std::string>& activation_names();
// Throws Error for an unknown name, with the nearest valid one.
Unary activation_from_name(std::string_view name);
std::string_view activation_name(Unary activation);

struct Architecture {
  std::vector<int> widths;  // U_0 (inputs), U_1, .., U_L (the representation)
  Unary activation = Unary::kRelu;

  int num_layers() const { return static_cast<int>(widths.size()) - 1; }
  int num_inputs() const { return widths.front(); }
  int num_features() const { return widths.back(); }
  // Throws Error unless 1..kMaxLayers layers of 1..kMaxUnits units.
  void validate() const;
  // Numbers in one phi: sum over layers of 2 U_lo U_up + U_up.
  std::int64_t phi_size() const;
};

// Spread of the initial weights. [paper: released code 0.01 and 0.1; docs/deviations.md]
struct PhiInit {
  double weight_std = 0.1;
  double bias_std = 0.1;
  bool truncated = false;  // nothing beyond two weight_std or bias_std, as the released code has it
};
inline constexpr const char* kPhiInitHelp =
    "initial W, V and b: normals, or normals drawn again while beyond two deviations";

// Where layer l = 1..L lies in a flat phi: W^l [U_lo,U_up], V^l [U_lo,U_up], b^l [U_up].
struct LayerOffsets {
  std::int64_t W, V, b;
};
LayerOffsets layer_offsets(const Architecture& architecture, int layer);

// Fresh phi [phi_size]: independent, a function of the random stream alone.
template <class T>
std::vector<T> make_phi(const Architecture& architecture, const PhiInit& init, Random random);

// mean [phi_size], what is read out, after inner step `step` = 1.. led to phi: its weighted mean,
// with weights that grow so that about the last `share` of the steps counts. Share 0: phi itself.
// [Polyak and Juditsky 1992, averaging over a tail; not in the paper]
template <class T>
void update_phi_mean(std::vector<T>& mean, const std::vector<T>& phi, double share, int step);
// What the step's state counts in that mean.
double phi_mean_weight(double share, int step);

// phi on a tape; index l = 1..L, index 0 is unused.
template <class T>
struct PhiVars {
  int num_layers = 0;
  std::array<Var<T>, kMaxLayers + 1> W, V, b;
};
// Calls use(variable, its offset in a flat phi) for W, V and b of layers 1..L.
template <class T, class Use>
void for_each_of_phi(const PhiVars<T>& phi, const Architecture& architecture, const Use& use) {
  for (int l = 1; l <= phi.num_layers; ++l) {
    const auto at = static_cast<std::size_t>(l);
    const LayerOffsets offsets = layer_offsets(architecture, l);
    use(phi.W[at], offsets.W);
    use(phi.V[at], offsets.V);
    use(phi.b[at], offsets.b);
  }
}
template <class T>
PhiVars<T> phi_leaves(Tape<T>& tape, const Architecture& architecture, const T* phi);

// Pre- and post-activations of all layers for one batch; z[0] = x[0] is the input.
template <class T>
struct Activations {
  int num_layers = 0;
  std::array<Var<T>, kMaxLayers + 1> z, x;  // [U_l,1,B]
};
// x [U_0,1,B]. With num_parts the batch norm is by itself for each of so many parts of the batch.
// Cost 2 B sum U_lo U_up flops.
template <class T>
Activations<T> forward(Tape<T>& tape, const PhiVars<T>& phi, Unary activation, const Var<T>& x,
                       int num_parts = 1);

constexpr double kBatchNormEps = 1e-6;  // released code

}  // namespace metaplastic
