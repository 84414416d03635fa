// The commands and flags of the program as plain values, read from CLI11's tree: what manual pages
// and completions are written from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace metaplastic {

struct FlagText {
  std::vector<std::string> names;  // "--out", "-h"
  std::string value;               // "FILE"; "" for a flag that takes none
  std::string help;
  bool required = false;
  std::string long_name() const;  // "out"; "" where there is none
};

struct CommandText {
  std::string name, help;
  std::vector<FlagText> flags;
  std::string footer;
};

// Hidden commands and flags are left out.
std::vector<FlagText> flags_of(const CLI::App& app);
std::vector<CommandText> commands_of(const CLI::App& program);

}  // namespace metaplastic
