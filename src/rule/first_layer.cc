#include "rule/first_layer.h"

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {

FirstLayer::FirstLayer(const Architecture& architecture, std::span<const float> phi)
    : activation_(architecture.activation) {
  const LayerOffsets offsets = layer_offsets(architecture, 1);
  const auto units = architecture.widths[1];
  const auto size =
      static_cast<std::size_t>(architecture.num_inputs()) * static_cast<std::size_t>(units);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == architecture.phi_size());
  W_.assign(phi.begin() + offsets.W, phi.begin() + offsets.W + static_cast<std::ptrdiff_t>(size));
  b_.assign(phi.begin() + offsets.b, phi.begin() + offsets.b + units);
}

std::vector<float> FirstLayer::products(std::span<const float> x) const {
  const std::size_t units = b_.size(), U = W_.size() / units, N = x.size() / U;
  std::vector<float> z(units * N);
  const auto columns = static_cast<std::ptrdiff_t>(N);
  gemm(true, false, static_cast<int>(units), static_cast<int>(N), static_cast<int>(U), 1.0f,
       W_.data(), static_cast<std::ptrdiff_t>(units), x.data(), columns, 0.0f, z.data(), columns);
  return z;
}

void FirstLayer::activate(std::vector<float>& z) const {
  const std::size_t N = z.size() / b_.size();
  for (std::size_t u = 0; u < b_.size(); ++u)
    for (std::size_t n = 0; n < N; ++n)
      z[u * N + n] = (z[u * N + n] - mean_[u]) * scale_[u] + b_[u];
  kernels<float>().map(activation_, z.data(), static_cast<std::ptrdiff_t>(z.size()), z.data(),
                       nullptr);
}

void FirstLayer::take_moments(std::span<const float> x) {
  std::vector<float> z = products(x);
  const std::size_t N = z.size() / b_.size();
  mean_.clear(), scale_.clear(), centre_.clear();
  const auto row_mean = [&](std::size_t u, double power, double from) {
    double sum = 0;
    for (std::size_t n = 0; n < N; ++n) sum += std::pow(double{z[u * N + n]} - from, power);
    return sum / static_cast<double>(N);
  };
  for (std::size_t u = 0; u < b_.size(); ++u) {
    const double mean = row_mean(u, 1, 0);
    mean_.push_back(static_cast<float>(mean));
    scale_.push_back(static_cast<float>(1 / std::sqrt(row_mean(u, 2, mean) + kBatchNormEps)));
  }
  activate(z);
  for (std::size_t u = 0; u < b_.size(); ++u)
    centre_.push_back(static_cast<float>(row_mean(u, 1, 0)));
}

std::vector<float> FirstLayer::centred(std::span<const float> x) const {
  std::vector<float> features = products(x);
  activate(features);
  const std::size_t N = features.size() / b_.size();
  for (std::size_t u = 0; u < b_.size(); ++u)
    for (std::size_t n = 0; n < N; ++n) features[u * N + n] -= centre_[u];
  return features;
}

}  // namespace metaplastic
