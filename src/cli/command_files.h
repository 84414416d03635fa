// The files that a command reads and writes: declared in one place per command, checked before any
// work. An output never replaces an input, nor another output of the same command.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

class CommandFiles {
 public:
  // Each takes "" for a flag that was not given.
  void reads(const std::string& flag, const std::string& path);  // a file, or all files of a folder
  void reads_rule(const std::string& flag, const std::string& name_or_path);
  void reads_data(const std::string& flag, const std::string& spec);
  // `endings` are those of its format, ".npy"; the first is the usual one.
  void writes(const std::string& flag, const std::string& path,
              const std::vector<std::string>& endings);
  // Files that are written into a folder: names, or endings that begin with a dot.
  void writes_into(const std::string& flag, const std::string& folder,
                   const std::vector<std::string>& names);

  // Throws Error for an output that is an input or another output, whose name ends like another
  // format, or that cannot be written. Leaves nothing behind.
  void check() const;

 private:
  struct Input {
    std::string flag, path;
  };
  struct Output {
    std::string flag, path;
    std::vector<std::string> endings;
  };
  void check_ending(const Output& output) const;
  void check_against_inputs(const Output& output) const;
  void check_folder(const Output& folder) const;

  std::vector<Input> inputs_;    // files and folders
  std::vector<Output> outputs_;  // files
  std::vector<Output> folders_;  // endings: what is written into them
};

}  // namespace metaplastic
