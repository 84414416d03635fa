// A sparse matrix times a block of columns, a row at a time, in vectors. Compiled once per
// instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metaplastic {

// M [P,P]: the entries of a row one after the other.
struct SparseRows {
  std::vector<std::uint32_t> begins;   // [P+1], of a row's entries
  std::vector<std::uint32_t> columns;  // of each entry
  std::vector<float> values;           // of each entry

  int num_rows() const { return static_cast<int>(begins.size()) - 1; }
};

// What becomes of a product: scale (M x - centre x), less what was there before if so told. The
// plain product unless said otherwise.
struct ProductStep {
  float scale = 1, centre = 0;
  bool less_old = false;
};

// Rows [first, last) of out [P,m] <- step of x [P,m]; x is not out. Entries are added up in their
// order, without fused operations, so that bits depend neither on the instruction set nor on who
// computes a row.
void multiply_rows(const SparseRows& matrix, const ProductStep& step, const float* x, int m,
                   int first, int last, float* out);

}  // namespace metaplastic
