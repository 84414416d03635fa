// A bump allocator over one reserved range of address space: the memory of a tape.
//
// Pages are touched once and stay; reset() only moves the top back, so a step that has run once
// allocates nothing when it runs again. Blocks freed inside a pass go to a list in which neighbours
// grow together; the tape frees what it allocated last first, so the list stays short, and new
// blocks come from memory that was in use a moment ago and is still in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace metaplastic {

class Arena {
 public:
  // Reserves address space; memory is used only as it is touched.
  explicit Arena(std::size_t reserve_bytes = kDefaultReserve);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `bytes` of uninitialised memory, aligned to kAlignment. Throws Error when the range is used up.
  void* allocate(std::size_t bytes);
  template <class T>
  T* allocate_array(std::size_t count) {
    // An overflowing product asks for everything, which is refused.
    return static_cast<T*>(allocate(count > SIZE_MAX / sizeof(T) ? SIZE_MAX : count * sizeof(T)));
  }
  // Gives a block back for reuse before the next reset().
  void release(void* block, std::size_t bytes);
  void reset();
  // Gives back all that lies above `top`, an earlier used_bytes().
  void rewind(std::size_t top);

  std::size_t used_bytes() const { return top_; }
  // Whether the block was allocated from what lies above an earlier used_bytes().
  bool is_above(std::size_t top, const void* block) const {
    const auto* at = static_cast<const std::byte*>(block);
    return at >= base_ + top && at < base_ + top_;
  }
  // The most bytes that were in use at once since construction.
  std::size_t peak_bytes() const { return peak_; }

  static constexpr std::size_t kAlignment = 128;
  // 64 GiB of addresses; 128 MiB where addresses have 32 bits, as in WebAssembly.
  static constexpr std::size_t kDefaultReserve = std::size_t{1}
                                                 << (sizeof(std::size_t) < 8 ? 27 : 36);

 private:
  struct Block {
    std::size_t offset;
    std::size_t bytes;
  };
  std::byte* base_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t top_ = 0;
  std::size_t peak_ = 0;
  std::vector<Block> free_;  // by offset, never next to each other nor to the top
};

}  // namespace metaplastic
