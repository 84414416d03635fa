// What is near what: leading components, the metric that a data set chooses, and walks over the
// graph of neighbours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "neighbours/constants.h"
#include "neighbours/near_examples.h"
#include "neighbours/neighbour_pool.h"
#include "neighbours/test_pool.h"
#include "tensor/leading_space.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

// Columns of x [k,N] in double.
Eigen::MatrixXd as_matrix(std::span<const float> x, std::size_t N) {
  return Eigen::Map<const RowMatrix>(x.data(), static_cast<Eigen::Index>(x.size() / N),
                                     static_cast<Eigen::Index>(N))
      .cast<double>();
}

// Orthonormal columns: the product of random reflections.
RowMatrix random_axes(int size) {
  constexpr int kReflections = 10;
  const std::vector<float> random = normals(std::size_t{kReflections} * std::size_t(size), 1);
  RowMatrix axes = RowMatrix::Identity(size, size);
  for (int k = 0; k < kReflections; ++k) {
    const Eigen::VectorXf v =
        Eigen::Map<const Eigen::VectorXf>(random.data() + k * size, size).normalized();
    const Eigen::RowVectorXf along = v.transpose() * axes;
    axes.noalias() -= 2 * v * along;
  }
  return axes;
}

TEST(LeadingSpace, FindsAnEigenvalueAsOftenAsItOccurs) {
  constexpr int kSize = 400;
  const RowMatrix axes = random_axes(kSize);
  Eigen::VectorXf values = Eigen::VectorXf::LinSpaced(kSize, 0.6f, -0.9f);
  values.head(7).setConstant(1);
  const RowMatrix matrix = axes * values.asDiagonal() * axes.transpose();
  const LeadingSpace space = leading_space(
      kSize, 24, 6, [&](const RowMatrix& block) -> RowMatrix { return matrix * block; });
  ASSERT_EQ(space.values.size(), 24 * 6);
  for (int i = 0; i < 7; ++i) EXPECT_NEAR(space.values[i], 1, 1e-3);
  EXPECT_LT(space.values[7], 0.6);
  const RowMatrix left = matrix * space.vectors.leftCols(7) - space.vectors.leftCols(7);
  EXPECT_LT(left.norm(), 0.05);
}

TEST(LeadingSpace, OfASmallMatrixHasAllOfIt) {
  const Eigen::Vector3f values(3, -2, 1);
  const LeadingSpace space = leading_space(
      3, 2, 2, [&](const RowMatrix& block) -> RowMatrix { return values.asDiagonal() * block; });
  EXPECT_LT((space.values - Eigen::Vector3d(3, 1, -2)).norm(), 1e-6);
}

BlockProduct product_with(const RowMatrix& matrix) {
  return [matrix](const ProductStep& step, const RowMatrix& block, RowMatrix& out) {
    const RowMatrix centred = step.scale * (matrix * block - step.centre * block);
    out = step.less_old ? RowMatrix(centred - out) : centred;
  };
}

// Also where some lie close together or there are few of them: such a matrix of rank 5 has no
// others but 0.
TEST(LeadingSum, IsThatOfTheLargestEigenvalues) {
  constexpr int kSize = 400, kCount = 16;
  const RowMatrix axes = random_axes(kSize);
  for (const int rank : {kSize, 30, 5}) {
    Eigen::VectorXf values = Eigen::VectorXf::LinSpaced(kSize, 1.0f, -0.9f);
    values.tail(kSize - rank).setZero();
    const RowMatrix matrix = axes * values.asDiagonal() * axes.transpose();
    const double found = leading_sum(kSize, kCount, product_with(matrix));
    EXPECT_NEAR(found, values.head(kCount).sum(), 2e-3) << rank;
  }
}

TEST(LeadingSum, OfASmallMatrixHasAllOfIt) {
  const Eigen::Vector3f values(0.5f, -1, 0.25f);
  const BlockProduct product = product_with(values.asDiagonal());
  EXPECT_NEAR(leading_sum(3, 2, product), 0.75, 1e-6);
  EXPECT_NEAR(leading_sum(3, 16, product), -0.25, 1e-6);
}

