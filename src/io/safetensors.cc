#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/sha256.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace metaplastic {

static_assert(std::endian::native == std::endian::little, "tensor bytes are little endian");

namespace {

constexpr std::size_t kHeaderAlignment = 8;

// Every length is written in front of its text, so that no two contents give the same stream.
void update_text(Sha256& digest, std::string_view text) {
  digest.update(fmt::format("{}:", text.size())).update(text);
}

std::string show_shape(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void check_tensors(std::span<const Tensor* const> sorted) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const Tensor& tensor = *sorted[i];
    std::uint64_t bytes = dtype_bytes(tensor.dtype);
    for (const std::int64_t dim : tensor.shape) bytes *= static_cast<std::uint64_t>(dim);
    METAPLASTIC_CHECK(bytes == tensor.bytes.size());
    METAPLASTIC_CHECK(tensor.name != "__metadata__");
    METAPLASTIC_CHECK(i == 0 || sorted[i - 1]->name != tensor.name);
  }
}

std::vector<const Tensor*> sorted_by_name(const TensorFile& file) {
  std::vector<const Tensor*> sorted;
  for (const Tensor& tensor : file.tensors) sorted.push_back(&tensor);
  std::sort(sorted.begin(), sorted.end(),
            [](const Tensor* a, const Tensor* b) { return a->name < b->name; });
  return sorted;
}

std::string digest_of(std::span<const Tensor* const> tensors_by_name,
                      const std::map<std::string, std::string>& metadata) {
  Sha256 digest;
  for (const auto& [key, value] : metadata) {
    if (key == kDigestKey) continue;
    update_text(digest, "metadata");
    update_text(digest, key);
    update_text(digest, value);
  }
  for (const Tensor* tensor : tensors_by_name) {
    update_text(digest, "tensor");
    update_text(digest, tensor->name);
    update_text(digest, dtype_name(tensor->dtype));
    update_text(digest, show_shape(tensor->shape));
    digest.update(fmt::format("{}:", tensor->bytes.size())).update(tensor->bytes);
  }
  return digest.hex_digest();
}

std::string make_header(std::span<const Tensor* const> layout,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::size_t begin = 0;
  for (const Tensor* tensor : layout) {
    const std::size_t end = begin + tensor->bytes.size();
    header[tensor->name] = {{"dtype", dtype_name(tensor->dtype)},
                            {"shape", tensor->shape},
                            {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

const char* dtype_name(DType dtype) {
  constexpr std::array<const char*, 5> kNames{"F32", "F64", "I32", "I64", "U8"};
  return kNames.at(static_cast<std::size_t>(dtype));
}

std::size_t dtype_bytes(DType dtype) {
  constexpr std::array<std::size_t, 5> kBytes{4, 8, 4, 8, 1};
  return kBytes.at(static_cast<std::size_t>(dtype));
}

const Tensor* TensorFile::find(std::string_view name) const {
  for (const Tensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

const Tensor& TensorFile::require(std::string_view name, DType dtype) const {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) {
    std::vector<std::string> names;
    for (const Tensor& other : tensors) names.push_back(other.name);
    const std::string nearest = nearest_name(name, names);
    fail("{}: expected a tensor {}, found none; {}", source, quote_text(name),
         names.empty() ? "the file is empty" : "the nearest name is " + quote_text(nearest));
  }
  if (tensor->dtype != dtype) {
    fail("{}: tensor {}: expected {}, found {}", source, quote_text(name), dtype_name(dtype),
         dtype_name(tensor->dtype));
  }
  return *tensor;
}

const Tensor& TensorFile::require(std::string_view name, DType dtype,
                                  std::span<const std::int64_t> shape) const {
  const Tensor& tensor = require(name, dtype);
  if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end())) {
    fail("{}: tensor {}: expected shape {}, found {}", source, quote_text(name), show_shape(shape),
         show_shape(tensor.shape));
  }
  return tensor;
}

const std::string& TensorFile::require_metadata(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    fail("{}: expected metadata {}, found none; was the file written by this program?", source,
         quote_text(key));
  }
  return found->second;
}

std::string tensor_digest(const TensorFile& file) {
  return digest_of(sorted_by_name(file), file.metadata);
}

std::string write_safetensors(const std::string& path, const TensorFile& file) {
  std::vector<const Tensor*> layout = sorted_by_name(file);
  check_tensors(layout);
  std::map<std::string, std::string> metadata = file.metadata;
  metadata[kFormatVersionKey] = std::to_string(kFormatVersion);
  metadata[kDigestKey] = digest_of(layout, metadata);
  std::stable_sort(layout.begin(), layout.end(), [](const Tensor* a, const Tensor* b) {
    return dtype_bytes(a->dtype) > dtype_bytes(b->dtype);
  });
  std::string header;
  try {
    header = make_header(layout, metadata);
  } catch (const nlohmann::json::exception&) {
    fail("{}: cannot write: a tensor name or metadata text is not UTF-8", path);
  }
  const auto header_bytes = static_cast<std::uint64_t>(header.size());
  AtomicFileWriter writer(path);
  writer.write(std::as_bytes(std::span(&header_bytes, 1)));
  writer.write(header);
  for (const Tensor* tensor : layout) writer.write(tensor->bytes);
  writer.commit();
  return metadata[kDigestKey];
}

}  // namespace metaplastic
