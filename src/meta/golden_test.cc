// The inner step, the objective and the meta-gradient against an independent PyTorch program in
// double precision (tests/oracle/), to 1e-8 relative.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "io/safetensors.h"
#include "meta/truncation.h"
#include "neighbours/constants.h"
#include "rule/inner_step.h"
#include "rule/layout_file.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

constexpr double kTolerance = 1e-8;

struct Golden {
  explicit Golden(const std::string& path) : file(read_safetensors(path)) {
    RuleSizes sizes;
    sizes.C = number("C"), sizes.D = number("D"), sizes.G = number("G");
    option("preset", sizes.preset);
    option("v_step", sizes.v_step);
    option("backward", sizes.backward);
    option("locality", sizes.locality);
    option("bias_mean", sizes.bias_mean);
    option("views", sizes.views);
    for (int l = 1; file.find(fmt::format("phi.b{}", l)); ++l)
      sizes.top_units = static_cast<int>(shape(fmt::format("phi.b{}", l))[0]);
    // The oracle has the terms that the file names, so theta has no others.
    layout.emplace(layout_in_file(file, sizes));
    theta.resize(static_cast<std::size_t>(layout->size()));
    for (const ThetaEntry& entry : layout->entries()) {
      copy("theta." + std::string(entry.name), theta.data() + entry.offset, entry.size());
    }
    architecture.activation = activation_from_name(file.require_metadata("activation"));
    architecture.widths = {static_cast<int>(shape("phi.W1")[0])};
    for (int l = 1; file.find(fmt::format("phi.W{}", l)); ++l) {
      architecture.widths.push_back(static_cast<int>(shape(fmt::format("phi.W{}", l))[1]));
    }
    truncation.K = number("K");
    truncation.objective_every = number("objective_every");
    truncation.inner_lr = std::stod(file.require_metadata("inner_lr"));
    truncation.lambda = std::stod(file.require_metadata("lambda"));
  }

  StepSettings<double> settings() const {
    std::string share = std::to_string(kNeighbourhood.homeostatic_share);
    option("homeostatic_share", share);
    return {truncation.inner_lr, std::stod(share)};
  }
  // Files of compact without options do not name them.
  void option(const std::string& key, std::string& value) const {
    if (const auto found = file.metadata.find(key); found != file.metadata.end())
      value = found->second;
  }
  int number(const std::string& key) const { return std::stoi(file.require_metadata(key)); }
  const std::vector<std::int64_t>& shape(const std::string& name) const {
    return file.require(name, DType::kF64).shape;
  }
  std::span<const double> values(const std::string& name) const {
    return file.require(name, DType::kF64).as<double>();
  }
  void copy(const std::string& name, double* out, std::int64_t count) const {
    const auto from = values(name);
    ASSERT_EQ(static_cast<std::int64_t>(from.size()), count) << name;
    std::copy(from.begin(), from.end(), out);
  }
  // The flat phi from tensors PREFIX.W1, PREFIX.V1, PREFIX.b1, ...
  std::vector<double> phi(const std::string& prefix) const {
    std::vector<double> flat(static_cast<std::size_t>(architecture.phi_size()));
    for (int l = 1; l <= architecture.num_layers(); ++l) {
      const LayerOffsets at = layer_offsets(architecture, l);
      const auto up = static_cast<std::size_t>(l);
      const std::int64_t weights =
          std::int64_t{architecture.widths[up - 1]} * architecture.widths[up];
      copy(fmt::format("{}.W{}", prefix, l), flat.data() + at.W, weights);
      copy(fmt::format("{}.V{}", prefix, l), flat.data() + at.V, weights);
      copy(fmt::format("{}.b{}", prefix, l), flat.data() + at.b, architecture.widths[up]);
    }
    return flat;
  }

  TensorFile file;
  std::optional<ThetaLayout> layout;
  std::vector<double> theta;
  Architecture architecture;
  TruncationSettings<double> truncation;
};

class GoldenData : public TruncationData<double> {
 public:
  explicit GoldenData(const Golden& golden) : golden_(golden) {}
  std::span<const double> inner_batch(int k) override {
    return golden_.values(fmt::format("x.{}", k));
  }
  double homeostatic_share() const override { return golden_.settings().homeostatic_share; }
  const Probe<double>& probe(int k) override {
    const int every = golden_.truncation.objective_every;
    const int state = (k + 1) / every - 1;
    const auto load = [&](const char* side, std::vector<double>& x, std::vector<int>& labels,
                          std::vector<float>& coefficients) {
      const std::string name = fmt::format("{}.{}", side, state);
      const auto from = golden_.values(name + ".x");
      x.assign(from.begin(), from.end());
      const auto ids = golden_.file.require(name + ".labels", DType::kI32).as<std::int32_t>();
      labels.assign(ids.begin(), ids.end());
      coefficients.clear();
      if (golden_.file.find(name + ".augmentation")) {
        for (const double value : golden_.values(name + ".augmentation")) {
          coefficients.push_back(static_cast<float>(value));
        }
      }
    };
    std::vector<int> support_labels, query_labels;
    std::vector<float> support_coefficients, query_coefficients;
    load("support", probe_.support, support_labels, support_coefficients);
    load("query", probe_.query, query_labels, query_coefficients);
    probe_.num_support = static_cast<int>(support_labels.size());
    probe_.num_query = static_cast<int>(query_labels.size());
    make_probe_targets<double>(golden_.number("num_classes"), support_labels, support_coefficients,
                               query_labels, query_coefficients, probe_.targets);
    return probe_;
  }

