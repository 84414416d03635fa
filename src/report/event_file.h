// Event files as TensorBoard reads them: records of a length, its checksum, an Event of protocol
// buffers, its checksum. Checksums are CRC-32C, rotated and shifted by a constant ("masked").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace metaplastic {

// What belongs to one step.
struct StepEvents {
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> scalars;  // tag, value
};

// A new file in a folder, which is created if needed. Each record goes to the system as one piece,
// so that a reader never sees half of one from a living process. TensorBoard joins the files of a
// folder; a first event says at which step this one starts, and what others hold from there on is
// of a process that died.
class EventFile {
 public:
  // Throws Error, naming the path and the system's reason, as write() does.
  EventFile(const std::string& folder, std::int64_t first_step);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void write(const StepEvents& events);
  const std::string& path() const { return path_; }

 private:
  void write_record(const std::string& event);

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace metaplastic
