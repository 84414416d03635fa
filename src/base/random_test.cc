#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace metaplastic {
namespace {

using Words4 = std::array<std::uint32_t, 4>;

// Philox4x32-10 written from the formulas of Salmon et al., SC 2011.
Words4 naive_philox(Words4 counter, std::uint32_t key_0, std::uint32_t key_1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product_0 = 0xD2511F53ull * counter[0];
    const std::uint64_t product_1 = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<std::uint32_t>(product_1 >> 32) ^ counter[1] ^ key_0,
               static_cast<std::uint32_t>(product_1),
               static_cast<std::uint32_t>(product_0 >> 32) ^ counter[3] ^ key_1,
               static_cast<std::uint32_t>(product_0)};
    key_0 += 0x9E3779B9u;
    key_1 += 0xBB67AE85u;
  }
  return counter;
}

TEST(Random, NaivePhiloxGivesThePublishedVectors) {
  EXPECT_EQ(naive_philox({0, 0, 0, 0}, 0, 0),
            (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(naive_philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The layout of key and counter is part of the format of a run: old seeds must give old numbers.
TEST(Random, StreamIsPhiloxOfSeedPurposeTaskStep) {
  const std::uint64_t seed = 0x0123456789abcdefull, task = 0x00aabbcc11223344ull;
  const std::uint32_t step = 77;
  Random random(seed, Purpose::kTest, task, step);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const std::uint32_t purpose_word = (13u << 24) ^ 0x00aabbccu;
    const Words4 expected =
        naive_philox({block, step, 0x11223344u, purpose_word}, 0x89abcdefu, 0x01234567u);
    for (const std::uint32_t word : expected) EXPECT_EQ(random.next_u32(), word);
  }
}

TEST(Random, EveryPartOfTheNameChangesTheStream) {
  std::set<std::vector<std::uint32_t>> streams;
  auto add = [&](Random random) {
    streams.insert({random.next_u32(), random.next_u32(), random.next_u32()});
  };
  add(Random(1, Purpose::kTest));
  add(Random(2, Purpose::kTest));
  add(Random(1ull << 32, Purpose::kTest));
  add(Random(1, Purpose::kTask));
  add(Random(1, Purpose::kTest, 1));
  add(Random(1, Purpose::kTest, 1ull << 32));
  add(Random(1, Purpose::kTest, 1ull << 55));
  add(Random(1, Purpose::kTest, 0, 1));
  add(Random(1, Purpose::kTest, 1, 1));
  EXPECT_EQ(streams.size(), 9u);
}

TEST(Random, SameNameGivesTheSameStream) {
  Random a(5, Purpose::kInnerBatch, 3, 4), b(5, Purpose::kInnerBatch, 3, 4);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next_u32(), b.next_u32());
}

TEST(RandomDeathTest, TaskBeyondItsBitsIsAProgrammingError) {
  EXPECT_DEATH(Random(1, Purpose::kTest, 1ull << 56), "CHECK failed");
}

TEST(Random, BelowIsUnbiasedForSmallCounts) {
  constexpr int kDraws = 70000;
  Random random(11, Purpose::kTest);
  std::array<int, 7> histogram{};
  for (int i = 0; i < kDraws; ++i) ++histogram.at(random.below(7));
  double chi_square = 0;
  for (const int count : histogram) {
    chi_square += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  }
  // 6 degrees of freedom: P(chi^2 > 27.9) = 1e-4; the seed is fixed, so this cannot flake.
  EXPECT_LT(chi_square, 27.9);
}

// With 3 * 2^30 values, multiply-shift without rejection would give one residue of three half of
// all draws.
TEST(Random, BelowIsUnbiasedForHugeCounts) {
  constexpr int kDraws = 30000;
  Random random(12, Purpose::kTest);
  std::array<int, 3> histogram{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t value = random.below(3u << 30);
    ASSERT_LT(value, 3u << 30);
    ++histogram[value % 3];
  }
  // Standard deviation of a share of 1/3 is sqrt(2/9/n); five of them.
  for (const int count : histogram) {
    EXPECT_NEAR(count / double{kDraws}, 1.0 / 3, 5 * std::sqrt(2.0 / 9 / kDraws));
  }
}

TEST(Random, BelowOneIsZeroAndBetweenReachesBothEnds) {
  Random random(13, Purpose::kTest);
  std::set<int> seen;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(random.below(1), 0u);
    seen.insert(random.between(-2, 2));
  }
  EXPECT_EQ(seen, (std::set<int>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(random.between(4, 4), 4);
}

TEST(Random, UniformHasItsMomentsAndRange) {
  constexpr int kDraws = 100000;
  Random random(14, Purpose::kTest);
  double sum = 0, sum_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float value = random.uniform();
    ASSERT_GE(value, 0.0f);
    ASSERT_LT(value, 1.0f);
    sum += value;
    sum_squares += double{value} * value;
  }
  // Variances: of u 1/12, of u^2 4/45; five standard deviations of the means.
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(sum_squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(Random, NormalHasItsMoments) {
  constexpr int kDraws = 100000;
  Random random(15, Purpose::kTest);
  double sum = 0, sum_squares = 0, sum_fourths = 0, sum_neighbours = 0, previous = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    sum_squares += value * value;
    sum_fourths += value * value * value * value;
    sum_neighbours += value * previous;
    previous = value;
  }
  // Variances: of x 1, of x^2 2, of x^4 105 - 9, of x y 1; five standard deviations of the means.
  EXPECT_NEAR(sum / kDraws, 0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(sum_squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(sum_fourths / kDraws, 3, 5 * std::sqrt(96.0 / kDraws));
  EXPECT_NEAR(sum_neighbours / kDraws, 0, 5 * std::sqrt(1.0 / kDraws));
}

TEST(Random, LogUniformHasUniformLogarithms) {
  constexpr int kDraws = 50000;
  Random random(16, Purpose::kTest);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float value = random.log_uniform(1e-3f, 10.0f);
    ASSERT_GE(value, 1e-3f * 0.9999f);
    ASSERT_LE(value, 10.0f * 1.0001f);
    sum += std::log10(double{value});
  }
  // log10 is uniform on [-3, 1]: mean -1, variance 16/12.
  EXPECT_NEAR(sum / kDraws, -1, 5 * std::sqrt(16.0 / 12 / kDraws));
}

TEST(Random, ShuffleIsAPermutationAndMovesEveryPlaceEverywhere) {
  Random random(17, Purpose::kTest);
  std::array<std::array<int, 4>, 4> counts{};
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    std::array<int, 4> values{0, 1, 2, 3};
    random.shuffle(std::span<int>(values));
    std::set<int> seen(values.begin(), values.end());
    ASSERT_EQ(seen.size(), 4u);
    for (std::size_t place = 0; place < 4; ++place) ++counts[place][values[place]];
  }
  for (const auto& row : counts) {
    for (const int count : row) {
      EXPECT_NEAR(count / double{kDraws}, 0.25, 5 * std::sqrt(3.0 / 16 / kDraws));
    }
  }
}

}  // namespace
}  // namespace metaplastic