// Rings of so many examples, each of which has the next five as neighbours.
std::vector<std::size_t> rings(std::size_t num_rings, std::size_t length) {
  std::vector<std::size_t> near;
  for (std::size_t p = 0; p < num_rings * length; ++p)
    for (std::size_t c = 1; c <= kChoices; ++c)
      near.push_back(p / length * length + (p + c) % length);
  return near;
}

// The eigenvalues of a ring are known: the mean over c of cos(2 pi j c / length), for every j.
double memory_of_rings(std::size_t num_rings, std::size_t length) {
  std::vector<double> values;
  for (std::size_t j = 0; j < length; ++j) {
    double value = 0;
    for (std::size_t c = 1; c <= kChoices; ++c)
      value += std::cos(2 * M_PI * double(j * c) / double(length)) / double(kChoices);
    values.insert(values.end(), num_rings, value);
  }
  std::ranges::sort(values, std::greater());
  return std::accumulate(values.begin(), values.begin() + 16, 0.0);
}

TEST(WalkMemory, IsTheSumOfTheLargestEigenvalues) {
  for (const auto& [num_rings, length] :
       {std::pair{1, 40}, std::pair{5, 12}, std::pair{16, 25}, std::pair{3, 300}}) {
    SCOPED_TRACE(num_rings);
    const std::size_t count = std::size_t(num_rings), size = std::size_t(length);
    const double memory = walk_memory(rings(count, size), count * size);
    const double expected = memory_of_rings(count, size);
    EXPECT_LE(memory, expected + 1e-3);
    EXPECT_GE(memory, expected - (count * size > 384 ? 0.01 : 1e-3));
  }
  EXPECT_NEAR(walk_memory(rings(16, 25), 400), 16, 1e-3);
  EXPECT_NEAR(walk_memory(std::vector<std::size_t>(20 * kChoices, 20), 20), 0, 1e-6);  // no edges
}

// Cosines between columns of x less the mean column, in the leading components, each times its
// variance to minus `whitening`: by the eigenvectors of the covariance, in double.
Eigen::MatrixXd expected_cosines(const std::vector<float>& x, std::size_t N, Eigen::Index k,
                                 double whitening) {
  Eigen::MatrixXd shapes = as_matrix(x, N);
  shapes.rowwise() -= shapes.colwise().mean().eval();
  shapes.colwise().normalize();
  shapes.colwise() -= shapes.rowwise().mean().eval();
  const Eigen::MatrixXd covariance = shapes * shapes.transpose() / double(N);
  const SymmetricEigen solved = symmetric_eigen(covariance);  // ascending
  const Eigen::VectorXd variances = solved.values.tail(k);
  Eigen::MatrixXd located = variances.array().pow(-whitening).matrix().asDiagonal() *
                            solved.vectors.rightCols(k).transpose() * shapes;
  located.colwise().normalize();
  return located.transpose() * located;
}

TEST(NeighbourMetric, ComparesShapesInWhitenedComponents) {
  for (const auto& [inputs, examples, components] :
       {std::tuple{9, 60, 8}, std::tuple{30, 160, 20}, std::tuple{90, 700, 64}}) {
    SCOPED_TRACE(inputs);
    const std::size_t U = std::size_t(inputs), N = std::size_t(examples);
    const std::vector<float> x = images(U, N, 3);
    const NeighbourMetric metric(x, inputs);
    EXPECT_TRUE(metric.by_shape());
    const std::vector<float> located = metric.coordinates(x);
    ASSERT_EQ(located.size(), std::size_t(components) * N);
    const Eigen::MatrixXd columns = as_matrix(located, N);
    const Eigen::MatrixXd error =
        columns.transpose() * columns - expected_cosines(x, N, components, metric.whitening());
    EXPECT_LT(error.cwiseAbs().maxCoeff(), 2e-3);
  }
}

