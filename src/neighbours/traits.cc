#include "neighbours/traits.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "neighbours/near_examples.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr std::string_view kNames[] = {
    "rows",        // log10 of their number
    "inputs",      // log10 of their number
    "sparsity",    // share of the variance above the mean, averaged over inputs
    "negative",    // share of values below 0
    "zero",        // share of values that are 0
    "two_valued",  // share of inputs with at most two values
    "kurtosis",    // log10, averaged over inputs that vary
    "rank",        // log10 of the effective number of principal components
    "redundancy",  // the same of standardised inputs, over the number of inputs; log10
    "memory",      // of walks among neighbours, over its largest value
    "whitening",   // that the distance metric chose
    "contrast",    // log10 of the distance to the nearest example over that to any
};
static_assert(std::size(kNames) == kNumTraits);

// x [U,N].
struct Sample {
  std::vector<float> x;
  std::size_t U, N;
  std::span<const float> input(std::size_t u) const { return std::span(x).subspan(u * N, N); }
};

Sample sample_of(std::span<const float> examples, std::size_t U) {
  const std::size_t P = examples.size() / U, N = std::min(P, kTraitExamples);
  Sample sample{{}, U, N};
  sample.x.reserve(U * N);
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t n = 0; n < N; ++n) sample.x.push_back(examples[u * P + n * P / N]);
  return sample;
}

// Of one input.
struct Moments {
  double mean = 0, variance = 0, fourth = 0, above = 0;  // above: part of the variance
};
Moments moments_of(std::span<const float> values) {
  Moments m;
  const auto N = static_cast<double>(values.size());
  for (const float value : values) m.mean += static_cast<double>(value) / N;
  for (const float value : values) {
    const double off = static_cast<double>(value) - m.mean, square = off * off;
    m.variance += square / N;
    m.fourth += square * square / N;
    if (off > 0) m.above += square / N;
  }
  return m;
}

bool is_two_valued(std::span<const float> values) {
  const auto ends = std::ranges::minmax(values);
  return std::ranges::all_of(values, [&](float v) { return v == ends.min || v == ends.max; });
}

// trace(C)^2 / trace(C^2) of the covariance of x [U,N], whose rows have mean 0: by the smaller of
// the two Gram matrices.
double effective_components(const std::vector<float>& x, std::size_t U, std::size_t N) {
  const std::size_t n = std::min(U, N);
  std::vector<float> gram(n * n);
  const auto columns = static_cast<std::ptrdiff_t>(N), size = static_cast<std::ptrdiff_t>(n);
  const int many = static_cast<int>(std::max(U, N)), few = static_cast<int>(n);
  gemm(U > N, U <= N, few, few, many, 1.0f, x.data(), columns, x.data(), columns, 0.0f, gram.data(),
       size);
  double trace = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) trace += static_cast<double>(gram[i * n + i]);
  for (const float value : gram) squares += static_cast<double>(value) * value;
  return squares > 0 ? trace * trace / squares : 1;
}

// Distance to the nearest example over that to any, by the coordinates of located examples.
double contrast_of(const LocatedExamples& located, std::span<const std::size_t> near) {
  const std::size_t N = located.count(), k = located.coordinates().size() / N;
  double to_nearest = 0, to_any = 0;
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t nearest = near[i * kChoices], any = (i + 1 + N / 2) % N;
    if (nearest >= N) continue;
    double square_near = 0, square_any = 0;
    for (std::size_t c = 0; c < k; ++c) {
      const float* row = located.coordinates().data() + c * N;
      square_near += std::pow(static_cast<double>(row[i] - row[nearest]), 2);
      square_any += std::pow(static_cast<double>(row[i] - row[any]), 2);
    }
    to_nearest += std::sqrt(square_near);
    to_any += std::sqrt(square_any);
  }
  return to_any > 0 ? to_nearest / to_any : 1;
}

double log10_of(double value) { return std::log10(std::max(value, 1e-6)); }

// Of single inputs; afterwards every input of the sample has mean 0, and `standardised` also
// variance 1.
void look_at_inputs(Sample& sample, std::vector<float>& standardised, Traits& traits) {
  double negative = 0, zero = 0, two_valued = 0, sparsity = 0, kurtosis = 0;
  std::size_t varying = 0;
  standardised.assign(sample.x.size(), 0.0f);
  for (std::size_t u = 0; u < sample.U; ++u) {
    const std::span<const float> values = sample.input(u);
    const Moments m = moments_of(values);
    two_valued += is_two_valued(values);
    for (std::size_t n = 0; n < sample.N; ++n) {
      float& value = sample.x[u * sample.N + n];
      negative += value < 0, zero += value == 0;
      value -= static_cast<float>(m.mean);
    }
    constexpr double kLeastSpread = 1e-12;
    if (m.variance <= kLeastSpread * (1 + m.mean * m.mean)) continue;
    ++varying;
    sparsity += m.above / m.variance;
    kurtosis += log10_of(m.fourth / (m.variance * m.variance));
    const auto scale = static_cast<float>(1 / std::sqrt(m.variance));
    for (std::size_t n = 0; n < sample.N; ++n)
      standardised[u * sample.N + n] = scale * sample.x[u * sample.N + n];
  }
  const auto all = static_cast<double>(sample.x.size());
  const auto inputs = static_cast<double>(std::max<std::size_t>(varying, 1));
  traits[2] = varying ? sparsity / inputs : 0.5;
  traits[3] = negative / all;
  traits[4] = zero / all;
  traits[5] = two_valued / static_cast<double>(sample.U);
  traits[6] = varying ? kurtosis / inputs : log10_of(3);
}

}  // namespace

std::span<const std::string_view> trait_names() { return kNames; }

Traits measure_traits(const NeighbourPool& pool, std::int64_t num_rows) {
  const std::span<const float> examples = pool.examples();
  const auto U = static_cast<std::size_t>(pool.num_inputs());
  Sample sample = sample_of(examples, U);
  Traits traits{};
  const std::vector<float> inputs = sample.x;
  const LocatedExamples located(inputs, pool.num_inputs(), pool.metric().coordinates(inputs));
  const std::vector<std::size_t> near = nearest_others(located, located);
  constexpr double kMostMemory = 16;
  traits[0] = log10_of(static_cast<double>(num_rows));
  traits[1] = log10_of(static_cast<double>(U));
  std::vector<float> standardised;
  look_at_inputs(sample, standardised, traits);
  traits[7] = log10_of(effective_components(sample.x, U, sample.N));
  traits[8] = log10_of(effective_components(standardised, U, sample.N) / static_cast<double>(U));
  const bool has_near = std::ranges::all_of(near, [&](std::size_t p) { return p < sample.N; });
  traits[9] = has_near ? walk_memory(near, sample.N) / kMostMemory : 1;
  traits[10] = pool.metric().whitening();
  traits[11] = log10_of(contrast_of(located, near));
  return traits;
}

DataProfile profile_of(const NeighbourPool& pool, std::int64_t num_rows, bool with_traits) {
  DataProfile profile;
  if (with_traits) profile.traits = measure_traits(pool, num_rows);
  profile.kind = pool.kind();
  return profile;
}

}  // namespace metaplastic
