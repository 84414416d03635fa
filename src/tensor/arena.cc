#include "tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/error.h"

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
  madvise(base_, reserved_, MADV_HUGEPAGE);  // advice only: a refusal costs speed, nothing else
  free_.reserve(1024);
}

Arena::~Arena() { munmap(base_, reserved_); }

void* Arena::allocate(std::size_t bytes) {
  // More than the whole range is refused before rounding up, which could overflow.
  const std::size_t wanted = bytes > reserved_ ? bytes : std::max(round_up(bytes), kAlignment);
  std::size_t best = free_.size();
  for (std::size_t i = 0; i < free_.size(); ++i) {
    if (free_[i].bytes >= wanted && (best == free_.size() || free_[i].bytes < free_[best].bytes)) {
      best = i;
    }
  }
  if (best != free_.size()) {
    Block& block = free_[best];
    void* found = base_ + block.offset;
    if (block.bytes == wanted) {
      block = free_.back();
      free_.pop_back();
    } else {
      block.offset += wanted;
      block.bytes -= wanted;
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
  free_.push_back({static_cast<std::size_t>(static_cast<std::byte*>(block) - base_),
                   std::max(round_up(bytes), kAlignment)});
}

void Arena::reset() {
  top_ = 0;
  free_.clear();
}

}  // namespace metaplastic
