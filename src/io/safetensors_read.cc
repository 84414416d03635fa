// The reader of safetensors.h. Nothing in a file is believed: each number is checked against the
// file's size before it is used.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/text.h"
#include "io/file_reader.h"
#include "io/safetensors.h"

namespace metaplastic {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
// The reference implementation's bound.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kMaxDims = 32;
// Header { tensor { shape [ ] } }: nothing valid is deeper.
constexpr int kMaxDepth = 3;

// Watches the parser: keys given twice (which JSON libraries merge silently), deep nesting and
// long lists, all of which would cost memory before they could be refused.
class HeaderGuard {
 public:
  explicit HeaderGuard(const std::string& path) : path_(path), keys_(kMaxDepth + 1) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (depth >= kMaxDepth && opens) fail("{}: damaged: its header is nested too deeply", path_);
    const auto level = static_cast<std::size_t>(depth);
    switch (event) {
      case Json::parse_event_t::object_start:
        keys_[level + 1].clear();
        break;
      case Json::parse_event_t::array_start:
        num_values_ = 0;
        break;
      case Json::parse_event_t::value:
        if (++num_values_ > kMaxDims && depth == kMaxDepth) {
          fail("{}: damaged: a shape or offset list of more than {} numbers", path_, kMaxDims);
        }
        break;
      case Json::parse_event_t::key:
        if (!keys_[level].insert(parsed.get<std::string>()).second) {
          fail("{}: {} is there twice", path_, quote_text(parsed.get_ref<const std::string&>()));
        }
        break;
      default:
        break;
    }
    return true;
  }

 private:
  const std::string& path_;
  std::vector<std::set<std::string>> keys_;  // by depth, of the object in hand
  std::size_t num_values_ = 0;
};

Json parse_header(const FileReader& file, std::uint64_t& data_begin) {
  const std::string& path = file.path();
  if (file.size() < kLengthBytes) {
    fail("{}: not a safetensors file, or truncated: expected at least 8 bytes, found {}", path,
         file.size());
  }
  std::uint64_t header_bytes = 0;
  file.read_at(0, std::as_writable_bytes(std::span(&header_bytes, 1)));
  if (header_bytes > kMaxHeaderBytes) {
    fail("{}: not a safetensors file: its header would be {} bytes long, at most {} are allowed",
         path, header_bytes, kMaxHeaderBytes);
  }
  if (header_bytes > file.size() - kLengthBytes) {
    fail("{}: truncated: expected a header of {} bytes, found {}", path, header_bytes,
         file.size() - kLengthBytes);
  }
  std::string text(header_bytes, '\0');
  file.read_at(kLengthBytes, std::as_writable_bytes(std::span(text.data(), text.size())));
  data_begin = kLengthBytes + header_bytes;
  HeaderGuard guard(path);
  Json header;
  // The JSON parser would take a zero byte for the end of the text.
  if (!text.empty() && text.front() == '{' && text.find('\0') == std::string::npos) {
    header = Json::parse(text, std::ref(guard), /*allow_exceptions=*/false);
  }
  if (!header.is_object()) fail("{}: damaged: its header is not a JSON object", path);
  return header;
}

std::optional<DType> dtype_from_name(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU8}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  return std::nullopt;
}

