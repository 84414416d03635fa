#include "meta/first_phi.h"

#include "base/error.h"

namespace metaplastic {
namespace {

// Calls visit(numbers, setting) for W and V, then b of every layer; the parts lie side by side.
template <class Visit>
void for_each_part(const Architecture& architecture, std::span<const float> phi,
                   const Visit& visit) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == architecture.phi_size());
  std::size_t at = 0;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    METAPLASTIC_CHECK(layer_offsets(architecture, l).W == static_cast<std::int64_t>(at));
    const auto biases = static_cast<std::size_t>(architecture.widths[static_cast<std::size_t>(l)]);
    const auto weights =
        static_cast<std::size_t>(layer_offsets(architecture, l).b) - at;  // W and V
    visit(at, weights, SettingName::kWeights);
    visit(at + weights, biases, SettingName::kBiases);
    at += weights + biases;
  }
}

}  // namespace

void scale_first_phi(const Architecture& architecture, const InnerSettings& inner,
                     const RuleSettings& settings, std::vector<float>& phi) {
  for_each_part(architecture, phi, [&](std::size_t first, std::size_t count, SettingName name) {
    const double drawn = name == SettingName::kWeights ? inner.weight_std : inner.bias_std;
    if (settings[name] == drawn) return;
    for (float& value : std::span(phi).subspan(first, count))
      value = static_cast<float>(static_cast<double>(value) * (settings[name] / drawn));
  });
}

FirstPhiBar first_phi_bar(const Architecture& architecture, const RuleSettings& settings,
                          std::span<const float> phi, std::span<const float> phi_bar) {
  FirstPhiBar bar;
  for_each_part(architecture, phi, [&](std::size_t first, std::size_t count, SettingName name) {
    if (settings[name] == 0) return;
    double sum = 0;
    for (std::size_t i = first; i < first + count; ++i)
      sum += static_cast<double>(phi_bar[i]) * static_cast<double>(phi[i]);
    (name == SettingName::kWeights ? bar.weights : bar.biases) += sum / settings[name];
  });
  return bar;
}

}  // namespace metaplastic
