// Keeps a run going: starts it, and starts it again from its last checkpoint when it dies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/progress.h"

namespace metaplastic {

struct Supervised {
  std::vector<std::string> launcher;   // "mpirun", "-n", "4"; empty: none
  std::vector<std::string> arguments;  // of the program: "train", "--out", ..., without --resume
  std::string out;                     // the run folder
  bool resume = false;                 // from the start, not only after a failure
  double minutes = 0;                  // of all attempts together; 0: no limit
};

// Returns the exit status of the last attempt: 0, 2 (the user must mend something), 3 (a signal
// asked for the end; it was passed on and the run saved), or 1 when several attempts in a row
// brought no new checkpoint.
int supervise(const Supervised& run, Progress& progress);

// Splits at spaces; quotes keep words together. Throws Error for a quote that does not end.
std::vector<std::string> split_words(const std::string& flag, const std::string& text);

}  // namespace metaplastic
