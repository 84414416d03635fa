// The nearest examples to one, gathered while distances come in.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "neighbours/near_examples.h"

namespace metaplastic {

// The kChoices others with the smallest distance that have other inputs; of equal distances those
// that came first.
class Nearest {
 public:
  // What a distance must be below.
  float bound() const {
    return count_ < kChoices ? std::numeric_limits<float>::infinity() : entries_.back().first;
  }
  // Of example `i` of `from`; distance to example p of the others.
  void look_at(const LocatedExamples& from, std::size_t i, const LocatedExamples& others,
               std::size_t p, float distance) {
    if (distance < bound() && !from.equals(i, others, p))
      insert({distance, static_cast<std::uint32_t>(p)});
  }
  // Those that both have seen, of which each saw some in their order.
  void add(const Nearest& others) {
    for (std::size_t c = 0; c < others.count_; ++c) insert(others.entries_[c]);
  }
  // found [kChoices], nearest first; repeated where there are fewer, `none` where there is none.
  void write(std::size_t none, std::span<std::size_t> found) const {
    for (std::size_t c = 0; c < kChoices; ++c)
      found[c] = count_ == 0 ? none : entries_[c % count_].second;
  }

 private:
  using Entry = std::pair<float, std::uint32_t>;  // distance, number
  void insert(const Entry& entry) {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto place = std::upper_bound(entries_.begin(), end, entry);
    if (place == entries_.end()) return;
    if (count_ < kChoices) ++count_;
    std::move_backward(place, entries_.begin() + static_cast<std::ptrdiff_t>(count_) - 1,
                       entries_.begin() + static_cast<std::ptrdiff_t>(count_));
    *place = entry;
  }
  std::array<Entry, kChoices> entries_;  // ascending
  std::size_t count_ = 0;
};

}  // namespace metaplastic
