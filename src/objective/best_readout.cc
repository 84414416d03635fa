#include "objective/best_readout.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/transpose.h"
#include "model/inputs_beside.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

// The examples of all draws: the supports one after the other, then the queries.
struct Examples {
  int num_draws = 0, per_draw = 0, num_classes = 0;
  PlaceGrid grid;
  std::vector<float> x;     // [U_0,2 R places], R = num_draws * per_draw
  std::vector<int> labels;  // [2 R]
  int num_rows() const { return 2 * num_draws * per_draw; }
};

Examples gather(int num_inputs, const std::vector<Probe<float>>& probes) {
  Examples all;
  all.num_draws = static_cast<int>(probes.size());
  all.per_draw = probes[0].num_support;
  all.num_classes = probes[0].targets.num_classes;
  all.grid = probes[0].grid;
  const int P = all.grid.places(), columns = all.per_draw * P;
  all.x.resize(static_cast<std::size_t>(num_inputs * all.num_rows() * P));
  const auto take = [&](const std::vector<float>& x, const std::vector<float>& targets) {
    const int first = static_cast<int>(all.labels.size());
    for (int u = 0; u < num_inputs; ++u) {
      std::copy_n(x.data() + u * columns, columns, all.x.data() + (u * all.num_rows() + first) * P);
    }
    for (int n = 0; n < all.per_draw; ++n)
      all.labels.push_back(largest_class(targets.data(), all.num_classes, all.per_draw, n));
  };
  for (const Probe<float>& probe : probes) {
    METAPLASTIC_CHECK(probe.num_support == all.per_draw && probe.num_query == all.per_draw);
    take(probe.support, probe.targets.support);
  }
  for (const Probe<float>& probe : probes) take(probe.query, probe.targets.query);
  return all;
}

// Accuracy of each penalty of the grid, [lambda], for the even and for the odd draws.
using Halves = std::array<std::vector<double>, 2>;

Halves judge_features(const std::vector<float>& features, int U, const Examples& all) {
  const int rows = all.num_rows();
  std::vector<std::int64_t> row_ids(static_cast<std::size_t>(rows));
  std::iota(row_ids.begin(), row_ids.end(), 0);
  const std::span<const std::int64_t> ids(row_ids);
  const auto per_draw = static_cast<std::size_t>(all.per_draw);
  Halves halves;
  for (auto& half : halves) half.assign(lambda_grid().size(), 0);
  for (int p = 0; p < all.num_draws; ++p) {
    const ProbeDraw draw = {ids.subspan(static_cast<std::size_t>(p) * per_draw, per_draw),
                            ids.subspan(static_cast<std::size_t>(all.num_draws) * per_draw)};
    const auto accuracies =
        probe_accuracies(features, U, all.labels, all.num_classes, draw, lambda_grid());
    auto& half = halves[static_cast<std::size_t>(p % 2)];
    const int draws_of_half = (all.num_draws + 1 - p % 2) / 2;
    for (std::size_t k = 0; k < half.size(); ++k) half[k] += accuracies[k] / draws_of_half;
  }
  return halves;
}

// Features of one example after the other.
struct Features {
  int num_features = 0;
  std::vector<float> values;  // [rows,num_features]
};

Features features_of(const Var<float>& x, int rows) {
  const int U = x.units();
  Features features{U, std::vector<float>(static_cast<std::size_t>(U * rows))};
  for (int u = 0; u < U; ++u)
    for (int n = 0; n < rows; ++n)
      features.values[static_cast<std::size_t>(n * U + u)] = x.data[u * x.unit_stride + n];
  return features;
}

Features beside(const Features& left, float scale, const Features& right, int rows) {
  Features both{left.num_features + right.num_features, {}};
  both.values.resize(left.values.size() + right.values.size());
  put_beside(left.values, scale, right.values, rows, both.values);
  return both;
}

// As evaluate offers them: the layers side by side, and the inputs beside each of those.
void add_joint_readouts(const Examples& all, float loudness, std::vector<Features>& readouts) {
  const int rows = all.num_rows();
  if (readouts.size() > 1) {
    Features joined = readouts[0];
    const std::size_t num_layers = readouts.size();
    for (std::size_t l = 1; l < num_layers; ++l) joined = beside(joined, 1, readouts[l], rows);
    readouts.push_back(std::move(joined));
  }
  if (all.grid.places() > 1) return;
  const int U = static_cast<int>(all.x.size()) / rows;
  Features inputs{U, std::vector<float>(all.x.size())};
  transpose_rows(all.x, U, inputs.values);
  const std::size_t count = readouts.size();
  for (std::size_t r = 0; r < count; ++r) {
    const float scale = loudness * input_scale(readouts[r].values, inputs.values, rows);
    readouts.push_back(beside(inputs, scale, readouts[r], rows));
  }
}

std::vector<Features> readouts_of(const Architecture& architecture, const std::vector<float>& phi,
                                  const Examples& all, Tape<float>& tape, bool joint,
                                  float inputs) {
  tape.reset(false);
  const auto x = forward(tape, phi_leaves(tape, architecture, phi.data()), architecture.activation,
                         batch_of(tape, architecture, std::span<const float>(all.x)))
                     .x;
  std::vector<Features> readouts;
  for (int l = 1; l <= architecture.num_layers(); ++l)
    readouts.push_back(
        features_of(pooled(tape, x[static_cast<std::size_t>(l)], all.grid), all.num_rows()));
  if (joint) add_joint_readouts(all, inputs, readouts);
  return readouts;
}

}  // namespace

double best_readout_accuracy(const Architecture& architecture,
                             std::span<const std::vector<float>> states,
                             const std::vector<Probe<float>>& probes, Tape<float>& tape, bool joint,
                             float inputs) {
  METAPLASTIC_CHECK(probes.size() >= 2 && !states.empty());
  const Examples all = gather(architecture.num_inputs(), probes);
  std::array<double, 2> chosen = {-1, -1}, found = {0, 0};
  for (const std::vector<float>& phi : states) {
    for (const Features& readout : readouts_of(architecture, phi, all, tape, joint, inputs)) {
      const Halves halves = judge_features(readout.values, readout.num_features, all);
      for (std::size_t half = 0; half < 2; ++half) {
        for (std::size_t k = 0; k < halves[half].size(); ++k) {
          if (halves[half][k] <= chosen[half]) continue;
          chosen[half] = halves[half][k];
          found[half] = halves[1 - half][k];
        }
      }
    }
  }
  return (found[0] + found[1]) / 2;
}

}  // namespace metaplastic
