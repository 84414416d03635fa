#include "tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/error.h"
#include "base/huge_pages.h"

namespace metaplastic {
namespace {

std::size_t round_up(std::size_t bytes) {
  return (bytes + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment;
}

}  // namespace

Arena::Arena(std::size_t reserve_bytes) {
  // Under a limit on address space (ulimit -v) smaller ranges are tried before giving up.
  const std::size_t least = std::clamp(reserve_bytes, std::size_t{1}, std::size_t{1} << 24);
  for (std::size_t bytes = reserve_bytes; bytes >= least; bytes /= 2) {
    void* range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range != MAP_FAILED) {
      base_ = static_cast<std::byte*>(range);
      reserved_ = bytes;
      break;
    }
  }
  if (base_ == nullptr)
    fail("arena: expected to reserve address space, the system refused; raise ulimit -v");
  advise_huge_pages(base_, reserved_);
  free_.reserve(1024);
}

Arena::~Arena() { munmap(base_, reserved_); }

void* Arena::allocate(std::size_t bytes) {
  // More than the whole range is refused before rounding up, which could overflow.
  const std::size_t wanted = bytes > reserved_ ? bytes : std::max(round_up(bytes), kAlignment);
  auto best = free_.end();
  for (auto block = free_.begin(); block != free_.end(); ++block) {
    if (block->bytes >= wanted && (best == free_.end() || block->bytes <= best->bytes))
      best = block;
  }
  if (best != free_.end()) {
    void* found = base_ + best->offset;
    if (best->bytes == wanted) {
      free_.erase(best);
    } else {
      best->offset += wanted;
      best->bytes -= wanted;
    }
    return found;
  }
  if (wanted > reserved_ - top_) {
    fail(
        "out of memory: one step needs more than the {} MiB reserved for it; use fewer units, a "
        "smaller batch, or raise ulimit -v",
        reserved_ >> 20);
  }
  void* fresh = base_ + top_;
  top_ += wanted;
  peak_ = std::max(peak_, top_);
  return fresh;
}

void Arena::release(void* block, std::size_t bytes) {
  const Block freed = {static_cast<std::size_t>(static_cast<std::byte*>(block) - base_),
                       std::max(round_up(bytes), kAlignment)};
  const auto ends_at = [](const Block& b, std::size_t offset) {
    return b.offset + b.bytes == offset;
  };
  auto next =
      std::lower_bound(free_.begin(), free_.end(), freed.offset,
                       [](const Block& b, std::size_t offset) { return b.offset < offset; });
  auto merged = next;
  if (next != free_.begin() && ends_at(*(next - 1), freed.offset)) {
    merged = next - 1;
    merged->bytes += freed.bytes;
  } else {
    merged = free_.insert(next, freed);
  }
  next = merged + 1;
  if (next != free_.end() && ends_at(*merged, next->offset)) {
    merged->bytes += next->bytes;
    free_.erase(next);
  }
  if (ends_at(free_.back(), top_)) {
    top_ = free_.back().offset;
    free_.pop_back();
  }
}

void Arena::rewind(std::size_t top) {
  while (!free_.empty() && free_.back().offset >= top) free_.pop_back();
  top_ = top;
  if (free_.empty() || free_.back().offset + free_.back().bytes < top) return;
  top_ = free_.back().offset;  // a block that ends at the top or goes beyond it
  free_.pop_back();
}

void Arena::reset() {
  top_ = 0;
  free_.clear();
}

}  // namespace metaplastic
