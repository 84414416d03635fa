// The representation in two dimensions, before and after.            [paper: section 5.4, figure 6]
#include <Eigen/Core>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "base/sample.h"
#include "eval/draws.h"
#include "experiments/own_data.h"
#include "experiments/workbench.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Stream of Purpose::kEvaluation, beside that of data_size.cc.
constexpr std::uint64_t kShown = std::uint64_t{9} << 32;

struct Plane {
  Eigen::MatrixXd points;     // [N,2]
  double variance_share = 0;  // of the two components
};

// features [N,U] on their first two principal components.
Plane project(const Matrix& features) {
  Eigen::MatrixXd x = features.cast<double>();
  x.rowwise() -= x.colwise().mean().eval();
  const SymmetricEigen solved = symmetric_eigen(x.transpose() * x);
  METAPLASTIC_CHECK(solved.converged);
  const Eigen::Index U = x.cols();
  const double total = solved.values.sum();
  Plane plane;
  plane.points = Eigen::MatrixXd::Zero(x.rows(), 2);
  for (Eigen::Index k = 0; k < std::min<Eigen::Index>(2, U); ++k) {
    Eigen::VectorXd axis = solved.vectors.col(U - 1 - k);
    // The sign is free: the largest entry is made positive.
    Eigen::Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis[largest] < 0) axis = -axis;
    plane.points.col(k) = x * axis;
    if (total > 0) plane.variance_share += solved.values[U - 1 - k] / total;
  }
  return plane;
}

// Share of points whose nearest other point is of their class. O(N^2).
double nearest_agrees(const Eigen::MatrixXd& points, const std::vector<int>& labels) {
  std::int64_t agree = 0;
  for (Eigen::Index n = 0; n < points.rows(); ++n) {
    double best = std::numeric_limits<double>::infinity();
    Eigen::Index nearest = n;
    for (Eigen::Index m = 0; m < points.rows(); ++m) {
      const double distance = (points.row(n) - points.row(m)).squaredNorm();
      if (m == n || distance >= best) continue;
      best = distance;
      nearest = m;
    }
    agree += labels[static_cast<std::size_t>(n)] == labels[static_cast<std::size_t>(nearest)];
  }
  return static_cast<double>(agree) / static_cast<double>(points.rows());
}

struct Shown {
  std::vector<float> rows;  // [N,U_0]
  std::vector<int> labels;  // [N]
  std::int64_t size() const { return std::ssize(labels); }
};

// Some of the test rows that have a label.
Shown shown_rows(const Workbench& bench, std::int64_t count) {
  const Dataset& data = bench.data();
  Random random(bench.seed(), Purpose::kEvaluation, kShown);
  const std::vector<std::int64_t> labelled = labelled_test_rows(data);
  std::vector<std::int64_t> chosen = sorted_sample(random, std::ssize(labelled), count);
  Shown shown;
  for (std::int64_t& row : chosen) {
    row = labelled[static_cast<std::size_t>(row)];
    shown.labels.push_back(data.labels[static_cast<std::size_t>(row)]);
  }
  shown.rows.resize(chosen.size() * static_cast<std::size_t>(bench.preprocess().num_inputs()));
  gather_rows(*bench.prepared(), chosen, shown.rows);
  return shown;
}

Plane plane_of(const Encoder& encoder, const Shown& shown) {
  Matrix features(shown.size(), encoder.num_features());
  encode(encoder, shown.rows, shown.size(), encoder.num_layers(),
         {features.data(), static_cast<std::size_t>(features.size())});
  return project(features);
}

ScatterChart chart_of(const Workbench& bench, const RuleCase& each, int step, const Shown& shown,
                      const Plane& plane, double agreement) {
  ScatterChart chart;
  chart.id = fmt::format("embedding-{}{}-{}", bench.slug(), each.suffix, step);
  chart.title =
      fmt::format("{}, {}", bench.name(),
                  each.label(step == 0 ? "before" : fmt::format("after {} inner steps", step)));
  chart.description = fmt::format(
      "{}: {} test rows on the first two principal components of the top layer, coloured by class. "
      "{:.0f} % of the points have a nearest neighbour of their own class.",
      chart.title, shown.size(), 100 * agreement);
  chart.x_title = "first component";
  chart.y_title = "second component";
  for (std::int64_t n = 0; n < shown.size(); ++n) {
    const auto label = static_cast<std::size_t>(shown.labels[static_cast<std::size_t>(n)]);
    chart.points.push_back(
        {plane.points(n, 0), plane.points(n, 1), bench.data().class_names[label]});
  }
  return chart;
}

// Before and after, of one rule.
void add_embedding(const Workbench& bench, const RuleCase& each, const Shown& shown,
                   ExperimentResult& result) {
  const std::vector<Encoder> encoders = bench.apply(each.method, each.rule(), usual_model(), {0});
  if (encoders.empty()) return;  // only counts
  std::vector<double> agreement;
  for (const Encoder& encoder : encoders) {
    const Plane plane = plane_of(encoder, shown);
    agreement.push_back(nearest_agrees(plane.points, shown.labels));
    const int step = encoder.record.inner_steps;
    result.rows.push_back({{"dataset", bench.name()},
                           {"rule", each.found->name},
                           {"inner_step", step},
                           {"points", shown.size()},
                           {"nearest_agrees", agreement.back()},
                           {"variance_share", plane.variance_share}});
    result.figures.push_back(
        scatter_figure(chart_of(bench, each, step, shown, plane, agreement.back())));
  }
  add_sentence(
      result.finding,
      fmt::format("{}, {}: in the plane, {:.0f} % of the points have a nearest neighbour "
                  "of their own class before, {:.0f} % after.",
                  bench.name(), each.subject, 100 * agreement.front(), 100 * agreement.back()));
}

// The paper shows both: a shape in the plane, and images.
std::vector<ChosenData> embedded_data(const ExperimentOptions& options) {
  std::vector<ChosenData> data = image_data(options);
  if (options.data.empty()) data.insert(data.begin(), moons_data(options));
  return data;
}

}  // namespace

ExperimentResult run_embedding(const ExperimentOptions& options) {
  ExperimentResult result;
  result.settings = protocol_json(options);
  result.columns = {"dataset", "rule", "inner_step", "points", "nearest_agrees", "variance_share"};
  for (const ChosenData& chosen : embedded_data(options)) {
    const Workbench bench(options, chosen);
    const Shown shown = shown_rows(bench, options.quick ? 300 : 1000);
    for (const RuleCase& each : rule_cases(options)) {
      add_embedding(bench, each, shown, result);
    }
  }
  return result;
}

}  // namespace metaplastic
