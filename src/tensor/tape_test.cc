// The tape: recycled memory never corrupts a gradient, unused values get none, and a second pass
// takes no memory, neither from the arena nor from the heap.
#include <array>
#include <cstdlib>
#include <new>
#include <span>

#include "tensor/gradient_check.h"

namespace {

// How often the program asked the heap for memory.
std::size_t num_allocations = 0;

void* counted(std::size_t bytes, std::size_t alignment) {
  ++num_allocations;
  const std::size_t size = (bytes + alignment) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// The pair below matches: what counted() took from aligned_alloc goes to free. Without inlining GCC
// sees only one half of it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t bytes) { return counted(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](std::size_t bytes) { return counted(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#pragma GCC diagnostic pop

namespace metaplastic {
namespace {

constexpr int kU = 3, kC = 4, kB = 5;

// A chain in which values of several sizes live and die at different depths: every layer is used
// by the next one and, through a skip, by the one after; slices and reshapes share bars.
// x: activations [U,C,B], matrix [C,C], mixing weights [1,3], weights [U,U].
template <class T>
Var<T> deep_chain(Tape<T>& tape, std::span<const Var<T>> x, int depth) {
  Var<T> h = x[0], skip = x[0];
  for (int layer = 0; layer < depth; ++layer) {
    const Var<T> y = combine(tape, T(1), linear(tape, {h}, x[1]), T(0.3), skip);
    const Var<T> n = norm_relu(tape, y, T(0.5));
    const Var<T> up = matmul(tape, x[3], layer % 2 == 1, h, false, T(0.5));
    LinearExtras<T> one_column;
    one_column.first_column = layer % kC, one_column.num_columns = 1;
    const Var<T> gate = map(tape, Unary::kSigmoid, linear(tape, {n}, x[1], one_column));
    const Var<T> gated = gate_add(tape, n, gate, up);
    const Var<T> swapped =
        linear(tape, {slice_channels(gated, 2, 2), slice_channels(gated, 0, 2)}, x[1]);
    const std::array terms = {gated, swapped, map(tape, Unary::kTanh, skip)};
    const Var<T> mixed = mix(tape, std::span<const Var<T>>(terms), x[2], T(0.8));
    const Var<T> flat = reshape(mixed, kU, 1, kC * kB);
    skip = h;
    h = rms_channels(tape, reshape(map(tape, Unary::kSoftplus, flat), kU, kC, kB), T(0.1));
  }
  return multiply(tape, h, skip);
}

std::vector<Leaf> chain_leaves() {
  return {random_leaf(kU, kC, kB, 1), random_matrix(kC, kC, 2), random_matrix(1, 3, 3),
          random_matrix(kU, kU, 4)};
}

TEST(Tape, DeepChainWithBranchesEqualsDifferences) {
  const std::vector<Leaf> leaves = chain_leaves();
  for (const int depth : {1, 2, 7}) {
    SCOPED_TRACE(depth);
    Tape64 tape;
    const Build build = [depth](Tape64& t, const std::vector<Var64>& x) {
      return deep_chain<double>(t, x, depth);
    };
    const std::vector<Values> slopes = differences(tape, build, leaves);
    for (const bool computed : {false, true}) {
      Values value;
      const std::vector<Values> bars =
          adjoints(tape, build, leaves, {.computed = computed, .bars_in_use = false}, &value);
      // The curvature of seven layers adds to the error of the differences.
      for (std::size_t i = 0; i < leaves.size(); ++i) expect_close(bars[i], slopes[i], 1e-7, "bar");
    }
  }
}

// Backward gives memory back as it goes: a deeper chain needs more for its values only.
TEST(Tape, BackwardRecyclesValuesAndBars) {
  const std::vector<Leaf> leaves = chain_leaves();
  const auto peaks = [&](int depth) {
    Tape64 tape;
    tape.reset(true);
    std::vector<Var64> x;
    for (const Leaf& leaf : leaves)
      x.push_back(tape.leaf(leaf.values.data(), leaf.units, leaf.channels, leaf.examples));
    const Var64 y = deep_chain<double>(tape, x, depth);
    std::fill_n(tape.bar(y), y.size(), 1.0);
    const std::size_t forward = tape.arena().peak_bytes();
    tape.backward();
    return std::pair{forward, tape.arena().peak_bytes()};
  };
  const auto [forward, whole] = peaks(40);
  EXPECT_LT(static_cast<double>(whole), 1.3 * static_cast<double>(forward))
      << "without recycling the bars would take as much again as the values";
}

TEST(Tape, SlicedOutputAndUnusedChannels) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return slice_channels(map(tape, Unary::kTanh, x[0]), 1, 2);
      },
      {random_leaf(3, 4, 5, 1)},
      [](const auto& x) {
        Values y;
        for (int u = 0; u < 3; ++u)
          for (int c = 1; c < 3; ++c)
            for (int b = 0; b < 5; ++b) y.push_back(std::tanh(x[0].at(u, c, b)));
        return y;
      });
}

TEST(Tape, WhatNothingDependsOnGetsNoGradient) {
  const Values data = {1, 2, 3, 4};
  Tape64 tape;
  tape.reset(true);
  const Var64 used = tape.leaf(data.data(), 2, 2), lonely = tape.leaf(data.data(), 2, 2);
  const Var64 y = map(tape, Unary::kSignedSquare, used);
  const Var64 side = multiply(tape, map(tape, Unary::kTanh, lonely), y);
  const Var64 custom = tape.make(2, 2, true);
  int num_runs = 0, num_runs_y = 0;
  tape.on_backward(custom, [count = &num_runs] { ++*count; });
  const Var64 z = tape.make(2, 2, true);
  std::fill_n(z.data, 4, 0.0);
  tape.on_backward(z, [&tape, y, count = &num_runs_y] {
    std::fill_n(tape.bar(y), 4, 1.0);
    ++*count;
  });
  tape.bar(z);
  tape.backward();
  EXPECT_EQ(num_runs, 0) << "the closure of an unused value does not run";
  EXPECT_EQ(num_runs_y, 1);
  EXPECT_FALSE(tape.has_bar(lonely));
  EXPECT_FALSE(tape.has_bar(side));
  ASSERT_TRUE(tape.has_bar(used));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(tape.bar(used)[i], 2 * data[static_cast<std::size_t>(i)]);
  EXPECT_EQ(tape.bar(lonely)[0], 0) << "asked for, it is zero";
}

TEST(Tape, WithoutRecordingNothingIsKept) {
  const Values data = {1, 2, 3, 4};
  Tape64 tape;
  tape.reset(false);
  EXPECT_FALSE(tape.recording());
  const Var64 x = tape.leaf(data.data(), 2, 2), y = map(tape, Unary::kTanh, x);
  EXPECT_FALSE(x.needs_gradient() || y.needs_gradient());
  EXPECT_FALSE(tape.has_bar(x) || tape.has_bar(y));
  tape.backward();
}

TEST(Tape, KeepsOneValueAndGivesBackTheRest) {
  Tape<float> tape;
  tape.reset(false);
  constexpr int kColumns = 3 << 20;  // so long that moving is worth it
  std::vector<float> numbers(kColumns);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 100);
  const Var<float> x = tape.constant(numbers.data(), 1, kColumns);
  const Var<float> before = combine(tape, 2.0f, x, 0.0f, x);
  const std::size_t mark = tape.mark(), bytes = numbers.size() * sizeof(float);
  const Var<float> little = combine(tape, 3.0f, x, 0.0f, x);
  EXPECT_EQ(tape.keep(mark, little).data, little.data);
  EXPECT_EQ(tape.mark(), mark + bytes);
  combine(tape, 4.0f, x, 0.0f, x);
  const Var<float> kept = tape.keep(mark, combine(tape, 1.0f, before, 1.0f, x));
  EXPECT_EQ(kept.data, before.data + numbers.size());
  EXPECT_EQ(tape.mark(), mark + bytes);
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(kept.data[i], 3 * numbers[i]);
  // A value from before the mark, and one of the caller's, stay where they are.
  const std::size_t above = tape.mark();
  for (const Var<float>& value : {before, x}) {
    for (int n = 0; n < 3; ++n) combine(tape, 4.0f, x, 0.0f, x);
    EXPECT_EQ(tape.keep(above, value).data, value.data);
    EXPECT_EQ(tape.mark(), above);
  }
  // All is needed for the way back.
  tape.reset(true);
  const Var<float> leaf = tape.leaf(numbers.data(), 1, kColumns);
  const std::size_t start = tape.mark();
  for (int n = 0; n < 3; ++n) combine(tape, 4.0f, leaf, 0.0f, leaf);
  const Var<float> y = combine(tape, 2.0f, leaf, 0.0f, leaf);
  const std::size_t used = tape.mark();
  EXPECT_EQ(tape.keep(start, y).data, y.data);
  EXPECT_EQ(tape.mark(), used);
}

