#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "cli/colour.h"

namespace metaplastic {
namespace {

constexpr double kTerminalInterval = 0.1;
constexpr double kLogInterval = 10;
// A rate that is seen for less time than this, in seconds, tells no time left.
constexpr double kLeastTimed = 2;

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), is_terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::update(const std::string& line) {
  if (quiet_) return;
  pending_ = line;
  const double now = steady_seconds();
  if (any_ && now - last_shown_ < (is_terminal_ ? kTerminalInterval : kLogInterval)) return;
  any_ = true;
  last_shown_ = now;
  if (is_terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.substr(0, terminal_width()).c_str());
    live_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
    pending_.clear();
  }
}

void Progress::update(const std::string& line, double share) {
  const double now = steady_seconds();
  if (share < last_share_) {
    started_ = now;
    first_share_ = share;
  }
  last_share_ = share;
  const double done = share - first_share_;
  if (now - started_ < kLeastTimed || done <= 0 || share >= 1) return update(line);
  const double left = (now - started_) / done * (1 - share);
  update(fmt::format("{}, {} left", line, duration_text(left)));
}

void Progress::note(const std::string& line) {
  if (!quiet_) print_line(line);
}

void Progress::warn(const std::string& line) {
  print_line(coloured("metaplastic: warning:", Colour::kWarning) + " " + line);
}

void Progress::warn_about(const Dataset& data) {
  for (const std::string& line : data.notes) warn(line);
  if (!data.unusable_labels.empty()) warn("labels left out: " + data.unusable_labels);
}

void Progress::finish() {
  if (live_) {
    std::fprintf(stderr, "\r\033[K%s\n", pending_.c_str());
  } else if (!pending_.empty()) {
    std::fprintf(stderr, "%s\n", pending_.c_str());
  }
  live_ = false;
  pending_.clear();
}

void Progress::print_line(const std::string& line) {
  if (live_) std::fputs("\r\033[K", stderr);
  live_ = false;
  std::fprintf(stderr, "%s\n", line.c_str());
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  const long long minutes = (whole + 59) / 60;
  if (minutes < 60) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

}  // namespace metaplastic
