// NumPy's zip archives, read through libzip.
#include <zip.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "io/npy.h"

namespace metaplastic {

struct NpzFile::Archive {
  ~Archive() {
    if (zip != nullptr) zip_discard(zip);
  }

  zip_t* zip = nullptr;
  std::map<std::string, zip_uint64_t, std::less<>> index;
};

namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr std::uint64_t kFirstChunk = std::uint64_t{1} << 20;
// Deflate cannot shrink data more than this; a larger claim is a lie.
constexpr std::uint64_t kMaxRatio = 1032;

struct Member {
  explicit Member(zip_file_t* opened) : file(opened) {}
  ~Member() {
    if (file != nullptr) zip_fclose(file);
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  zip_file_t* file;
};

// Memory grows with what has really been decompressed, not with what the directory claims.
std::vector<std::byte> decompress(zip_file_t* file, std::uint64_t claimed,
                                  const std::string& source) {
  std::vector<std::byte> content;
  for (;;) {
    const std::size_t done = content.size();
    // One byte more than claimed, so that libzip reaches the end and compares the checksum.
    const std::uint64_t wanted =
        std::min(claimed + 1 - done, std::max<std::uint64_t>(kFirstChunk, done));
    content.resize(done + wanted);
    const zip_int64_t count = zip_fread(file, content.data() + done, wanted);
    if (count < 0) fail("{}: damaged: {}", source, printable(zip_file_strerror(file)));
    content.resize(done + static_cast<std::size_t>(count));
    if (content.size() > claimed) fail("{}: damaged: longer than the archive claims", source);
    if (count == 0) break;
  }
  if (content.size() != claimed) {
    fail("{}: damaged: expected {} bytes, found {}", source, claimed, content.size());
  }
  return content;
}

}  // namespace

NpzFile::NpzFile(const std::string& path, std::uint64_t max_array_bytes)
    : path_(path), max_array_bytes_(max_array_bytes), archive_(std::make_unique<Archive>()) {
  int code = 0;
  archive_->zip = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (archive_->zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail("{}: expected an npz file (a zip archive): {}", path, printable(text));
  }
  const zip_int64_t num_members = zip_get_num_entries(archive_->zip, 0);
  for (zip_int64_t i = 0; i < num_members; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* raw_name = zip_get_name(archive_->zip, index, ZIP_FL_ENC_RAW);
    std::string name = raw_name == nullptr ? "" : raw_name;
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    if (!archive_->index.emplace(name, index).second) {
      fail("{}: damaged: array {} is there twice", path, quote_text(name));
    }
    names_.push_back(name);
  }
}

NpzFile::~NpzFile() = default;
NpzFile::NpzFile(NpzFile&&) noexcept = default;

bool NpzFile::contains(std::string_view name) const {
  return archive_->index.find(name) != archive_->index.end();
}

NpyReader NpzFile::open(const std::string& name) const {
  const auto found = archive_->index.find(name);
  if (found == archive_->index.end()) {
    fail("{}: expected an array {}, found: {}{}", path_, quote_text(name),
         names_.empty() ? "none" : printable(join_names(names_), 200), did_you_mean(name, names_));
  }
  const std::string source = path_ + ": array " + quote_text(name);
  zip_stat_t info;
  zip_stat_init(&info);
  if (zip_stat_index(archive_->zip, found->second, 0, &info) != 0 ||
      (info.valid & ZIP_STAT_SIZE) == 0 || (info.valid & ZIP_STAT_COMP_SIZE) == 0) {
    fail("{}: damaged: {}", source, printable(zip_strerror(archive_->zip)));
  }
  if (info.size > max_array_bytes_) {
    fail("{}: expected at most {} bytes, found {}", source, max_array_bytes_, info.size);
  }
  if (info.size / kMaxRatio > info.comp_size) {
    fail("{}: damaged: {} bytes cannot hold {}", source, info.comp_size, info.size);
  }
  const Member member(zip_fopen_index(archive_->zip, found->second, 0));
  if (member.file == nullptr) {
    fail("{}: cannot decompress: {}", source, printable(zip_strerror(archive_->zip)));
  }
  return NpyReader(decompress(member.file, info.size, source), source);
}

}  // namespace metaplastic
