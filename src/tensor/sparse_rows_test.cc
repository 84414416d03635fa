// Sparse products beside a twin that adds up one number at a time.
#include "tensor/sparse_rows.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace metaplastic {
namespace {

SparseRows some_rows(std::uint32_t num_rows, std::uint32_t num_entries) {
  Random random(1, Purpose::kTest);
  SparseRows matrix;
  matrix.begins = {0};
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    for (std::uint32_t n = 0; n < (row * 7) % (num_entries + 1); ++n) {
      matrix.columns.push_back(static_cast<std::uint32_t>(random.below(num_rows)));
      matrix.values.push_back(random.normal());
    }
    matrix.begins.push_back(static_cast<std::uint32_t>(matrix.columns.size()));
  }
  return matrix;
}

float twin(const SparseRows& matrix, const ProductStep& step, const std::vector<float>& x,
           std::size_t m, std::size_t row, std::size_t column, float old) {
  float sum = 0;
  for (std::uint32_t entry = matrix.begins[row]; entry < matrix.begins[row + 1]; ++entry)
    sum += matrix.values[entry] * x[matrix.columns[entry] * m + column];
  const float result = step.scale * (sum - step.centre * x[row * m + column]);
  return step.less_old ? result - old : result;
}

// To the bit, whatever the instruction set and the width; other rows stay.
TEST(SparseRowsKernel, EqualTwin) {
  constexpr int kRows = 9, kFirst = 1, kLast = 8;
  const SparseRows matrix = some_rows(kRows, 5);
  for (const int m : {1, 3, 16, 31, 32, 33, 64, 67})
    for (const ProductStep step : {ProductStep{}, ProductStep{1.5f, -0.25f, true}}) {
      SCOPED_TRACE(testing::Message() << m << " columns");
      const auto um = static_cast<std::size_t>(m);
      Random random(2, Purpose::kTest);
      std::vector<float> x(kRows * um), out(kRows * um);
      for (float& value : x) value = random.normal();
      for (float& value : out) value = random.normal();
      const std::vector<float> old = out;
      multiply_rows(matrix, step, x.data(), m, kFirst, kLast, out.data());
      for (std::size_t row = 0; row < kRows; ++row)
        for (std::size_t c = 0; c < um; ++c) {
          const bool is_in = row >= kFirst && row < kLast;
          const float was = old[row * um + c];
          ASSERT_EQ(out[row * um + c], is_in ? twin(matrix, step, x, um, row, c, was) : was);
        }
    }
}

}  // namespace
}  // namespace metaplastic
