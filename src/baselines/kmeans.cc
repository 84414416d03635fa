#include "baselines/kmeans.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/sample.h"
#include "base/thread_pool.h"
#include "baselines/pca.h"
#include "baselines/streams.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kMaxRows = 20000;
constexpr std::int64_t kBlockRows = 512;

// |x - c|^2 of rows [n,U] and centroids, n <= kBlockRows: out [n,k].
void square_distances(const Centroids& centroids, const std::vector<float>& centroid_squares,
                      const float* rows, std::int64_t n, float* out) {
  const int U = centroids.num_inputs, k = centroids.count();
  gemm(false, true, static_cast<int>(n), k, U, -2.0f, rows, U, centroids.values.data(), U, 0.0f,
       out, k);
  for (std::int64_t i = 0; i < n; ++i) {
    const float square = kernels<float>().dot(rows + i * U, rows + i * U, U);
    for (int c = 0; c < k; ++c) {
      float& distance = out[i * k + c];
      distance = std::max(0.0f, distance + square + centroid_squares[static_cast<std::size_t>(c)]);
    }
  }
}

std::vector<float> squares_of(const Centroids& centroids) {
  std::vector<float> squares;
  for (int c = 0; c < centroids.count(); ++c) {
    const float* centroid = centroids.values.data() + std::ptrdiff_t{c} * centroids.num_inputs;
    squares.push_back(kernels<float>().dot(centroid, centroid, centroids.num_inputs));
  }
  return squares;
}

// Each row's nearest centroid and the distance to it, squared.
struct Assignment {
  std::vector<int> nearest;      // [N]
  std::vector<float> distances;  // [N]
};

Assignment assign(const Centroids& centroids, std::span<const float> rows) {
  const std::int64_t U = centroids.num_inputs, k = centroids.count();
  const std::int64_t num_rows = static_cast<std::int64_t>(rows.size()) / U;
  const std::vector<float> squares = squares_of(centroids);
  std::vector<float> block(static_cast<std::size_t>(kBlockRows * k));
  Assignment result;
  for (std::int64_t first = 0; first < num_rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, num_rows - first);
    square_distances(centroids, squares, rows.data() + first * U, count, block.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = block.data() + i * k;
      const float* least = std::min_element(row, row + k);
      result.nearest.push_back(static_cast<int>(least - row));
      result.distances.push_back(*least);
    }
  }
  return result;
}

// k-means++: each centroid is a row drawn with a probability that grows with its squared distance
// from the centroids so far.                              [Arthur and Vassilvitskii 2007]
Centroids spread_start(std::span<const float> rows, int num_inputs, int num_centroids,
                       Random& random) {
  const auto U = static_cast<std::size_t>(num_inputs);
  const std::size_t num_rows = rows.size() / U;
  Centroids centroids{{}, num_inputs};
  std::vector<float> distances(num_rows, 1.0f);  // at first every row is as likely
  std::vector<float> squares(num_rows);
  for (std::size_t n = 0; n < num_rows; ++n) {
    squares[n] = kernels<float>().dot(rows.data() + n * U, rows.data() + n * U, num_inputs);
  }
  for (int c = 0; c < num_centroids; ++c) {
    double total = 0;
    for (const float distance : distances) total += static_cast<double>(distance);
    double left = static_cast<double>(random.uniform()) * total;
    std::size_t chosen = 0;
    while (chosen + 1 < num_rows && (left -= static_cast<double>(distances[chosen])) >= 0) ++chosen;
    const float* centroid = rows.data() + chosen * U;
    centroids.values.insert(centroids.values.end(), centroid, centroid + U);
    for (std::size_t n = 0; n < num_rows; ++n) {
      const float product = kernels<float>().dot(rows.data() + n * U, centroid, num_inputs);
      const float square = std::max(0.0f, squares[n] + squares[chosen] - 2 * product);
      distances[n] = c == 0 ? square : std::min(distances[n], square);
    }
  }
  return centroids;
}

void move_to_means(std::span<const float> rows, Assignment assignment, Centroids& centroids) {
  const auto U = static_cast<std::size_t>(centroids.num_inputs);
  const auto k = static_cast<std::size_t>(centroids.count());
  std::vector<double> sums(k * U, 0.0);
  std::vector<std::int64_t> counts(k, 0);
  for (std::size_t n = 0; n < assignment.nearest.size(); ++n) {
    const auto c = static_cast<std::size_t>(assignment.nearest[n]);
    ++counts[c];
    for (std::size_t u = 0; u < U; ++u) sums[c * U + u] += static_cast<double>(rows[n * U + u]);
  }
  for (std::size_t c = 0; c < k; ++c) {
    if (counts[c] > 0) {
      for (std::size_t u = 0; u < U; ++u) {
        centroids.values[c * U + u] =
            static_cast<float>(sums[c * U + u] / static_cast<double>(counts[c]));
      }
      continue;
    }
    const auto farthest = std::ranges::max_element(assignment.distances);
    if (*farthest == 0) continue;  // every row has a centroid of its own
    const auto row = (farthest - assignment.distances.begin()) * static_cast<std::ptrdiff_t>(U);
    *farthest = 0;  // the next one takes another row
    std::copy_n(rows.begin() + row, U,
                centroids.values.begin() + static_cast<std::ptrdiff_t>(c * U));
  }
}