 private:
  const Golden& golden_;
  Probe<double> probe_;
};

// |found - expected| relative to the largest expected value of the tensor.
double relative_error(std::span<const double> found, std::span<const double> expected) {
  double scale = 0, error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    scale = std::max(scale, std::abs(expected[i]));
    error = std::max(error, std::abs(found[i] - expected[i]));
  }
  return scale > 0 ? error / scale : error;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, FirstStepEqualsTheOracle) {
  const Golden golden(GetParam());
  Tape<double> tape;
  tape.reset(false);
  std::vector<double> phi = golden.phi("phi");
  GoldenData data(golden);
  const auto x = data.inner_batch(0);
  const int U = golden.architecture.num_inputs();
  const PhiVars<double> next =
      inner_step(tape, theta_leaves(tape, *golden.layout, golden.theta.data()),
                 phi_leaves(tape, golden.architecture, phi.data()), golden.architecture.activation,
                 tape.constant(x.data(), U, 1, static_cast<int>(x.size()) / U), golden.settings());
  std::vector<double> found(phi.size());
  copy_phi(next, golden.architecture, found.data());
  EXPECT_LT(relative_error(found, golden.phi("step1")), kTolerance);
}

TEST_P(GoldenTest, MetaGradientEqualsTheOracle) {
  const Golden golden(GetParam());
  GoldenData data(golden);
  TruncationWorkspace<double> workspace;
  std::vector<double> phi = golden.phi("phi");
  std::vector<double> theta_bar(golden.theta.size(), 0.0);
  const TruncationResult result =
      truncated_gradient(*golden.layout, golden.theta.data(), golden.architecture, phi,
                         golden.truncation, data, workspace, theta_bar.data());
  EXPECT_TRUE(result.finite);
  EXPECT_NEAR(result.meta_loss, golden.values("loss")[0], kTolerance);
  const auto accuracies = golden.values("accuracies");
  EXPECT_NEAR(result.accuracy,
              std::reduce(accuracies.begin(), accuracies.end()) / double(accuracies.size()), 1e-12);
  EXPECT_LT(relative_error(phi, golden.phi("final")), kTolerance);
  EXPECT_LT(relative_error(workspace.phi_bar, golden.phi("phi_bar")), kTolerance);
  for (const ThetaEntry& entry : golden.layout->entries()) {
    const std::span<const double> found(theta_bar.data() + entry.offset,
                                        static_cast<std::size_t>(entry.size()));
    EXPECT_LT(relative_error(found, golden.values("theta_bar." + std::string(entry.name))),
              kTolerance)
        << entry.name;
  }
}

// A file that is missing from the folder, or not read here, fails.
constexpr const char* kGoldenFiles[] = {"01_tanh_augmented",
                                        "02_relu",
                                        "03_elu_one_layer",
                                        "04_leaky_relu_deep",
                                        "05_sigmoid",
                                        "06_softplus_rank_one",
                                        "07_swish",
                                        "08_step",
                                        "09_relu_bigger",
                                        "10_metz_tanh_augmented",
                                        "11_metz_relu",
                                        "12_metz_separate",
                                        "13_metz_transposed",
                                        "14_metz_local",
                                        "15_compact_separate",
                                        "16_compact_transposed",
                                        "17_compact_local",
                                        "18_compact_free_bias",
                                        "19_metz_local_free_bias",
                                        "20_compact_two_views",
                                        "21_compact_neighbours",
                                        "22_compact_homeostatic",
                                        "23_metz_local_homeostatic",
                                        "24_compact_wide",
                                        "25_compact_sparse"};

std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(METAPLASTIC_SOURCE_DIR "/tests/oracle/golden")) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

// A new term needs a case of the oracle that names it.
TEST(GoldenFiles, HaveEveryTermOfTheTable) {
  std::vector<std::string> checked;
  for (const std::string& path : golden_files()) {
    const Golden golden(path);
    for (const LayoutTerm& term : golden.layout->terms()) checked.push_back(term.name);
  }
  for (const Term& term : all_terms())
    EXPECT_THAT(checked, testing::Contains(std::string(term.name)));
}

TEST(GoldenFiles, AreAllThereAndAllRead) {
  std::vector<std::string> found;
  for (const std::string& path : golden_files())
    found.push_back(std::filesystem::path(path).stem().string());
  EXPECT_THAT(found, testing::ElementsAreArray(kGoldenFiles));
}

INSTANTIATE_TEST_SUITE_P(Oracle, GoldenTest, testing::ValuesIn(golden_files()),
                         [](const auto& test) {
                           std::string name = std::filesystem::path(test.param).stem().string();
                           std::ranges::replace_if(
                               name,
                               [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace metaplastic
