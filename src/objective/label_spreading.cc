#include "objective/label_spreading.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kSearchBlock = 256;

struct SpreadEdge {
  int from, to;
  float square;  // of their distance
  bool operator<(const SpreadEdge& other) const {
    return std::pair(from, to) < std::pair(other.from, other.to);
  }
};

// The nearest examples of rows [first, first + count).
std::vector<SpreadEdge> nearest_edges(std::span<const float> features, int F,
                                      std::span<const float> squares, std::int64_t first,
                                      std::int64_t count, int choices) {
  const auto M = static_cast<int>(squares.size());
  std::vector<float> products(static_cast<std::size_t>(count) * squares.size());
  gemm(false, true, static_cast<int>(count), M, F, 1.0f, features.data() + first * F, F,
       features.data(), F, 0.0f, products.data(), M);
  std::vector<SpreadEdge> edges, row(squares.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto from = static_cast<std::size_t>(first + i);
    row.clear();
    for (std::size_t to = 0; to < squares.size(); ++to) {
      if (to == from) continue;
      const float product = products[static_cast<std::size_t>(i) * squares.size() + to];
      row.push_back({static_cast<int>(from), static_cast<int>(to),
                     std::max(0.0f, squares[from] + squares[to] - 2 * product)});
    }
    const auto nearer = [](const SpreadEdge& a, const SpreadEdge& b) {
      return std::pair(a.square, a.to) < std::pair(b.square, b.to);
    };
    std::partial_sort(row.begin(), row.begin() + choices, row.end(), nearer);
    edges.insert(edges.end(), row.begin(), row.begin() + choices);
  }
  return edges;
}

}  // namespace

const std::vector<double>& spread_alphas() {
  static const std::vector<double> kAlphas = {0.5, 0.9, 0.99};
  return kAlphas;
}

SpreadGraph spread_graph(std::span<const float> features, int num_features, ThreadPool& pool,
                         int choices) {
  const std::int64_t F = num_features, M = static_cast<std::int64_t>(features.size()) / F;
  METAPLASTIC_CHECK(M >= 2);
  choices = static_cast<int>(std::min<std::int64_t>(choices, M - 1));
  std::vector<float> squares;
  for (std::int64_t i = 0; i < M; ++i)
    squares.push_back(
        kernels<float>().dot(features.data() + i * F, features.data() + i * F, num_features));
  const auto num_blocks = static_cast<int>((M + kSearchBlock - 1) / kSearchBlock);
  std::vector<std::vector<SpreadEdge>> found(static_cast<std::size_t>(num_blocks));
  pool.parallel_for(num_blocks, [&](int, int n) {
    const std::int64_t first = n * kSearchBlock;
    found[static_cast<std::size_t>(n)] = nearest_edges(features, num_features, squares, first,
                                                       std::min(kSearchBlock, M - first), choices);
  });
  std::vector<SpreadEdge> edges;
  double distance = 0;
  for (const auto& block : found) {
    for (const SpreadEdge& edge : block) {
      distance += std::sqrt(static_cast<double>(edge.square));
      edges.push_back(edge);
      edges.push_back({edge.to, edge.from, edge.square});
    }
  }
  distance /= static_cast<double>(M * choices);
  std::sort(edges.begin(), edges.end());
  const auto same = [](const SpreadEdge& a, const SpreadEdge& b) {
    return a.from == b.from && a.to == b.to;
  };
  edges.erase(std::unique(edges.begin(), edges.end(), same), edges.end());
  SpreadGraph graph;
  graph.starts.assign(static_cast<std::size_t>(M) + 1, 0);
  std::vector<float> sums(static_cast<std::size_t>(M), 0.0f);
  const double scale = distance > 0 ? 1 / (2 * distance * distance) : 0;
  for (const SpreadEdge& edge : edges) {
    graph.neighbours.push_back(edge.to);
    graph.weights.push_back(
        static_cast<float>(std::exp(-static_cast<double>(edge.square) * scale)));
    ++graph.starts[static_cast<std::size_t>(edge.from) + 1];
    sums[static_cast<std::size_t>(edge.from)] += graph.weights.back();
  }
  for (std::size_t i = 1; i < graph.starts.size(); ++i) graph.starts[i] += graph.starts[i - 1];
  for (std::size_t e = 0; e < edges.size(); ++e) {
    graph.weights[e] /= std::sqrt(sums[static_cast<std::size_t>(edges[e].from)] *
                                  sums[static_cast<std::size_t>(edges[e].to)]);
  }
  return graph;
}

std::vector<int> spread_labels(const SpreadGraph& graph, std::span<const int> labels,
                               int num_classes, std::span<const std::int64_t> support, double alpha,
                               int num_rounds) {
  METAPLASTIC_CHECK(graph.starts.size() == labels.size() + 1 && alpha >= 0 && alpha < 1);
  const auto Y = static_cast<std::size_t>(num_classes);
  std::vector<float> given(labels.size() * Y, 0.0f);
  for (const std::int64_t row : support) {
    const auto at = static_cast<std::size_t>(row);
    given[at * Y + static_cast<std::size_t>(labels[at])] = 1;
  }
  std::vector<float> scores = given, next(scores.size());
  const auto a = static_cast<float>(alpha);
  for (int round = 0; round < num_rounds; ++round) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      float* const out = next.data() + i * Y;
      for (std::size_t y = 0; y < Y; ++y) out[y] = (1 - a) * given[i * Y + y];
      for (std::int64_t e = graph.starts[i]; e < graph.starts[i + 1]; ++e) {
        const auto edge = static_cast<std::size_t>(e);
        const float* const from =
            scores.data() + static_cast<std::size_t>(graph.neighbours[edge]) * Y;
        const float weight = a * graph.weights[edge];
        for (std::size_t y = 0; y < Y; ++y) out[y] += weight * from[y];
      }
    }
    std::swap(scores, next);
  }
  std::vector<int> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const float* const row = scores.data() + i * Y;
    classes.push_back(static_cast<int>(std::max_element(row, row + Y) - row));
  }
  return classes;
}

}  // namespace metaplastic
