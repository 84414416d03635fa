#include "model/mlp.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"

namespace metaplastic {
namespace {

const std::vector<std::pair<std::string, Unary>>& activations() {
  static const std::vector<std::pair<std::string, Unary>> kTable = {
      {"relu", Unary::kRelu},       {"leaky_relu", Unary::kLeakyRelu},
      {"tanh", Unary::kTanh},       {"elu", Unary::kElu},
      {"sigmoid", Unary::kSigmoid}, {"softplus", Unary::kSoftplus},
      {"swish", Unary::kSwish},     {"step", Unary::kStep}};
  return kTable;
}

}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& [name, unused] : activations()) names.push_back(name);
    return names;
  }();
  return kNames;
}

Unary activation_from_name(std::string_view name) {
  for (const auto& [known, activation] : activations()) {
    if (known == name) return activation;
  }
  fail("activation: expected one of {}, found '{}'; did you mean '{}'?",
       fmt::join(activation_names(), ", "), name, nearest_name(name, activation_names()));
}

std::string_view activation_name(Unary activation) {
  for (const auto& [name, known] : activations()) {
    if (known == activation) return name;
  }
  METAPLASTIC_CHECK(false);
  return {};
}

void Architecture::validate() const {
  if (num_layers() < 1 || num_layers() > kMaxLayers) {
    fail("architecture: expected 1 to {} layers, found {}", kMaxLayers, num_layers());
  }
  for (const int width : widths) {
    if (width < 1 || width > kMaxUnits) {
      fail("architecture: expected layers of 1 to {} units, found {}", kMaxUnits, width);
    }
  }
}

std::int64_t Architecture::phi_size() const {
  std::int64_t size = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    size += 2 * std::int64_t{widths[l - 1]} * widths[l] + widths[l];
  }
  return size;
}

LayerOffsets layer_offsets(const Architecture& architecture, int layer) {
  METAPLASTIC_CHECK(layer >= 1 && layer <= architecture.num_layers());
  std::int64_t at = 0;
  for (int l = 1;; ++l) {
    const auto up = static_cast<std::size_t>(l);
    const std::int64_t weights =
        std::int64_t{architecture.widths[up - 1]} * architecture.widths[up];
    if (l == layer) return {at, at + weights, at + 2 * weights};
    at += 2 * weights + architecture.widths[up];
  }
}

template <class T>
std::vector<T> make_phi(const Architecture& architecture, const PhiInit& init, Random random) {
  std::vector<T> phi(static_cast<std::size_t>(architecture.phi_size()));
  auto next = phi.begin();
  const auto draw = [&] {
    float value = random.normal();
    while (init.truncated && std::abs(value) > 2.0f) value = random.normal();
    return value;
  };
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const auto up = static_cast<std::size_t>(l);
    const std::int64_t weights =
        2 * std::int64_t{architecture.widths[up - 1]} * architecture.widths[up];
    next = std::generate_n(next, weights, [&] { return static_cast<T>(init.weight_std * draw()); });
    next = std::generate_n(next, architecture.widths[up],
                           [&] { return static_cast<T>(init.bias_std * draw()); });
  }
  return phi;
}

template <class T>
PhiVars<T> phi_leaves(Tape<T>& tape, const Architecture& architecture, const T* phi) {
  PhiVars<T> vars;
  vars.num_layers = architecture.num_layers();
  for (int l = 1; l <= vars.num_layers; ++l) {
    const auto up = static_cast<std::size_t>(l);
    const LayerOffsets at = layer_offsets(architecture, l);
    const int U_lo = architecture.widths[up - 1], U_up = architecture.widths[up];
    vars.W[up] = tape.leaf(phi + at.W, U_lo, U_up);  // [U_lo,U_up]
    vars.V[up] = tape.leaf(phi + at.V, U_lo, U_up);  // [U_lo,U_up]
    vars.b[up] = tape.leaf(phi + at.b, 1, U_up);     // [1,U_up]
  }
  return vars;
}

double phi_mean_weight(double share, int step) {
  return share == 0 ? 1 : 1 / (1 + share * static_cast<double>(step));
}

template <class T>
void update_phi_mean(std::vector<T>& mean, const std::vector<T>& phi, double share, int step) {
  METAPLASTIC_CHECK(mean.size() == phi.size() && step >= 1);
  if (share == 0) {
    mean = phi;
    return;
  }
  const auto weight = static_cast<T>(phi_mean_weight(share, step));
  for (std::size_t i = 0; i < phi.size(); ++i) mean[i] += weight * (phi[i] - mean[i]);
}

template <class T>
Activations<T> forward(Tape<T>& tape, const PhiVars<T>& phi, Unary activation, const Var<T>& x,
                       int num_parts) {
  Activations<T> result;
  result.num_layers = phi.num_layers;
  result.z[0] = x;
  result.x[0] = x;
  for (std::size_t l = 1; l <= static_cast<std::size_t>(phi.num_layers); ++l) {
    const Var<T> a = matmul(tape, phi.W[l], true, result.x[l - 1], false);  // [U_up,1,B]
    const Var<T> normal = standardise(tape, a, static_cast<T>(kBatchNormEps), num_parts);
    result.z[l] = add_unit_bias(tape, normal, phi.b[l]);
    result.x[l] = map(tape, activation, result.z[l]);
  }
  return result;
}

#define METAPLASTIC_INSTANTIATE(T)                                                    \
  template std::vector<T> make_phi(const Architecture&, const PhiInit&, Random);      \
  template PhiVars<T> phi_leaves(Tape<T>&, const Architecture&, const T*);            \
  template void update_phi_mean(std::vector<T>&, const std::vector<T>&, double, int); \
  template Activations<T> forward(Tape<T>&, const PhiVars<T>&, Unary, const Var<T>&, int);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
