// Metrics as JSON lines: one object per line, readable while the run goes on, and cut back to a
// checkpoint when a run resumes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace metaplastic {

// Appends to a file, creating it if needed. A write goes to the system as one piece per line, so
// that a reader never sees two lines mixed. Errors name the path and the system's reason.
class JsonLinesWriter {
 public:
  explicit JsonLinesWriter(const std::string& path);
  ~JsonLinesWriter();
  JsonLinesWriter(const JsonLinesWriter&) = delete;
  JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

  // One line. Numbers that are not finite become null, as JSON has no word for them: count them
  // in a field of their own. When the line cannot be written whole, what was written is removed.
  void write(const nlohmann::json& object);

 private:
  std::uint64_t size() const;  // bytes in the file

  std::string path_;
  int descriptor_ = -1;
};

// Cuts the file in front of the first line whose number `key` is above `last`, and drops an
// unfinished last line. Lines without the key stay. Returns the number of lines kept; a missing
// file has none. A finished line that is no JSON object is an Error with its line number.
std::int64_t truncate_json_lines_after(const std::string& path, std::string_view key,
                                       std::int64_t last);

// Indented text with a newline at the end; see write_file_atomically.
void write_json_atomically(const std::string& path, const nlohmann::json& json);

}  // namespace metaplastic
