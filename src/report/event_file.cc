#include "report/event_file.h"

#include <event_format.pb.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/crc32c.h"

namespace metaplastic {
namespace {

constexpr const char* kFileVersion = "brain.Event:2";

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

template <class Integer>
void append_bytes(Integer value, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::uint32_t checksum_of(const std::string& text) {
  return masked_crc32c(std::as_bytes(std::span(text)));
}

events::Event event_at(std::int64_t step) {
  events::Event event;
  event.set_wall_time(now_seconds());
  event.set_step(step);
  return event;
}

// The name that TensorBoard looks for; process and count keep two writers apart.
std::string file_name(int count) {
  return fmt::format("events.out.tfevents.{}.metaplastic.{}.{}",
                     static_cast<std::int64_t>(now_seconds()), getpid(), count);
}

}  // namespace

EventFile::EventFile(const std::string& folder, std::int64_t first_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("{}: cannot make the folder: {}", folder, error.message());
  for (int count = 0; descriptor_ < 0; ++count) {
    path_ = folder + "/" + file_name(count);
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST)
      fail("{}: cannot create: {}", path_, system_reason(errno));
  }
  events::Event version = event_at(0);
  version.set_file_version(kFileVersion);
  write_record(version.SerializeAsString());
  events::Event start = event_at(first_step);
  start.mutable_session_log()->set_status(events::SessionLog::START);
  write_record(start.SerializeAsString());
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void EventFile::write(const StepEvents& step_events) {
  events::Event event = event_at(step_events.step);
  events::Summary& summary = *event.mutable_summary();
  for (const auto& [tag, number] : step_events.scalars) {
    events::Summary::Value& value = *summary.add_value();
    value.set_tag(tag);
    value.set_simple_value(static_cast<float>(number));
  }
  write_record(event.SerializeAsString());
}

void EventFile::write_record(const std::string& event) {
  std::string record;
  append_bytes(std::uint64_t{event.size()}, record);
  append_bytes(checksum_of(record), record);
  record += event;
  append_bytes(checksum_of(event), record);
  const ssize_t written = ::write(descriptor_, record.data(), record.size());
  if (written < 0) fail("{}: cannot write: {}", path_, system_reason(errno));
  if (static_cast<std::size_t>(written) != record.size()) {
    fail("{}: expected to write {} bytes, wrote {}; is the disk full?", path_, record.size(),
         written);
  }
}

}  // namespace metaplastic