// A tensor that is described but not yet in memory.
struct Entry {
  Tensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Bytes of the shape; no value when a dimension is no count or the product overflows.
std::optional<std::uint64_t> read_shape(const Json& json, Tensor& tensor) {
  std::uint64_t bytes = dtype_bytes(tensor.dtype);
  if (!json.is_array() || json.size() > kMaxDims) return std::nullopt;
  for (const Json& element : json) {
    if (!element.is_number_unsigned()) return std::nullopt;
    const auto dim = element.get<std::uint64_t>();
    if (dim > std::uint64_t{1} << 62) return std::nullopt;
    tensor.shape.push_back(static_cast<std::int64_t>(dim));
    if (__builtin_mul_overflow(bytes, dim, &bytes)) return std::nullopt;
  }
  return bytes;
}

Entry read_entry(const std::string& path, const std::string& name, const Json& json) {
  const auto where = [&] { return fmt::format("{}: tensor {}", path, quote_text(name)); };
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    fail("{}: damaged: expected dtype, shape and data_offsets", where());
  }
  Entry entry;
  entry.tensor.name = name;
  const Json& type = json["dtype"];
  const auto dtype = type.is_string() ? dtype_from_name(type.get<std::string>()) : std::nullopt;
  if (!dtype) {
    fail("{}: expected dtype F32, F64, I32, I64 or U8, found {}", where(),
         type.is_string() ? quote_text(type.get_ref<const std::string&>()) : "no text");
  }
  entry.tensor.dtype = *dtype;
  const std::optional<std::uint64_t> bytes = read_shape(json["shape"], entry.tensor);
  if (!bytes) fail("{}: damaged: its shape is not a list of sizes that memory could hold", where());
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    fail("{}: damaged: expected two data_offsets", where());
  }
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes) {
    fail("{}: damaged: its shape takes {} bytes, its data_offsets are {} to {}", where(), *bytes,
         entry.begin, entry.end);
  }
  return entry;
}

std::map<std::string, std::string> read_metadata(const std::string& path, const Json& json) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) fail("{}: damaged: __metadata__ is not a JSON object", path);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      fail("{}: damaged: metadata {} is not a text", path, quote_text(key));
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Sorts by place and refuses overlaps, holes, and an end that is not the file's.
void check_layout(const std::string& path, std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      fail("{}: damaged: tensor {}: expected its data at offset {}, found {} ({})", path,
           quote_text(entry.tensor.name), expected, entry.begin,
           entry.begin < expected ? "overlap" : "hole");
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    fail("{}: {}: expected {} bytes of tensors, found {}", path,
         data_bytes < expected ? "truncated" : "damaged", expected, data_bytes);
  }
}

void check_version(const TensorFile& file) {
  const auto found = file.metadata.find(kFormatVersionKey);
  if (found == file.metadata.end()) return;
  const std::string& text = found->second;
  int version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1) {
    fail("{}: damaged: expected a format_version of {}, found {}", file.source, kFormatVersion,
         quote_text(text));
  }
  if (version > kFormatVersion) {
    fail(
        "{}: written by a newer program: found format_version {}, this one reads up to {}; update "
        "metaplastic",
        file.source, version, kFormatVersion);
  }
}

void check_digest(const TensorFile& file) {
  const auto found = file.metadata.find(kDigestKey);
  if (found == file.metadata.end()) {
    // Our own files always have one: its key was damaged.
    if (file.metadata.count(kFormatVersionKey) == 0) return;
    fail("{}: damaged: expected metadata 'sha256', found none", file.source);
  }
  if (tensor_digest(file) != found->second) {
    fail(
        "{}: damaged: its content does not have the SHA-256 that was saved with it; restore the "
        "file from a copy",
        file.source);
  }
}

}  // namespace

TensorFile read_safetensors(const std::string& path) {
  const FileReader file(path);
  std::uint64_t data_begin = 0;
  const Json header = parse_header(file, data_begin);
  TensorFile result;
  result.source = path;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") {
      result.metadata = read_metadata(path, json);
    } else {
      entries.push_back(read_entry(path, name, json));
    }
  }
  // Before the layout: a newer format may lay out its data in another way.
  check_version(result);
  check_layout(path, entries, file.size() - data_begin);
  for (Entry& entry : entries) {
    entry.tensor.bytes.resize(entry.end - entry.begin);
    file.read_at(data_begin + entry.begin, entry.tensor.bytes);
    result.tensors.push_back(std::move(entry.tensor));
  }
  check_digest(result);
  return result;
}

}  // namespace metaplastic
