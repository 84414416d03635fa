// The list of row names that goes with a file of features.
#pragma once

#include <string>

#include "data/dataset.h"

namespace metaplastic {

// For the flag --names of commands that write features.
inline constexpr const char* kNamesHelp =
    "also write what each row is, one line per row: files below the folder, or row numbers from 0";

// A line per row: its name, or its number from 0 where rows have no names. A backslash, line feed
// or carriage return in a name is written \\, \n or \r; other bytes as they are. Atomic.
void write_row_names(const std::string& path, const Dataset& data);

}  // namespace metaplastic
