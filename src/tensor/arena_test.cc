// The arena: alignment, reuse, and refusal in one line when the range is used up.
#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

bool aligned(const void* block) {
  return reinterpret_cast<std::uintptr_t>(block) % Arena::kAlignment == 0;
}

TEST(Arena, BlocksAreAlignedAndApart) {
  Arena arena(16 * kMiB);
  std::byte* previous = nullptr;
  std::size_t previous_bytes = 0;
  for (const std::size_t bytes : {1u, 127u, 128u, 129u, 0u, 4096u, 100000u, 8u}) {
    auto* block = static_cast<std::byte*>(arena.allocate(bytes));
    EXPECT_TRUE(aligned(block)) << bytes;
    EXPECT_GE(block, previous + previous_bytes) << bytes;
    if (bytes != 0) std::memset(block, 1, bytes);
    previous = block, previous_bytes = bytes;
  }
  EXPECT_TRUE(aligned(arena.allocate_array<double>(3)));
}

TEST(Arena, ResetStartsOverAndKeepsThePeak) {
  Arena arena(16 * kMiB);
  void* first = arena.allocate(1000);
  arena.allocate(3000);
  const std::size_t peak = arena.peak_bytes();
  EXPECT_GE(peak, 4000u);
  EXPECT_EQ(arena.used_bytes(), peak);
  for (int repetition = 0; repetition < 100; ++repetition) {
    arena.reset();
    EXPECT_EQ(arena.used_bytes(), 0u);
    EXPECT_EQ(arena.allocate(1000), first);
    arena.allocate(3000);
  }
  EXPECT_EQ(arena.peak_bytes(), peak);
}

TEST(Arena, ReleasedBlocksAreUsedAgain) {
  Arena arena(16 * kMiB);
  void* large = arena.allocate(5000);
  arena.allocate(1);
  void* small = arena.allocate(300);
  arena.allocate(1);
  const std::size_t used = arena.used_bytes();
  arena.release(large, 5000);
  arena.release(small, 300);
  EXPECT_EQ(arena.allocate(300), small) << "the best fit, not the first";
  EXPECT_EQ(arena.allocate(1000), large);
  EXPECT_EQ(arena.allocate(1000), static_cast<std::byte*>(large) + 1024) << "the rest of the block";
  EXPECT_EQ(arena.used_bytes(), used) << "nothing new was taken";
  EXPECT_GT(arena.allocate(4000), small) << "what does not fit is fresh";
  EXPECT_GT(arena.used_bytes(), used);
}

TEST(Arena, NeighboursGrowTogether) {
  for (const std::array<int, 3>& order :
       {std::array{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}}) {
    Arena arena(kMiB);
    std::array<void*, 3> blocks;
    for (void*& block : blocks) block = arena.allocate(1024);
    arena.allocate(1);
    const std::size_t used = arena.used_bytes();
    for (const int i : order) arena.release(blocks[static_cast<std::size_t>(i)], 1024);
    EXPECT_EQ(arena.allocate(3 * 1024), blocks[0]);
    EXPECT_EQ(arena.used_bytes(), used);
  }
}

TEST(Arena, TheLastBlocksGoBackToTheTop) {
  Arena arena(kMiB);
  arena.allocate(100);
  const std::size_t used = arena.used_bytes();
  void* first = arena.allocate(1000);
  void* second = arena.allocate(1000);
  const std::size_t peak = arena.used_bytes();
  arena.release(first, 1000);
  EXPECT_EQ(arena.used_bytes(), peak);
  arena.release(second, 1000);
  EXPECT_EQ(arena.used_bytes(), used);
  EXPECT_EQ(arena.allocate(5000), first);
}

TEST(Arena, NothingReleasedBeforeAResetIsHandedOutAfterIt) {
  Arena arena(16 * kMiB);
  void* first = arena.allocate(512);
  void* second = arena.allocate(512);
  arena.release(second, 512);
  arena.reset();
  EXPECT_EQ(arena.allocate(512), first);
  EXPECT_EQ(arena.allocate(512), second);
  EXPECT_NE(arena.allocate(512), second);
}

// Live blocks never overlap, whatever the order of allocation and release.
TEST(Arena, RewindingGivesBackWhatCameLater) {
  Arena arena(16 * kMiB);
  void* first = arena.allocate(1000);
  void* freed_later = arena.allocate(500);
  const std::size_t top = arena.used_bytes();
  void* above = arena.allocate(2000);
  void* in_the_middle = arena.allocate(3000);
  arena.allocate(4000);
  EXPECT_TRUE(arena.is_above(top, above));
  EXPECT_FALSE(arena.is_above(top, freed_later));
  arena.release(in_the_middle, 3000);
  arena.rewind(top);
  EXPECT_EQ(arena.used_bytes(), top);
  EXPECT_EQ(arena.allocate(2500), above);  // not the free block, which is gone
  // A free block on both sides of the mark goes whole.
  arena.release(freed_later, 500);
  arena.release(above, 2500);
  EXPECT_EQ(arena.used_bytes(), std::size_t{1024});
  arena.allocate(500);
  arena.allocate(2500);
  arena.allocate(1);
  arena.release(freed_later, 500);
  arena.release(above, 2500);
  arena.rewind(top);
  EXPECT_EQ(arena.used_bytes(), std::size_t{1024});
  EXPECT_EQ(arena.allocate(5000), freed_later);
  EXPECT_NE(first, freed_later);
}

TEST(Arena, LiveBlocksNeverOverlap) {
  struct Block {
    unsigned char* data;
    std::size_t bytes;
    unsigned char mark;
  };
  Arena arena(64 * kMiB);
  Random random(1, Purpose::kTest);
  std::vector<Block> live;
  for (int i = 0; i < 5000; ++i) {
    if (live.size() < 40 || random.below(2) == 0) {
      const std::size_t bytes = 1 + random.below(3000);
      const auto mark = static_cast<unsigned char>(random.below(256));
      auto* data = static_cast<unsigned char*>(arena.allocate(bytes));
      ASSERT_TRUE(aligned(data));
      std::memset(data, mark, bytes);
      live.push_back({data, bytes, mark});
      continue;
    }
    std::swap(live[random.below(static_cast<std::uint32_t>(live.size()))], live.back());
    const Block block = live.back();
    live.pop_back();
    for (std::size_t at = 0; at < block.bytes; ++at) ASSERT_EQ(block.data[at], block.mark);
    arena.release(block.data, block.bytes);
  }
}

std::string refusal(Arena& arena, std::size_t bytes) {
  try {
    arena.allocate(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Arena, ExhaustionIsAnErrorInOneLine) {
  Arena arena(kMiB);
  arena.allocate(kMiB - 1024);
  const std::string line = refusal(arena, 2048);
  EXPECT_NE(line.find("out of memory"), std::string::npos) << line;
  EXPECT_NE(line.find("1 MiB"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  EXPECT_EQ(refusal(arena, 1024), "") << "what is left can still be had";
  EXPECT_NE(refusal(arena, 1), "");
  arena.reset();
  EXPECT_EQ(refusal(arena, kMiB), "");
}

TEST(Arena, SizesThatOverflowAreRefused) {
  Arena arena(kMiB);
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 200, SIZE_MAX / 2})
    EXPECT_NE(refusal(arena, bytes), "") << bytes;
  EXPECT_THROW(arena.allocate_array<double>(SIZE_MAX / 8 + 2), Error);
  EXPECT_EQ(arena.used_bytes(), 0u);
  EXPECT_THROW(Arena(0), Error);
}

}  // namespace
}  // namespace metaplastic