TEST(TapeDeathTest, SlicesShowTheirPart) {
  Tape64 tape;
  const Leaf leaf = random_leaf(2, 4, 3, 1);
  const Var64 x = tape.constant(leaf.values.data(), 2, 4, 3);
  const Var64 inner = slice_channels(slice_channels(x, 1, 3), 1, 2);
  EXPECT_EQ(inner.dims, (std::array{2, 2, 3}));
  EXPECT_FALSE(inner.contiguous());
  for (int u = 0; u < 2; ++u)
    for (int c = 0; c < 2; ++c)
      for (int b = 0; b < 3; ++b)
        EXPECT_EQ(inner.data[u * inner.unit_stride + c * 3 + b], leaf.at(u, c + 2, b));
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // BLAS keeps a thread of its own
  EXPECT_DEATH(slice_channels(x, 3, 2), "CHECK");
  EXPECT_DEATH(reshape(inner, 12, 1, 1), "CHECK");
}

// One pass of the chain in T with the gradients of all leaves; returns the sum of the bars.
template <class T>
T pass(Tape<T>& tape, const std::array<std::vector<T>, 4>& data) {
  tape.reset(true);
  const std::array x = {tape.leaf(data[0].data(), kU, kC, kB), tape.leaf(data[1].data(), kC, kC),
                        tape.leaf(data[2].data(), 1, 3), tape.leaf(data[3].data(), kU, kU)};
  const Var<T> y = deep_chain<T>(tape, x, 9);
  std::fill_n(tape.bar(y), y.size(), T(1));
  tape.backward();
  T sum = 0;
  for (const Var<T>& leaf : x)
    for (std::ptrdiff_t i = 0; i < leaf.size(); ++i) sum += tape.bar(leaf)[i];
  return sum;
}

template <class T>
void check_reuse() {
  std::array<std::vector<T>, 4> data;
  const std::vector<Leaf> leaves = chain_leaves();
  for (std::size_t i = 0; i < 4; ++i)
    for (const double value : leaves[i].values) data[i].push_back(T(value));
  Tape<T> tape;
  const T first = pass(tape, data);
  const std::size_t peak = tape.arena().peak_bytes();
  const std::size_t before = num_allocations;
  int num_different = 0;
  for (int repetition = 0; repetition < 100; ++repetition)
    num_different += pass(tape, data) == first ? 0 : 1;
  const std::size_t after = num_allocations;
  EXPECT_EQ(after - before, 0u) << "allocations from the heap in passes after the first";
  EXPECT_EQ(num_different, 0) << "a pass is a function of its inputs";
  EXPECT_EQ(tape.arena().peak_bytes(), peak) << "the arena grew";
}

TEST(Tape, LaterPassesTakeNoMemory) {
  const std::size_t before = num_allocations;
  { const std::vector<int> proof(100); }
  EXPECT_GT(num_allocations, before) << "the counter counts";
  check_reuse<float>();
  check_reuse<double>();
}

}  // namespace
}  // namespace metaplastic
