#include "base/error.h"
#include "io/atomic_file.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

// The data starts at a multiple of this, as NumPy's own does, so that it can be mapped.
constexpr std::size_t kDataAlignment = 64;

void write_array(const std::string& path, const char* descr, std::span<const std::int64_t> shape,
                 std::span<const std::byte> bytes, std::size_t item_bytes) {
  METAPLASTIC_CHECK(shape.size() <= kMaxNpyDims);
  std::size_t expected_bytes = item_bytes;
  std::string dims;
  for (const std::int64_t dim : shape) {
    METAPLASTIC_CHECK(dim >= 0);
    expected_bytes *= static_cast<std::size_t>(dim);
    dims += fmt::format("{}{}", dims.empty() ? "" : ", ", dim);
  }
  METAPLASTIC_CHECK(expected_bytes == bytes.size());
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
  AtomicFileWriter writer(path);
  writer.write(header + dict);
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

}  // namespace metaplastic
