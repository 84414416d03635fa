// The authors' rule from a small checkpoint that tests/released/make_golden.py wrote, with one
// inner step as a program of its own computes it from the checkpoint's variables.
#include "rule/released_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "io/bundle/tensor_bundle.h"
#include "rule/test_step.h"

namespace metaplastic {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kGolden = METAPLASTIC_SOURCE_DIR "/tests/released/golden/";

TensorBundle small_bundle() { return read_tensor_bundle(std::string(kGolden) + "small"); }

TEST(ReleasedCheckpoint, EveryVariableIsUsedOrCounted) {
  const ReleasedRule released = rule_from_checkpoint(small_bundle().file);
  const RuleSizes& sizes = released.rule.sizes;
  EXPECT_EQ(describe(sizes), "preset metz2019, C 6, D 4, G 3, top layer of 5 units");
  EXPECT_EQ(released.num_used, 61);
  EXPECT_EQ(released.num_biases, 11);
  EXPECT_EQ(released.num_averages, 24);
  EXPECT_THAT(released.others,
              testing::ElementsAre("LocalWeightUpdateWLearner/shuffle_ind", "global_step"));
  EXPECT_EQ(static_cast<std::int64_t>(released.rule.theta.size()), ThetaLayout(sizes).size());
  EXPECT_EQ(released.rule.inner.inner_lr, 1e-4);
  EXPECT_EQ(released.rule.inner.init, "truncated");
}

TEST(ReleasedCheckpoint, FirstStepEqualsTheVariablesOwn) {
  const Rule rule = rule_from_checkpoint(small_bundle().file).rule;
  const TensorFile golden = read_safetensors(std::string(kGolden) + "step.safetensors");
  const auto values = [&](const std::string& name) {
    return golden.require(name, DType::kF64).as<double>();
  };
  Architecture architecture;
  architecture.widths = {9, 7, 5};
  const auto flat = [&](const std::string& prefix) {
    std::vector<double> phi;
    for (int l = 1; l <= architecture.num_layers(); ++l) {
      for (const char* name : {"W", "V", "b"}) {
        const auto part = values(fmt::format("{}.{}{}", prefix, name, l));
        phi.insert(phi.end(), part.begin(), part.end());
      }
    }
    return phi;
  };
  const std::vector<double> theta(rule.theta.begin(), rule.theta.end());
  const auto x = values("x");
  const std::vector<double> found =
      phi_after_step<double>(ThetaLayout(rule.sizes), theta, architecture, flat("phi"),
                             {x.begin(), x.end()}, std::stod(golden.require_metadata("inner_lr")));
  const std::vector<double> expected = flat("step1");
  ASSERT_EQ(found.size(), expected.size());
  // Double against double: a few hundred roundings of numbers near 1.
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-11) << i;
}

TEST(ReleasedCheckpoint, WhatIsMissingOrWrongIsNamed) {
  const std::string module = "MoreLocalWeightUpdateProcess/";
  const auto line_after = [](const std::function<void(TensorFile&)>& change) -> std::string {
    TensorFile file = small_bundle().file;
    change(file);
    try {
      rule_from_checkpoint(file);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const auto find = [&](TensorFile& file, const std::string& name) -> Tensor& {
    return *std::ranges::find(file.tensors, module + name, &Tensor::name);
  };
  EXPECT_THAT(line_after([](TensorFile& file) { file.tensors.clear(); }),
              HasSubstr("expected a tensor"));
  EXPECT_THAT(
      line_after([&](TensorFile& file) { find(file, "ConcatUnitConv_1/conv_1d/w").name = "x"; }),
      HasSubstr("expected a tensor 'MoreLocalWeightUpdateProcess/ConcatUnitConv_1/conv_1d/w'"));
  EXPECT_THAT(line_after([&](TensorFile& file) {
                std::swap(find(file, "conv_1d/w").shape[1], find(file, "conv_1d/w").shape[2]);
              }),
              AllOf(HasSubstr("conv_1d/w': expected shape [3, 17, 6]"), HasSubstr("[3, 6, 17]")));
  EXPECT_THAT(line_after([&](TensorFile& file) {
                find(file, "compute_top_delta/conv_1d_1/w").shape.pop_back();
              }),
              HasSubstr("3 dimensions"));
  EXPECT_THAT(line_after([&](TensorFile& file) { find(file, "linear/b").dtype = DType::kI32; }),
              HasSubstr("linear/b': expected F32, found I32"));
  EXPECT_THAT(
      line_after(
          [&](TensorFile& file) { find(file, "bias_readout/w").as<float>()[2] = std::nanf(""); }),
      HasSubstr("expected finite numbers in 'MoreLocalWeightUpdateProcess/bias_readout/w'"));
}

// A rule whose V has readouts of its own: the same variables with another direction's name.
TEST(ReleasedCheckpoint, ReadoutsOfTheBackwardWeightsAreV) {
  TensorFile file = small_bundle().file;
  const std::string forward = "MoreLocalWeightUpdateProcess/forward";
  std::vector<Tensor> copies;
  for (const Tensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(forward)) continue;
    copies.push_back(tensor);
    copies.back().name =
        "MoreLocalWeightUpdateProcess/backward" + tensor.name.substr(forward.size());
  }
  file.tensors.insert(file.tensors.end(), copies.begin(), copies.end());
  const Rule rule = rule_from_checkpoint(file).rule;
  ASSERT_TRUE(rule.sizes.has_v_step());
  const ThetaLayout layout(rule.sizes);
  const auto number = [&](ThetaName name, int row, int col) {
    const ThetaEntry& entry = layout[name];
    return rule.theta[static_cast<std::size_t>(entry.offset + row * entry.cols + col)];
  };
  const int G = rule.sizes.G, low_v = layout.num_up_readouts() * G;
  for (int row = 0; row < rule.sizes.C; ++row) {
    for (int g = 0; g < G; ++g) {
      EXPECT_EQ(number(ThetaName::kReadoutV, row, g), number(ThetaName::kReadout, row, g));
      EXPECT_EQ(number(ThetaName::kReadoutV, row, low_v + g),
                number(ThetaName::kReadout, row, layout.low_column(0) + g));
    }
  }
  for (int k = 0; k < layout.num_terms(); ++k)
    EXPECT_EQ(number(ThetaName::kMixV, 0, k), number(ThetaName::kMix, 0, k));
}

}  // namespace
}  // namespace metaplastic
