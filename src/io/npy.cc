#include "io/npy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/file_reader.h"
#include "io/npy_items.h"

namespace metaplastic {

static_assert(std::endian::native == std::endian::little, "arrays are written little endian");

// Either a file or its content.
struct NpyReader::Bytes {
  std::unique_ptr<FileReader> file;
  std::vector<std::byte> content;
};

namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

template <class T>
std::int64_t to_integer(T value, const std::string& source) {
  if constexpr (std::is_same_v<T, Half>) {
    return to_integer(half_to_float(value), source);
  } else if constexpr (std::is_floating_point_v<T>) {
    // Whole numbers beyond 2^53 may already have lost their last digits.
    if (!(std::abs(value) <= static_cast<T>(0x1p53)) || value != std::floor(value)) {
      fail("{}: expected whole numbers, found {}", source, value);
    }
    return static_cast<std::int64_t>(value);
  } else {
    if (!std::in_range<std::int64_t>(value)) {
      fail("{}: expected integers below 2^63, found {}", source, value);
    }
    return static_cast<std::int64_t>(value);
  }
}

// One item of an array of strings, without the zeros behind it.
std::string decode_string(const NpyHeader& header, std::span<const std::byte> item,
                          const std::string& source) {
  std::string text;
  if (header.kind == NpyKind::kBytes) {
    text.assign(reinterpret_cast<const char*>(item.data()), item.size());
  } else {
    for (std::size_t at = 0; at < item.size(); at += 4) {
      const auto c = item_at<std::uint32_t>(item.data() + at, header.big_endian);
      if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        fail("{}: expected strings of Unicode characters, found the number {}", source, c);
      }
      const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
      if (c < 0x80) {
        add(c);
      } else if (c < 0x800) {
        add(0xc0 | c >> 6);
        add(0x80 | (c & 0x3f));
      } else {
        add(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
        if (c >= 0x10000) add(0x80 | (c >> 12 & 0x3f));
        add(0x80 | (c >> 6 & 0x3f));
        add(0x80 | (c & 0x3f));
      }
    }
  }
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

// Row-major copy of a column-major array.
std::vector<std::byte> to_c_order(const NpyHeader& header, std::span<const std::byte> raw) {
  const std::size_t item = header.item_bytes, rank = header.shape.size();
  std::vector<std::byte> result(raw.size());
  std::vector<std::size_t> stride(rank), index(rank, 0);
  std::size_t step = item;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    stride[axis] = step;
    step *= static_cast<std::size_t>(header.shape[axis]);
  }
  std::size_t from = 0;
  for (std::size_t to = 0; to < raw.size(); to += item) {
    std::memcpy(&result[to], &raw[from], item);
    // Counts up like an odometer, the last axis fastest.
    for (std::size_t axis = rank; axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < static_cast<std::size_t>(header.shape[axis])) break;
      from -= stride[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

NpyReader::NpyReader(const std::string& path) : source_(path), bytes_(std::make_unique<Bytes>()) {
  auto file = std::make_unique<FileReader>(path);
  std::vector<std::byte> start(std::min<std::uint64_t>(file->size(), kNpyHeaderBytes));
  file->read_at(0, start);
  header_ = parse_npy_header(start, file->size(), source_);
  if (header_.fortran_order) {
    std::vector<std::byte> raw(file->size() - header_.data_offset);
    file->read_at(header_.data_offset, raw);
    bytes_->content = to_c_order(header_, raw);
  } else {
    bytes_->file = std::move(file);
  }
}

NpyReader::NpyReader(std::vector<std::byte> content, std::string source)
    : source_(std::move(source)), bytes_(std::make_unique<Bytes>()) {
  header_ = parse_npy_header(content, content.size(), source_);
  content.erase(content.begin(),
                content.begin() + static_cast<std::ptrdiff_t>(header_.data_offset));
  bytes_->content = header_.fortran_order ? to_c_order(header_, content) : std::move(content);
}

NpyReader::NpyReader(NpyHeader header, std::vector<std::byte> elements, std::string source)
    : source_(std::move(source)), bytes_(std::make_unique<Bytes>()), header_(std::move(header)) {
  METAPLASTIC_CHECK(!header_.fortran_order);
  METAPLASTIC_CHECK(elements.size() ==
                    static_cast<std::size_t>(header_.num_elements) * header_.item_bytes);
  bytes_->content = std::move(elements);
}

NpyReader::~NpyReader() = default;
NpyReader::NpyReader(NpyReader&&) noexcept = default;

// Calls use(bytes) with the bytes of whole items, in pieces.
template <class Use>
void NpyReader::visit_bytes(std::int64_t begin, std::size_t count, const Use& use) const {
  METAPLASTIC_CHECK(begin >= 0 && begin <= header_.num_elements &&
                    count <= static_cast<std::uint64_t>(header_.num_elements - begin));
  const std::size_t item = header_.item_bytes;
  std::uint64_t offset = static_cast<std::uint64_t>(begin) * item;
  std::size_t left = count * item;
  if (bytes_->file == nullptr) return use(std::span(bytes_->content).subspan(offset, left));
  std::vector<std::byte> chunk(std::min(left, std::max<std::size_t>(1, kChunkBytes / item) * item));
  while (left > 0) {
    const std::span<std::byte> piece = std::span(chunk).first(std::min(left, chunk.size()));
    bytes_->file->read_at(header_.data_offset + offset, piece);
    use(std::span<const std::byte>(piece));
    offset += piece.size();
    left -= piece.size();
  }
}

template <class Visitor>
void NpyReader::visit_items(std::int64_t begin, std::size_t count, const Visitor& visitor) const {
  if (header_.is_text()) fail("{}: expected numbers, found an array of strings", source_);
  visit_bytes(begin, count,
              [&](std::span<const std::byte> raw) { decode_items(header_, raw, visitor); });
}

void NpyReader::read_floats(std::int64_t begin, std::span<float> values) const {
  float* next = values.data();
  visit_items(begin, values.size(), [&](auto value) { *next++ = item_to<float>(value); });
}

void NpyReader::read_doubles(std::int64_t begin, std::span<double> values) const {
  double* next = values.data();
  visit_items(begin, values.size(), [&](auto value) { *next++ = item_to<double>(value); });
}

void NpyReader::read_integers(std::int64_t begin, std::span<std::int64_t> values) const {
  std::int64_t* next = values.data();
  visit_items(begin, values.size(), [&](auto value) { *next++ = to_integer(value, source_); });
}

void NpyReader::read_strings(std::int64_t begin, std::span<std::string> values) const {
  METAPLASTIC_CHECK(header_.is_text());
  std::string* next = values.data();
  visit_bytes(begin, values.size(), [&](std::span<const std::byte> raw) {
    for (std::size_t at = 0; at < raw.size(); at += header_.item_bytes) {
      *next++ = decode_string(header_, raw.subspan(at, header_.item_bytes), source_);
    }
  });
}

NpyFloats read_all_floats(const NpyReader& reader) {
  NpyFloats array{reader.shape(), {}};
  array.values.resize(static_cast<std::size_t>(reader.num_elements()));
  reader.read_floats(0, array.values);
  return array;
}

NpyIntegers read_all_integers(const NpyReader& reader) {
  NpyIntegers array{reader.shape(), {}};
  array.values.resize(static_cast<std::size_t>(reader.num_elements()));
  reader.read_integers(0, array.values);
  return array;
}

NpyFloats read_npy_floats(const std::string& path) { return read_all_floats(NpyReader(path)); }

NpyIntegers read_npy_integers(const std::string& path) {
  return read_all_integers(NpyReader(path));
}

}  // namespace metaplastic
