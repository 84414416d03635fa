// The open safetensors format: named tensors and text metadata in one file. Rules, encoders and
// checkpoints are such files; any other safetensors library reads them too.
//
// Layout: u64 header length (little endian), JSON header, tensor bytes without holes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace metaplastic {

enum class DType { kF32, kF64, kI32, kI64, kU8 };

const char* dtype_name(DType dtype);  // "F32", ...
std::size_t dtype_bytes(DType dtype);

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::kI32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::kI64;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::kU8;
}

struct Tensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  // {} is a scalar
  std::vector<std::byte> bytes;     // row-major, little endian, aligned for every dtype

  // The values. A type other than the dtype's is a programming error.
  template <class T>
  std::span<const T> as() const {
    METAPLASTIC_CHECK(dtype == dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> as() {
    METAPLASTIC_CHECK(dtype == dtype_of<T>());
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// A tensor with a copy of the values; their number must be the product of the shape.
template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, std::span<const T> values) {
  std::int64_t num_elements = 1;
  for (const std::int64_t dim : shape) num_elements *= dim;
  METAPLASTIC_CHECK(num_elements == static_cast<std::int64_t>(values.size()));
  const auto bytes = std::as_bytes(values);
  return {std::move(name), dtype_of<T>(), std::move(shape), {bytes.begin(), bytes.end()}};
}

struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::string source = "tensor file";  // where it was read from, for the error lines below

  // nullptr when there is none.
  const Tensor* find(std::string_view name) const;
  // Throw Error, naming source, what was expected and what was found.
  const Tensor& require(std::string_view name, DType dtype) const;
  const Tensor& require(std::string_view name, DType dtype,
                        std::span<const std::int64_t> shape) const;
  const std::string& require_metadata(const std::string& key) const;
};

// Reserved metadata keys. The writer sets both; what the caller put there is replaced.
inline constexpr const char* kDigestKey = "sha256";
inline constexpr const char* kFormatVersionKey = "format_version";
inline constexpr int kFormatVersion = 1;

// SHA-256 over names, dtypes, shapes and bytes of all tensors and over all metadata but "sha256";
// independent of the order of the tensors.
std::string tensor_digest(const TensorFile& file);

// Writes atomically; the same content gives the same bytes. Returns the digest. Tensors are laid
// out by falling alignment, then name, so that each is aligned for its dtype. Two tensors of one
// name, or bytes that do not fit the shape, are programming errors; Error when the disk refuses.
std::string write_safetensors(const std::string& path, const TensorFile& file);

// Reads any safetensors file of the dtypes above, checking every size, offset and name before
// memory is taken for it, and the digest where the file has one (files with a format_version
// must). Error lines name the file. Tensors come back in file order.
TensorFile read_safetensors(const std::string& path);

}  // namespace metaplastic
