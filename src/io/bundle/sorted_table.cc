#include "io/bundle/sorted_table.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "io/crc32c.h"

namespace metaplastic {
namespace {

using Bytes = std::span<const std::byte>;
using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kFooterBytes = 48, kHandlesBytes = 40;
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;
constexpr std::size_t kTrailerBytes = 5;  // kind and checksum
constexpr std::size_t kMaxEntryBytes = kMaxTableBytes;

template <class Integer>
Integer little_endian_at(Bytes bytes, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);
  METAPLASTIC_CHECK(at <= bytes.size() && sizeof(Integer) <= bytes.size() - at);
  Integer value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

[[noreturn]] void damaged(std::string_view source, std::string_view what) {
  fail("{}: expected a whole LevelDB table, found {}; the file is cut short or damaged", source,
       what);
}

// Takes numbers and bytes from the front of a range.
class Cursor {
 public:
  Cursor(Bytes bytes, std::string_view source) : bytes_(bytes), source_(source) {}
  bool at_end() const { return bytes_.empty(); }
  // Seven bits a byte, the lowest first; the top bit of a byte says that more follow.
  std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint64_t>(take(1)[0]);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    damaged(source_, "a number of more than 64 bits");
  }
  std::string_view take_text(std::uint64_t count) {
    const Bytes bytes = take(count);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  Bytes take(std::uint64_t count) {
    if (count > bytes_.size()) damaged(source_, "a size that reaches beyond its block");
    const Bytes taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

  Bytes bytes_;
  std::string_view source_;
};

// The contents of the block whose offset and size come next in `handle`.
Bytes block_at(Bytes file, Cursor& handle, std::string_view source) {
  const std::uint64_t offset = handle.take_varint(), size = handle.take_varint();
  const std::size_t end = file.size() - kFooterBytes;
  if (offset > end || size > end - offset || kTrailerBytes > end - offset - size)
    damaged(source, "a block beyond the end of the file");
  const Bytes block = file.subspan(static_cast<std::size_t>(offset),
                                   static_cast<std::size_t>(size) + kTrailerBytes);
  const Bytes checked = block.first(block.size() - 4);
  if (masked_crc32c(checked) != little_endian_at<std::uint32_t>(block, checked.size()))
    damaged(source, fmt::format("a wrong checksum of the block at byte {}", offset));
  const int kind = static_cast<int>(checked.back());
  if (kind != 0) {
    fail(
        "{}: expected blocks without compression, found kind {}; save the checkpoint again with "
        "a newer TensorFlow",
        source, kind);
  }
  return checked.first(checked.size() - 1);
}

// Appends the block's entries; `bytes` counts what all entries of a table hold.
void append_entries(Bytes block, std::string_view source, Entries& entries, std::size_t& bytes) {
  if (block.size() < 4) damaged(source, "a block without its end");
  const auto num_restarts = little_endian_at<std::uint32_t>(block, block.size() - 4);
  if (num_restarts > block.size() / 4 - 1) damaged(source, "a block with a wrong end");
  Cursor cursor(block.first(block.size() - 4 - 4 * std::size_t{num_restarts}), source);
  std::string key;
  while (!cursor.at_end()) {
    const std::uint64_t shared = cursor.take_varint(), own = cursor.take_varint();
    const std::uint64_t value_size = cursor.take_varint();
    if (shared > key.size()) damaged(source, "a key that starts like none before it");
    if (own > kMaxKeyBytes - shared)
      damaged(source, fmt::format("a key of more than {} bytes", kMaxKeyBytes));
    key.resize(static_cast<std::size_t>(shared));
    key += cursor.take_text(own);
    const std::string_view value = cursor.take_text(value_size);
    if (!entries.empty() && entries.back().first >= key)
      damaged(source, fmt::format("key {} out of order", quote_text(key)));
    bytes += key.size() + value.size();
    if (bytes > kMaxEntryBytes)
      damaged(source, fmt::format("keys and values of more than {} bytes", kMaxEntryBytes));
    entries.emplace_back(key, value);
  }
}

}  // namespace

Entries read_sorted_table(Bytes file, std::string_view source) {
  if (file.size() < kFooterBytes) damaged(source, fmt::format("{} bytes", file.size()));
  const Bytes footer = file.last(kFooterBytes);
  if (little_endian_at<std::uint64_t>(footer, kHandlesBytes) != kMagic) {
    fail(
        "{}: expected a LevelDB table, found another end of the file; it is cut short, or no "
        "index of a TensorFlow checkpoint",
        source);
  }
  Cursor handles(footer.first(kHandlesBytes), source);
  block_at(file, handles, source);  // of further information; none is kept there
  Entries index, entries;
  std::size_t index_bytes = 0, bytes = 0;
  append_entries(block_at(file, handles, source), source, index, index_bytes);
  for (const auto& [last_key, place] : index) {
    Cursor handle(std::as_bytes(std::span(place)), source);
    append_entries(block_at(file, handle, source), source, entries, bytes);
    if (!entries.empty() && entries.back().first > last_key)
      damaged(source,
              fmt::format("key {} in the block before its own", quote_text(entries.back().first)));
  }
  return entries;
}

}  // namespace metaplastic
