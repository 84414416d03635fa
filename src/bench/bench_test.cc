#include "bench/bench.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/error.h"
#include "bench/measure.h"
#include "bench/step_case.h"
#include "bench/verify.h"
#include "io/safetensors.h"
#include "io/test_folder.h"
#include "rule/cost.h"

namespace metaplastic {
namespace {

TEST(BenchCost, OneLayerCountedByHand) {
  Architecture architecture;
  architecture.widths = {3, 2};
  RuleSizes sizes;
  sizes.C = 5;
  sizes.D = 4;
  sizes.G = 1;
  const auto stages = count_step(architecture, sizes, 7);
  const auto flops = [&](std::string_view name) {
    for (const StageCost& stage : stages) {
      if (stage.name == name) return stage.flops;
    }
    ADD_FAILURE() << "no stage " << name;
    return 0.0;
  };
  // Multiply-adds, twice each. base: U_up B U_lo.
  EXPECT_EQ(flops("base_model"), 2 * 2 * 7 * 3);
  // corr and its product 2x2x7 each; top_in, top_unit, top_mix, top_example, top_out.
  EXPECT_EQ(flops("top_down"), 2 * (2 * 28 + 14 * 5 * 2 + 2 * 5 * 10 + 14 * 25 + 7 * 50 + 14 * 20));
  // 3 + 2 units: hidden_in, mix per example; bias, statistics, hidden_unit; hidden_example twice.
  EXPECT_EQ(flops("hidden_state"),
            2 * (5 * 7 * (6 * 5 + 25) + 5 * (5 * 5 + 10 * 5) + 2 * 7 * 10 * 5));
  EXPECT_EQ(flops("readouts"), 2 * 7 * 5 * (3 * 7 + 2 * (8 + 4 + 1)));
  EXPECT_EQ(flops("signal_below"), 2 * 3 * 2 * 4 * 7);
  EXPECT_EQ(flops("lowrank"), 2 * 7 * (3 * 6 + 3 * 4 + 2 * 9));
  EXPECT_EQ(flops("term_products"), 2 * (7 * (6 + 4) + 4 * 3 * 2 * 2 + 2 * 3 * 2 * 3));
}

TEST(BenchCost, Metz2019CountedByHand) {
  Architecture architecture;
  architecture.widths = {3, 2};
  RuleSizes sizes;
  sizes.preset = "metz2019";
  sizes.C = 5, sizes.D = 4, sizes.G = 1, sizes.top_units = 2;
  int found = 0;
  for (const StageCost& stage : count_step(architecture, sizes, 7)) {
    if (stage.name == "top_down") {
      // 2 top units: 5 taps of 1 to C; mixing 3 x 2 to 2 for each of C channels; 3C to C twice, to
      // D.
      EXPECT_EQ(stage.flops, 2 * 7 * (2 * 5 * 5 + 2 * 5 * 6 * 2 + 2 * 2 * 15 * 5 + 2 * 15 * 4));
      ++found;
    } else if (stage.name == "hidden_state") {
      // 5 units: 3 (13 + D) to C, then five times 3C to C.
      EXPECT_EQ(stage.flops, 2 * 7 * 5 * (3 * 17 * 5 + 5 * 15 * 5));
      ++found;
    }
  }
  EXPECT_EQ(found, 2);
}

TEST(BenchVerify, TheGateCaseAgreesWithItsTwin) {
  const Agreement agreement = verify_case(find_step_case("gate"));
  EXPECT_GT(agreement.forward, 0);  // float is not double: something was compared
  EXPECT_LT(agreement.forward, agreement.forward_bound);
  EXPECT_LT(agreement.forward_bound, 1e-3);
}

TEST(BenchCases, AnUnknownNameIsAnErrorThatNamesTheNearest) {
  try {
    find_step_case("compact-smal");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'compact-small'"), std::string::npos);
  }
}

TEST(BenchMeasure, ThreadsRunEveryMeasureTheSameNumberOfTimes) {
  std::array<int, 3> a{}, b{};  // by thread
  const std::array<Measure, 2> measures = {
      Measure{"a", [&](int thread) { ++a[static_cast<std::size_t>(thread)]; }},
      Measure{"b", [&](int thread) { ++b[static_cast<std::size_t>(thread)]; }}};
  MeasureOptions options;
  options.num_threads = 3;
  options.repeats = 5;
  const auto seconds = time_interleaved(measures, options);
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0].size(), 15u);
  EXPECT_EQ(seconds[1].size(), 15u);
  EXPECT_EQ(a, (std::array<int, 3>{6, 6, 6}));  // one round warms up
  EXPECT_EQ(b, a);
}

TEST(BenchMeasure, Median) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(BenchDump, HoldsInputsAndResultsInBothPrecisions) {
  const TestFolder folder;
  const std::string path = folder.path("dump.safetensors");
  dump_step_case("gate", path);
  const TensorFile file = read_safetensors(path);
  const std::array<std::int64_t, 2> W1 = {36, 24};
  const auto next = file.require("next.W1", DType::kF32, W1).as<float>();
  const auto twin = file.require("next_f64.W1", DType::kF64, W1).as<double>();
  const auto before = file.require("phi.W1", DType::kF32, W1).as<float>();
  EXPECT_NE(next[0], before[0]);
  EXPECT_NEAR(static_cast<double>(next[0]), twin[0], 1e-6);
  EXPECT_EQ(file.require_metadata("inner_lr"), "0.019999999552965164");
}

}  // namespace
}  // namespace metaplastic
