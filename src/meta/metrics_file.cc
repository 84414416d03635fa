#include "meta/metrics_file.h"

#include "base/error.h"
#include "io/atomic_file.h"

namespace metaplastic {

void MetricsFile::open(const std::string& path) {
  path_ = path;
  stream_.open(path, std::ios::app | std::ios::binary);
  if (!stream_)
    fail("{}: expected to write metrics here, the system refused; check the folder's rights", path);
}

void MetricsFile::open_after(const std::string& path, std::int64_t outer_step) {
  std::ifstream old(path, std::ios::binary);
  std::string kept, text;
  while (old && std::getline(old, text)) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded() || !line.contains("outer_step")) break;
    if (line["outer_step"].get<std::int64_t>() > outer_step) break;
    kept += text + "\n";
  }
  write_file_atomically(path, kept);
  open(path);
}

void MetricsFile::append(const nlohmann::json& line) {
  stream_ << line.dump() << '\n' << std::flush;
  if (!stream_)
    fail("{}: expected to append a line of metrics, the disk refused; free space and resume",
         path_);
}

}  // namespace metaplastic
