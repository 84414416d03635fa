#include "io/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

// A metrics line has some hundred bytes; a file without line ends is not one of ours.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 24;
constexpr int kIndent = 2;

// Reads a line with its end; false at the end of the file or for an unfinished line.
bool read_line(std::istream& file, std::string& line) {
  line.clear();
  for (int c; (c = file.get()) != std::char_traits<char>::eof();) {
    if (c == '\n') return true;
    if (line.size() == kMaxLineBytes) return true;
    line += static_cast<char>(c);
  }
  return false;
}

void cut(const std::string& path, std::uint64_t size) {
  std::error_code error;
  std::filesystem::resize_file(path, size, error);
  if (error) fail("{}: cannot shorten: {}", path, error.message());
}

}  // namespace

JsonLinesWriter::JsonLinesWriter(const std::string& path) : path_(path) {
  descriptor_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("{}: cannot write: {}", path, system_reason(errno));
}

JsonLinesWriter::~JsonLinesWriter() { close(descriptor_); }

std::uint64_t JsonLinesWriter::size() const {
  struct stat info {};
  if (fstat(descriptor_, &info) != 0) fail("{}: cannot read: {}", path_, system_reason(errno));
  return static_cast<std::uint64_t>(info.st_size);
}

void JsonLinesWriter::write(const nlohmann::json& object) {
  METAPLASTIC_CHECK(object.is_object());
  const std::string line =
      object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const std::uint64_t before = size();
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t count = ::write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error_number = errno;
      const bool restored = done == 0 || ftruncate(descriptor_, static_cast<off_t>(before)) == 0;
      fail("{}: cannot write: {}{}", path_, system_reason(error_number),
           restored ? "" : "; its last line is unfinished");
    }
    done += static_cast<std::size_t>(count);
  }
}

std::int64_t truncate_json_lines_after(const std::string& path, std::string_view key,
                                       std::int64_t last) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return 0;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) fail("{}: cannot open as a file", path);
  std::uint64_t kept_bytes = 0;
  std::int64_t num_kept = 0;
  for (std::string line; read_line(file, line);) {
    const auto json = parse_json(line);
    if (!json.is_object()) {
      fail("{}:{}: expected a JSON object, found other text; mend or remove the file", path,
           num_kept + 1);
    }
    const auto found = json.find(std::string(key));
    if (found != json.end() && found->is_number() && found->get<double>() > double(last)) break;
    kept_bytes += line.size() + 1;
    ++num_kept;
  }
  file.close();
  if (std::filesystem::file_size(path) != kept_bytes) cut(path, kept_bytes);
  return num_kept;
}

void write_json_atomically(const std::string& path, const nlohmann::json& json) {
  write_file_atomically(
      path, json.dump(kIndent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace metaplastic