TEST(NeighbourMetric, DividesSparseInputsByTheRootOfTheirMean) {
  constexpr std::size_t kInputs = 90, kExamples = 700;
  std::vector<float> x = ones_and_zeros(kInputs, kExamples, 0.02f);
  for (std::size_t n = 0; n < kExamples; ++n) x[n % kInputs * kExamples + n] = 1;  // none empty
  const NeighbourMetric metric(x, kInputs);
  ASSERT_TRUE(metric.of_sparse_inputs());
  std::vector<float> divided = x;
  for (std::size_t u = 0; u < kInputs; ++u) {
    const auto row = divided.begin() + static_cast<std::ptrdiff_t>(u * kExamples);
    const float mean = std::reduce(row, row + kExamples) / float(kExamples);
    std::for_each_n(row, kExamples, [&](float& value) { value /= std::sqrt(mean); });
  }
  const Eigen::MatrixXd columns = as_matrix(metric.coordinates(x), kExamples);
  const Eigen::MatrixXd error =
      columns.transpose() * columns - expected_cosines(divided, kExamples, 64, metric.whitening());
  EXPECT_LT(error.cwiseAbs().maxCoeff(), 2e-3);
}

TEST(NeighbourMetric, IsBlindToBrightnessAndContrast) {
  const std::vector<float> x = images(12, 50, 4);
  const NeighbourMetric metric(x, 12);
  std::vector<float> brighter = x;
  for (float& value : brighter) value = 3 * value + 2;
  const std::vector<float> located = metric.coordinates(x), again = metric.coordinates(brighter);
  for (std::size_t i = 0; i < located.size(); ++i) EXPECT_NEAR(located[i], again[i], 1e-4);
}

// Examples whose kind shows in twenty inputs of little variance, beside twenty common causes of
// much; or in those causes, beside inputs of noise.
std::vector<float> kinds(bool in_small_components, std::size_t N) {
  constexpr std::size_t kInputs = 60, kCauses = 20, kKinds = 12;
  std::vector<float> x(kInputs * N);
  const std::vector<float> loadings = normals(kInputs * kCauses, 5),
                           centres = normals(kKinds * kCauses, 6);
  Random random = test_random(7);
  for (std::size_t n = 0; n < N; ++n) {
    const float* centre = &centres[n % kKinds * kCauses];
    float causes[kCauses];
    for (std::size_t c = 0; c < kCauses; ++c)
      causes[c] = (in_small_components ? 1.0f : 0.35f) * random.normal() +
                  (in_small_components ? 0.0f : centre[c]);
    for (std::size_t u = 0; u < kInputs; ++u) {
      float value = in_small_components ? 0.02f * random.normal() : random.normal();
      if (in_small_components && u < kCauses) value += 0.4f * centre[u];
      for (std::size_t c = 0; c < kCauses; ++c) value += loadings[u * kCauses + c] * causes[c];
      x[u * N + n] = 50 + value;
    }
  }
  return x;
}

TEST(NeighbourMetric, WhitensWhereThatSeparatesKindsAndNotWhereItRaisesNoise) {
  constexpr std::size_t kExamples = 1200;
  const std::vector<float> fine = kinds(true, kExamples), coarse = kinds(false, kExamples);
  const NeighbourMetric of_fine(fine, 60), of_coarse(coarse, 60);
  EXPECT_GT(of_fine.whitening(), 0);
  EXPECT_EQ(of_coarse.whitening(), 0);
  EXPECT_GT(share_of_own_kind(fine, 60, of_fine.coordinates(fine), 12), 0.9);
  EXPECT_GT(share_of_own_kind(coarse, 60, of_coarse.coordinates(coarse), 12), 0.9);
}

