#include "io/bundle/tensor_bundle.h"

#include <bundle_format.pb.h>

#include <filesystem>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "io/bundle/sorted_table.h"
#include "io/crc32c.h"
#include "io/file_reader.h"

namespace metaplastic {
namespace {

constexpr int kVersion = 1;        // of the format, as far as it is known here
constexpr int kMaxShards = 99999;  // five digits in a name
constexpr std::size_t kMaxExtents = 8;

// TensorFlow's numbers of types.
std::optional<DType> dtype_from(int number) {
  static const std::map<int, DType> kTypes = {
      {1, DType::kF32}, {2, DType::kF64}, {3, DType::kI32}, {4, DType::kU8}, {9, DType::kI64}};
  const auto found = kTypes.find(number);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::byte> read_index(const std::string& prefix, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    const std::string_view ending = ".index";
    if (prefix.ends_with(ending) && fs::exists(prefix, ignored)) {
      fail("{}: expected the prefix of a checkpoint, found its index; give '{}'", prefix,
           prefix.substr(0, prefix.size() - ending.size()));
    }
    if (fs::is_regular_file(prefix, ignored)) {
      fail(
          "{}: expected {} beside it (a checkpoint of version 2), found one file; save a "
          "checkpoint of version 1 again with write_version=tf.train.SaverDef.V2",
          prefix, path);
    }
  }
  const FileReader reader(path);
  if (reader.size() > kMaxTableBytes) {
    fail("{}: expected an index of at most {} bytes, found {}", path, kMaxTableBytes,
         reader.size());
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(reader.size()));
  reader.read_at(0, bytes);
  return bytes;
}

template <class Record>
Record parse(const std::string& text, const std::string& source, std::string_view what) {
  Record record;
  if (!record.ParseFromString(text))
    fail("{}: expected a record of {}, found other bytes; the file is damaged", source, what);
  return record;
}

// The files of data, opened when a tensor lies in them.
class Shards {
 public:
  Shards(std::string prefix, int count) : prefix_(std::move(prefix)), count_(count) {}

  // The tensor's bytes. `bytes_read` of a shard may not pass its size, so that tensors that lie
  // over one another do not take more memory than the files have.
  std::vector<std::byte> read(const bundle::Entry& entry, const std::string& what) {
    if (entry.shard_id() < 0 || entry.shard_id() >= count_) {
      fail(
          "{}.index: expected {} in one of {} data files, found it in number {}; the file is "
          "damaged",
          prefix_, what, count_, entry.shard_id());
    }
    auto [shard, is_new] = shards_.try_emplace(entry.shard_id());
    if (is_new) {
      shard->second.reader.emplace(
          fmt::format("{}.data-{:05d}-of-{:05d}", prefix_, entry.shard_id(), count_));
    }
    const FileReader& reader = *shard->second.reader;
    const auto offset = static_cast<std::uint64_t>(entry.offset());
    const auto size = static_cast<std::uint64_t>(entry.size());
    if (offset > reader.size() || size > reader.size() - offset) {
      fail("{}: expected {} at bytes {} to {}, found a file of {} bytes; it is cut short",
           reader.path(), what, offset, offset + size, reader.size());
    }
    shard->second.bytes_read += size;
    if (shard->second.bytes_read > reader.size())
      fail(
          "{}: expected each tensor at a place of its own, found {} over another; the index is "
          "damaged",
          reader.path(), what);
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    reader.read_at(offset, bytes);
    if (masked_crc32c(bytes) != entry.crc32c())
      fail("{}: expected {} with the checksum of the index, found another; the file is damaged",
           reader.path(), what);
    return bytes;
  }
  void append_paths(std::vector<std::string>& paths) const {
    for (const auto& [number, shard] : shards_) paths.push_back(shard.reader->path());
  }

 private:
  struct Shard {
    std::optional<FileReader> reader;
    std::uint64_t bytes_read = 0;
  };
  std::string prefix_;
  int count_;
  std::map<int, Shard> shards_;
};

// The shape, if a tensor of it has entry.size() bytes.
std::optional<std::vector<std::int64_t>> checked_shape(const bundle::Entry& entry, DType dtype) {
  if (entry.shape().unknown_rank() || entry.offset() < 0 || entry.size() < 0) return std::nullopt;
  std::vector<std::int64_t> shape;
  auto bytes = static_cast<std::int64_t>(dtype_bytes(dtype));
  for (const bundle::Entry::Shape::Extent& extent : entry.shape().dim()) {
    if (extent.size() < 0 || shape.size() == kMaxExtents) return std::nullopt;
    if (__builtin_mul_overflow(bytes, extent.size(), &bytes)) return std::nullopt;
    shape.push_back(extent.size());
  }
  return bytes == entry.size() ? std::optional(shape) : std::nullopt;
}

int num_shards(const std::string& record, const std::string& path) {
  const auto header = parse<bundle::Header>(record, path, "the checkpoint");
  if (header.endianness() != 0)
    fail("{}: expected little-endian numbers, found others; save the checkpoint on another machine",
         path);
  if (header.version().min_consumer() > kVersion) {
    fail(
        "{}: expected a checkpoint for readers of version {}, found {}; save it with an older "
        "TensorFlow",
        path, kVersion, header.version().min_consumer());
  }
  if (header.num_shards() < 1 || header.num_shards() > kMaxShards) {
    fail("{}: expected 1 to {} data files, found {}; the file is damaged", path, kMaxShards,
         header.num_shards());
  }
  return header.num_shards();
}

}  // namespace

TensorBundle read_tensor_bundle(const std::string& prefix) {
  const std::string path = prefix + ".index";
  const auto entries = read_sorted_table(read_index(prefix, path), path);
  if (entries.empty() || !entries.front().first.empty())
    fail(
        "{}: expected a record of the checkpoint under the empty name, found none; is it the "
        "index of a checkpoint?",
        path);
  Shards shards(prefix, num_shards(entries.front().second, path));
  TensorBundle bundle;
  bundle.file.source = prefix;
  for (const auto& [name, record] : std::span(entries).subspan(1)) {
    const std::string what = "tensor " + quote_text(name);
    const auto entry = parse<bundle::Entry>(record, path, what);
    const std::optional<DType> dtype = dtype_from(entry.dtype());
    if (!dtype || entry.slices_size() > 0) {
      bundle.skipped.push_back(
          fmt::format("{} ({})", printable(name),
                      dtype ? "stored in slices" : fmt::format("type {}", entry.dtype())));
      continue;
    }
    const auto shape = checked_shape(entry, *dtype);
    if (!shape)
      fail("{}: expected a shape that fits the size of {}, found another; the file is damaged",
           path, what);
    bundle.file.tensors.push_back({name, *dtype, *shape, shards.read(entry, what)});
  }
  bundle.paths = {path};
  shards.append_paths(bundle.paths);
  return bundle;
}

}  // namespace metaplastic
