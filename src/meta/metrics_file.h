// metrics.jsonl of a run: one JSON object per line, each with its outer_step.
#pragma once

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace metaplastic {

class MetricsFile {
 public:
  // Starts a new file.
  void open(const std::string& path);
  // Goes on with a file: lines later than outer_step, or torn by a crash, are cut off first.
  void open_after(const std::string& path, std::int64_t outer_step);
  // Written and flushed before it returns; throws Error when the disk refuses.
  void append(const nlohmann::json& line);

 private:
  std::string path_;
  std::ofstream stream_;
};

}  // namespace metaplastic