TEST(NeighbourMetric, LooksAtAllOfAFileThatIsSortedByKind) {
  constexpr std::size_t kInputs = 60, kHalf = 4096, kExamples = 2 * kHalf, kKinds = 12;
  const std::vector<float> half = kinds(false, kHalf);
  std::vector<float> sorted(2 * kInputs * kExamples, 50);  // later kinds show in other inputs
  for (std::size_t u = 0; u < kInputs; ++u) {
    const auto row = half.begin() + static_cast<std::ptrdiff_t>(u * kHalf);
    std::copy_n(row, kHalf, &sorted[u * kExamples]);
    std::copy_n(row, kHalf, &sorted[(kInputs + u) * kExamples + kHalf]);
  }
  std::vector<float> later(2 * kInputs * kHalf, 50);
  std::ranges::copy(half, later.begin() + std::ssize(half));
  const NeighbourMetric metric(sorted, 2 * kInputs);
  EXPECT_GT(share_of_own_kind(later, 2 * kInputs, metric.coordinates(later), kKinds), 0.9);
}

TEST(NeighbourMetric, TakesInputsAsTheyAreWhereSomeAreNegative) {
  const std::vector<float> x = normals(40, 9);
  const NeighbourMetric metric(x, 4);
  EXPECT_FALSE(metric.by_shape());
  EXPECT_EQ(metric.coordinates(x), x);
}

// Of column `from` of x [k,N] to those of others [k,P], squared.
std::vector<double> distances(const Eigen::MatrixXd& x, Eigen::Index from,
                              const Eigen::MatrixXd& others) {
  const Eigen::VectorXd squares =
      (others.colwise() - x.col(from)).colwise().squaredNorm().transpose();
  return {squares.begin(), squares.end()};
}

// By brute force in double: the kChoices nearest of the pool that are no copies.
std::vector<std::size_t> nearest_of(const std::vector<double>& distances,
                                    const std::vector<bool>& is_copy) {
  std::vector<std::size_t> order(distances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t p) { return is_copy[p]; });
  std::ranges::sort(order, {}, [&](std::size_t p) { return distances[p]; });
  order.resize(kChoices);
  return order;
}

// Which examples of the pool [U,kP] equal column b of x [U,N].
std::vector<bool> copies_of(const std::vector<float>& x, std::size_t N, std::size_t b,
                            const std::vector<float>& pool) {
  std::vector<bool> result(kP, true);
  for (std::size_t u = 0; u < kU; ++u)
    for (std::size_t p = 0; p < kP; ++p) result[p] = result[p] && x[u * N + b] == pool[u * kP + p];
  return result;
}

// Where a walk of so many hops in the mean ends, as chances [kP]: its Markov chain, hop by hop.
std::vector<double> chances_of_ends(const std::vector<std::size_t>& starts,
                                    const std::vector<std::vector<std::size_t>>& next,
                                    double hops) {
  const double stop = 1 / hops, even = 1.0 / double(kChoices);
  std::vector<double> at(kP), ends(kP);
  for (const std::size_t p : starts) at[p] += even;
  for (int hop = 1; hop < 400; ++hop) {
    std::vector<double> moved(kP);
    for (std::size_t p = 0; p < kP; ++p) {
      ends[p] += stop * at[p];
      for (const std::size_t q : next[p]) moved[q] += (1 - stop) * even * at[p];
    }
    at = moved;
  }
  return ends;
}

// Ends of many walks are spread as the chain says.
void expect_walks(const std::vector<float>& batch, std::vector<float> pool) {
  for (std::size_t u = 0; u < kU; ++u) pool[u * kP + 7] = batch[u * kB + 2];  // an equal one
  const NeighbourPool neighbours = pool_of(pool, kU);
  const Eigen::MatrixXd pool_at = as_matrix(neighbours.metric().coordinates(pool), kP),
                        batch_at = as_matrix(neighbours.metric().coordinates(batch), kB);
  std::vector<std::vector<std::size_t>> next;
  for (std::size_t p = 0; p < kP; ++p)
    next.push_back(
        nearest_of(distances(pool_at, Eigen::Index(p), pool_at), copies_of(pool, kP, p, pool)));
  Random random = test_random(12);
  constexpr int kWalks = 4000;
  std::vector<std::vector<double>> shares(kB, std::vector<double>(kP + 1));
  for (int n = 0; n < kWalks; ++n) {
    const std::vector<std::size_t> ends = neighbours.walk(neighbours.nearest(batch), random);
    ASSERT_EQ(ends.size(), kB);
    for (std::size_t b = 0; b < kB; ++b) shares[b][ends[b]] += 1.0 / kWalks;
  }
  for (std::size_t b = 0; b < kB; ++b) {
    const std::vector<double> chances = chances_of_ends(
        nearest_of(distances(batch_at, Eigen::Index(b), pool_at), copies_of(batch, kB, b, pool)),
        next, neighbours.mean_hops());
    EXPECT_NEAR(std::accumulate(chances.begin(), chances.end(), 0.0), 1, 1e-6);
    for (std::size_t p = 0; p < kP; ++p) {
      const double error = std::sqrt(chances[p] * (1 - chances[p]) / kWalks);
      EXPECT_NEAR(shares[b][p], chances[p], 5 * error) << "from " << b << " to " << p;
    }
  }
}

