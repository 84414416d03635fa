#include "base/error.h"
#include "io/atomic_file.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

// The data starts at a multiple of this, as NumPy's own does, so that it can be mapped.
constexpr std::size_t kDataAlignment = 64;

// Magic, version 1.0, length, and the dictionary, padded up to the data.
std::string npy_header(const char* descr, std::span<const std::int64_t> shape) {
  std::string dims = fmt::format("{}", fmt::join(shape, ", "));
  if (shape.size() == 1) dims += ",";
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  constexpr std::size_t kPrefixBytes = 10;
  const std::size_t used = kPrefixBytes + dict.size() + 1;
  dict.append((kDataAlignment - used % kDataAlignment) % kDataAlignment, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 255);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

std::uint64_t data_bytes(std::span<const std::int64_t> shape, std::size_t item_bytes) {
  METAPLASTIC_CHECK(shape.size() <= kMaxNpyDims);
  std::uint64_t bytes = item_bytes;
  for (const std::int64_t dim : shape) {
    METAPLASTIC_CHECK(dim >= 0);
    METAPLASTIC_CHECK(!__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes));
  }
  return bytes;
}

void write_array(const std::string& path, const char* descr, std::span<const std::int64_t> shape,
                 std::span<const std::byte> bytes, std::size_t item_bytes) {
  METAPLASTIC_CHECK(data_bytes(shape, item_bytes) == bytes.size());
  AtomicFileWriter writer(path);
  writer.write(npy_header(descr, shape));
  writer.write(bytes);
  writer.commit();
}

}  // namespace

void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const float> values) {
  write_array(path, "<f4", shape, std::as_bytes(values), sizeof(float));
}

void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const std::int32_t> values) {
  write_array(path, "<i4", shape, std::as_bytes(values), sizeof(std::int32_t));
}

void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const std::int64_t> values) {
  write_array(path, "<i8", shape, std::as_bytes(values), sizeof(std::int64_t));
}

void NpyWriter::begin(std::span<const std::int64_t> shape) {
  METAPLASTIC_CHECK(bytes_left_ == 0);
  bytes_left_ = data_bytes(shape, sizeof(float));
  writer_.write(npy_header("<f4", shape));
}

void NpyWriter::write(std::span<const float> values) {
  METAPLASTIC_CHECK(values.size_bytes() <= bytes_left_);
  bytes_left_ -= values.size_bytes();
  writer_.write(std::as_bytes(values));
}

void NpyWriter::commit() {
  METAPLASTIC_CHECK(bytes_left_ == 0);
  writer_.commit();
}

}  // namespace metaplastic
