#include "apply/classifier.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {

void class_probabilities(const LinearClassifier& classifier, std::span<const float> features,
                         std::int64_t num_rows, std::span<float> probabilities) {
  const auto F = static_cast<std::size_t>(classifier.num_features());
  const auto Y = static_cast<std::size_t>(classifier.num_classes());
  const auto N = static_cast<std::size_t>(num_rows);
  METAPLASTIC_CHECK(features.size() == N * F && probabilities.size() == N * Y);
  std::vector<double> scores(Y);
  for (std::size_t n = 0; n < N; ++n) {
    std::copy(classifier.b.begin(), classifier.b.end(), scores.begin());
    for (std::size_t f = 0; f < F; ++f) {
      const auto value = static_cast<double>(features[n * F + f]);
      const float* weights = classifier.W.data() + f * Y;
      for (std::size_t y = 0; y < Y; ++y) scores[y] += value * static_cast<double>(weights[y]);
    }
    const double largest = *std::ranges::max_element(scores);
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - largest);
    for (std::size_t y = 0; y < Y; ++y) {
      probabilities[n * Y + y] = static_cast<float>(scores[y] / total);
    }
  }
}

}  // namespace metaplastic
