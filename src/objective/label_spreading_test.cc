#include "objective/label_spreading.h"

#include <gtest/gtest.h>

#include <Eigen/LU>

#include "base/random.h"

namespace metaplastic {
namespace {

// The graph as a dense matrix.
Eigen::MatrixXd dense_graph(const SpreadGraph& graph) {
  const auto M = static_cast<Eigen::Index>(graph.starts.size()) - 1;
  Eigen::MatrixXd S = Eigen::MatrixXd::Zero(M, M);
  for (Eigen::Index i = 0; i < M; ++i) {
    for (auto e = graph.starts[static_cast<std::size_t>(i)];
         e < graph.starts[static_cast<std::size_t>(i) + 1]; ++e) {
      S(i, graph.neighbours[static_cast<std::size_t>(e)]) =
          graph.weights[static_cast<std::size_t>(e)];
    }
  }
  return S;
}

// Many rounds come to (1 - alpha) (I - alpha S)^-1 Y, S symmetric.          [Zhou et al. 2004, (4)]
TEST(LabelSpreading, ComesToTheSolutionOfItsEquation) {
  constexpr int kRows = 30, kF = 3, kY = 3;
  Random random(12, Purpose::kTest);
  std::vector<float> features(kRows * kF);
  for (float& value : features) value = random.normal();
  std::vector<int> labels(kRows);
  for (int n = 0; n < kRows; ++n) labels[static_cast<std::size_t>(n)] = n % kY;
  const std::vector<std::int64_t> support = {0, 1, 2, 3, 4, 5};
  ThreadPool pool(2);
  const SpreadGraph graph = spread_graph(features, kF, pool, 4);
  const Eigen::MatrixXd S = dense_graph(graph);
  EXPECT_LT((S - S.transpose()).norm(), 1e-6);
  EXPECT_EQ(S.diagonal().norm(), 0);
  EXPECT_GE((S.array() > 0).count(), kRows * 4);
  constexpr double kAlpha = 0.8;
  Eigen::MatrixXd Y = Eigen::MatrixXd::Zero(kRows, kY);
  for (const std::int64_t row : support) Y(row, labels[static_cast<std::size_t>(row)]) = 1;
  const Eigen::MatrixXd scores =
      (Eigen::MatrixXd::Identity(kRows, kRows) - kAlpha * S).lu().solve(Y);
  const std::vector<int> found = spread_labels(graph, labels, kY, support, kAlpha, 300);
  for (Eigen::Index i = 0; i < kRows; ++i) {
    Eigen::Index best = 0;
    scores.row(i).maxCoeff(&best);
    EXPECT_EQ(found[static_cast<std::size_t>(i)], best);
  }
}

TEST(LabelSpreading, OneLabelNamesItsCluster) {
  Random random(13, Purpose::kTest);
  std::vector<float> features;
  std::vector<int> labels;
  for (int n = 0; n < 120; ++n) {
    labels.push_back(n % 2);
    features.push_back(0.2f * random.normal() + (n % 2 == 0 ? 3.0f : -3.0f));
    features.push_back(0.2f * random.normal());
  }
  ThreadPool pool(1);
  EXPECT_EQ(spread_labels(spread_graph(features, 2, pool), labels, 2,
                          std::vector<std::int64_t>{0, 1}, 0.9),
            labels);
}

}  // namespace
}  // namespace metaplastic
