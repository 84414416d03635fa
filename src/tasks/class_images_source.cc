#include "tasks/class_images_source.h"

#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <system_error>

#include "base/error.h"
#include "base/natural_order.h"
#include "data/left_out.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

constexpr zip_int64_t kMaxEntries = 10'000'000;

bool is_image_name(const std::string& name) {
  std::string end = fs::path(name).extension().string();
  std::transform(end.begin(), end.end(), end.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

// What a file manager left behind.
bool is_hidden(const fs::path& name) { return name.filename().string().starts_with('.'); }

bool is_zip(const std::string& path) { return fs::path(path).extension() == ".zip"; }

// Image names of one path by class, in name order.
using Listing = std::map<std::string, std::vector<std::string>>;

void sort_and_cap(Listing& listing, int max_per_class) {
  for (auto& [name, files] : listing) {
    std::sort(files.begin(), files.end(), natural_less);
    if (files.size() > static_cast<std::size_t>(max_per_class)) {
      files.resize(static_cast<std::size_t>(max_per_class));
    }
  }
}

void visit_folder(const std::string& root, int max_per_class, const ImageVisitor& visit,
                  LeftOut& left_out) {
  Listing listing;
  std::error_code error;
  fs::recursive_directory_iterator entries(root, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    const fs::path& path = entries->path();
    if (!entries->is_regular_file(error)) continue;
    if (!is_image_name(path.string())) {
      if (!is_hidden(path)) left_out.add_ending(path.lexically_relative(root).generic_string());
      continue;
    }
    listing[path.parent_path().lexically_relative(root).generic_string()].push_back(path.string());
  }
  if (error) fail("{}: expected a readable folder, found: {}", root, error.message());
  sort_and_cap(listing, max_per_class);
  std::vector<std::uint8_t> bytes;
  for (const auto& [class_name, files] : listing) {
    for (const std::string& file : files) {
      const std::uintmax_t size = fs::file_size(file, error);
      if (error || size > kMaxImageBytes) {
        fail("{}: expected an image file of at most {} bytes, found {}", file, kMaxImageBytes,
             error ? error.message() : fmt::format("{} bytes", size));
      }
      bytes.resize(static_cast<std::size_t>(size));
      std::ifstream in(file, std::ios::binary);
      in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      if (!in) fail("{}: expected a readable file of {} bytes, could not read it", file, size);
      visit(class_name, file, bytes);
    }
  }
}

void read_entry(zip_t* archive, const std::string& path, const std::string& entry,
                std::vector<std::uint8_t>& bytes) {
  zip_stat_t info;
  zip_stat_init(&info);
  const bool known =
      zip_stat(archive, entry.c_str(), 0, &info) == 0 && (info.valid & ZIP_STAT_SIZE) != 0;
  if (!known || info.size > static_cast<zip_uint64_t>(kMaxImageBytes)) {
    fail("{}: expected entry {} to have at most {} bytes, found {}", path, entry, kMaxImageBytes,
         known ? std::to_string(info.size) : std::string("no size"));
  }
  bytes.resize(static_cast<std::size_t>(info.size));
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(
      zip_fopen(archive, entry.c_str(), 0), &zip_fclose);
  const zip_int64_t got = file ? zip_fread(file.get(), bytes.data(), bytes.size()) : -1;
  if (got != static_cast<zip_int64_t>(bytes.size())) {
    fail("{}: expected to read entry {}, found: {}; fetch the file again", path, entry,
         file ? zip_file_strerror(file.get()) : zip_strerror(archive));
  }
}

void visit_zip(const std::string& path, int max_per_class, const ImageVisitor& visit,
               LeftOut& left_out) {
  int code = 0;
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(path.c_str(), ZIP_RDONLY, &code), &zip_discard);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail("{}: expected a readable zip file, found: {}; fetch the file again", path, message);
  }
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kMaxEntries) {
    fail("{}: expected at most {} entries, found {}", path, kMaxEntries, count);
  }
  Listing listing;
  for (zip_int64_t n = 0; n < count; ++n) {
    const char* name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(n), 0);
    if (!name || std::string_view(name).ends_with('/')) continue;
    if (!is_image_name(name)) {
      if (!is_hidden(name)) left_out.add_ending(name);
      continue;
    }
    listing[fs::path(name).parent_path().generic_string()].push_back(name);
  }
  sort_and_cap(listing, max_per_class);
  std::vector<std::uint8_t> bytes;
  for (const auto& [class_name, entries] : listing) {
    for (const std::string& entry : entries) {
      read_entry(archive.get(), path, entry, bytes);
      visit(class_name, path + ":" + entry, bytes);
    }
  }
}

}  // namespace

std::string visit_images(const TaskSource& source, int max_per_class, const ImageVisitor& visit) {
  LeftOut left_out;
  for (const std::string& path : source.paths) {
    std::error_code error;
    if (is_zip(path) && fs::is_regular_file(path, error)) {
      visit_zip(path, max_per_class, visit, left_out);
    } else if (fs::is_directory(path, error)) {
      visit_folder(path, max_per_class, visit, left_out);
    } else {
      fail(
          "image source '{}': expected a folder or .zip file at {}, found {}; correct the path, or "
          "make the source optional with NAME?=SPEC",
          source.name, path, fs::exists(path, error) ? "something else" : "nothing");
    }
  }
  const std::string text = left_out.text();
  return text.empty() ? "" : fmt::format("image source '{}': left out {}", source.name, text);
}

}  // namespace metaplastic
