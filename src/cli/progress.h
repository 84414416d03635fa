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
  std::string pending_;
};

}  // namespace metaplastic
