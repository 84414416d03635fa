#include "base/sample.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "base/error.h"

namespace metaplastic {

std::vector<std::int64_t> sample_without_replacement(Random& random, std::int64_t size,
                                                     std::int64_t count) {
  METAPLASTIC_CHECK(count >= 0 && count <= size);
  if (size >= (std::int64_t{1} << 32)) {
    fail("data: expected fewer than 2^32 rows to draw from, found {}; use a part of them", size);
  }
  std::vector<std::int64_t> drawn;
  std::unordered_set<std::int64_t> seen;
  for (std::int64_t last = size - count; last < size; ++last) {
    const std::int64_t value = random.below(static_cast<std::uint32_t>(last + 1));
    drawn.push_back(seen.insert(value).second ? value : last);
    if (drawn.back() == last) seen.insert(last);
  }
  return drawn;
}

std::vector<std::int64_t> sorted_sample(Random& random, std::int64_t size, std::int64_t count) {
  if (count >= size) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    return all;
  }
  std::vector<std::int64_t> drawn = sample_without_replacement(random, size, count);
  std::ranges::sort(drawn);
  return drawn;
}

}  // namespace metaplastic
