// Progress on stderr: a line that is overwritten on a terminal, else one line per interval.
#pragma once

#include <string>

#include "base/clock.h"
#include "data/dataset.h"

namespace metaplastic {

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Where the work stands; shown at most ten times a second, or every ten seconds without a
  // terminal. Nothing when quiet.
  void update(const std::string& line);
  // The same with the time left at the end, as far as it can be told from `share` of the work that
  // is done, 0 to 1. Shares count from the first call; a share below the one before starts again.
  void update(const std::string& line, double share);
  // A line that stays. Nothing when quiet.
  void note(const std::string& line);
  // What a data set has to say: its notes, and why labels were left out.
  void warn_about(const Dataset& data);
  // A line that stays, quiet or not.
  void warn(const std::string& line);
  // Shows the last update for good.
  void finish();

 private:
  void print_line(const std::string& line);

  bool quiet_;
  bool is_terminal_;
  bool live_ = false;  // a live line is on the screen
  bool any_ = false;
  double last_shown_ = 0;
  double started_ = 0, first_share_ = 2, last_share_ = 2;  // of the work whose time is told
  std::string pending_;
};

// "12 s", "3 min", "1 h 20 min".
std::string duration_text(double seconds);

}  // namespace metaplastic
