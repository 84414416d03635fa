// A small truncation in double, for tests.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/random.h"
#include "meta/truncation.h"

namespace metaplastic {

// Fixed random batches; probes of three classes. (Two would not do: their centred targets are
// opposite, so are the predictions, and the cosine is 1 or -1 whatever the features.)
class RandomData : public TruncationData<double> {
 public:
  RandomData(int num_inputs, int batch, double share = kNeighbourhood.homeostatic_share)
      : num_inputs_(num_inputs), batch_(batch), share_(share) {}
  double homeostatic_share() const override { return share_; }
  std::span<const double> inner_batch(int k) override {
    return fill(x_[k], batch_, static_cast<std::uint32_t>(k));
  }
  // Examples of the probes become as many columns as the grid has places.
  void use_grid(const PlaceGrid& grid) { probe_.grid = grid; }
  const Probe<double>& probe(int k) override {
    const int columns = 9 * probe_.grid.places();
    const std::vector<int> labels = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    probe_.num_support = probe_.num_query = 9;
    fill(probe_.support, columns, 1000 + static_cast<std::uint32_t>(k));
    fill(probe_.query, columns, 2000 + static_cast<std::uint32_t>(k));
    make_probe_targets<double>(3, labels, {}, labels, {}, probe_.targets);
    return probe_;
  }

 private:
  std::span<const double> fill(std::vector<double>& x, int count, std::uint32_t step) {
    Random random(5, Purpose::kTest, 0, step);
    x.resize(static_cast<std::size_t>(num_inputs_) * static_cast<std::size_t>(count));
    for (double& value : x) value = random.normal();
    return x;
  }
  int num_inputs_, batch_;
  double share_;
  std::map<int, std::vector<double>> x_;  // of each step
  Probe<double> probe_;
};

struct TruncationProblem {
  explicit TruncationProblem(const char* preset = "compact")
      : layout(RuleSizes{.preset = preset, .C = 5, .D = 3, .G = 2, .top_units = 5}) {
    // Larger than a fresh theta, biases included, so that every path carries some gradient.
    Random random(3, Purpose::kTest);
    theta.resize(static_cast<std::size_t>(layout.size()));
    for (double& value : theta) value = 0.4 * random.normal();
    architecture.widths = {7, 6, 5};
    architecture.activation = Unary::kTanh;
    phi = make_phi<double>(architecture, {}, Random(1, Purpose::kPhiInit));
    settings.K = 4;
    settings.objective_every = 2;
  }
  double loss(const std::vector<double>& theta_at) {
    std::vector<double> state = phi, unused(theta.size());
    RandomData data(7, batch);
    data.use_grid(grid);
    return truncated_gradient(layout, theta_at.data(), architecture, state, settings, data,
                              workspace, unused.data())
        .meta_loss;
  }

  ThetaLayout layout;
  std::vector<double> theta, phi;
  Architecture architecture;
  TruncationSettings<double> settings;
  TruncationWorkspace<double> workspace;
  PlaceGrid grid;
  int batch = 9;
};

}  // namespace metaplastic