// Settings of the search, the usual ones first. Whitening keeps the components with most variance.
struct Setting {
  int num_centroids, num_components;  // 0 components: inputs as they are
};
Setting setting_of(int trial) {
  constexpr Setting kSettings[] = {{512, 0},  {512, 32},  {1024, 0},  {1024, 32},
                                   {256, 0},  {256, 32},  {128, 0},   {512, 64},
                                   {2048, 0}, {1024, 64}, {2048, 32}, {128, 32}};
  return kSettings[static_cast<std::size_t>(trial) % std::size(kSettings)];
}

class KmeansMethod : public FeatureMethod {
 public:
  std::string name() const override { return "kmeans"; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    Random random(context.seed, Purpose::kBaseline, kCentroidStream);
    const auto drawn = sorted_sample(random, training_rows.num_rows(), kMaxRows);
    const int U = training_rows.num_features();
    std::vector<float> rows(drawn.size() * static_cast<std::size_t>(U));
    gather_rows(training_rows, drawn, rows);
    std::vector<FeatureCandidate> candidates(static_cast<std::size_t>(context.num_tunings));
    ThreadPool pool(std::min(context.num_threads, context.num_tunings));
    pool.parallel_for(context.num_tunings, [&](int, int trial) {
      if (context.should_stop && context.should_stop()) throw Stopped{};
      candidates[static_cast<std::size_t>(trial)] = make_candidate(trial, rows, U, context);
    });
    return candidates;
  }

 private:
  static FeatureCandidate make_candidate(int trial, const std::vector<float>& rows, int U,
                                         const MethodContext& context) {
    const Setting setting = setting_of(trial);
    const std::int64_t num_rows = static_cast<std::int64_t>(rows.size()) / U;
    const auto k = static_cast<int>(std::min<std::int64_t>(setting.num_centroids, num_rows));
    FeatureCandidate candidate;
    candidate.num_features = k;
    candidate.settings = {
        {"centroids", k}, {"whitened", setting.num_components}, {"tunings", context.num_tunings}};
    std::shared_ptr<const Whitening> whitening;
    if (setting.num_components > 0) {
      whitening = std::make_shared<const Whitening>(rows, U, setting.num_components);
      candidate.settings["whitened"] = whitening->num_components();
    }
    const int inputs = whitening ? whitening->num_components() : U;
    const auto prepared = [whitening](std::span<const float> x, std::int64_t count) {
      return whitening ? whitening->apply(x, count) : std::vector<float>(x.begin(), x.end());
    };
    const auto centroids = std::make_shared<const Centroids>(fit_centroids(
        prepared(rows, num_rows), inputs, k, context.seed, static_cast<std::uint32_t>(trial) + 1));
    candidate.encode = [centroids, prepared](std::span<const float> x, std::int64_t count,
                                             std::span<float> out) {
      triangle_features(*centroids, prepared(x, count), count, out);
    };
    return candidate;
  }
};

}  // namespace

Centroids fit_centroids(std::span<const float> rows, int num_inputs, int num_centroids,
                        std::uint64_t seed, std::uint32_t run, int max_iterations) {
  METAPLASTIC_CHECK(num_inputs >= 1 && num_centroids >= 1 &&
                    static_cast<std::int64_t>(rows.size()) >=
                        std::int64_t{num_centroids} * num_inputs);
  Random random(seed, Purpose::kBaseline, kCentroidStream, run);
  Centroids centroids = spread_start(rows, num_inputs, num_centroids, random);
  std::vector<int> before;
  for (int n = 0; n < max_iterations; ++n) {
    Assignment assignment = assign(centroids, rows);
    if (assignment.nearest == before) break;
    before = assignment.nearest;
    move_to_means(rows, std::move(assignment), centroids);
  }
  return centroids;
}

void triangle_features(const Centroids& centroids, std::span<const float> rows,
                       std::int64_t num_rows, std::span<float> out) {
  const std::int64_t U = centroids.num_inputs, k = centroids.count();
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rows.size()) == num_rows * U);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == num_rows * k);
  const std::vector<float> squares = squares_of(centroids);
  for (std::int64_t first = 0; first < num_rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, num_rows - first);
    float* block = out.data() + first * k;
    square_distances(centroids, squares, rows.data() + first * U, count, block);
    for (std::int64_t i = 0; i < count; ++i) {
      float* z = block + i * k;
      double sum = 0;
      for (std::int64_t c = 0; c < k; ++c) sum += static_cast<double>(z[c] = std::sqrt(z[c]));
      const auto mean = static_cast<float>(sum / static_cast<double>(k));
      for (std::int64_t c = 0; c < k; ++c) z[c] = std::max(0.0f, mean - z[c]);
    }
  }
}

std::unique_ptr<FeatureMethod> kmeans_method() { return std::make_unique<KmeansMethod>(); }

}  // namespace metaplastic