TEST(NeighbourPool, LeadsToTheNearestOtherExamples) {
  expect_walks(normals(kU * kB, 11), normals(kU * kP, 10));
}

TEST(NeighbourPool, WalksOverExamplesOfNearShapesWhereNoInputIsNegative) {
  expect_walks(images(kU, kB, 11), images(kU, kP, 10));
}

// Columns of the pool have the neighbours that a search for them would find.
TEST(NeighbourPool, KnowsTheNeighboursOfItsExamplesWhereWalksAreLong) {
  const std::vector<float> pool = images(kU, kP, 10);
  const NeighbourPool neighbours = pool_of(pool, kU);
  const std::vector<std::size_t> found = neighbours.nearest(pool);
  for (std::size_t p = 0; p < kP; ++p)
    EXPECT_TRUE(std::ranges::equal(neighbours.nearest_of_example(p),
                                   std::span(found).subspan(p * kChoices, kChoices)));
  EXPECT_TRUE(pool_of(normals(kU * kP, 10), kU).nearest_of_example(0).empty());
}

// All pairs of one set, each distance once, are the same as the search of a copy, to the bit and
// for any number of threads; equal examples and equal distances too.
TEST(NearestOthers, AmongThemselvesAreThoseOfACopy) {
  for (const std::size_t N : {1u, 5u, 256u, 700u}) {
    std::vector<float> x = images(kU, N, 3);
    for (float& value : x) value = std::round(4 * value) / 4;  // many ties
    for (std::size_t u = 0; u < kU; ++u) x[u * N + N - 1] = x[u * N];
    const LocatedExamples all(x, kU, x), copy(x, kU, x);
    const std::vector<std::size_t> expected = nearest_others(copy, all);
    EXPECT_EQ(nearest_others(all, all), expected) << N;
    ThreadPool threads(3);
    EXPECT_EQ(nearest_others(all, all, &threads), expected) << N;
  }
}

TEST(NeighbourPool, RepeatsNeighboursWhereItHasFewOthers) {
  const std::vector<float> pool = {1, 2, 3, -1, -2, -3};  // three examples of two inputs
  const NeighbourPool neighbours = pool_of(pool, 2);
  Random random = test_random(14);
  std::vector<int> counts(4);
  for (int n = 0; n < 300; ++n)
    ++counts[neighbours.walk(neighbours.nearest(std::vector<float>{2, -2}), random)[0]];
  EXPECT_GT(counts[0], 100);
  EXPECT_EQ(counts[1], 0);  // equals what it starts from
  EXPECT_GT(counts[2], 60);
  EXPECT_EQ(counts[3], 0);
}

// Examples without any shape, or of one and the same: all are equally near.
TEST(NeighbourPool, BearsExamplesOfNoShape) {
  for (const std::vector<float>& pool :
       {std::vector<float>{1, 2, 3, 1, 2, 3}, std::vector<float>{1, 2, 3, 2, 4, 6}}) {
    const NeighbourPool neighbours = pool_of(pool, 2);
    Random random = test_random(15);
    const std::vector<std::size_t> ends =
        neighbours.walk(neighbours.nearest(std::vector<float>{5, 5}), random);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_LT(ends[0], 3u);
  }
}

}  // namespace
}  // namespace metaplastic
