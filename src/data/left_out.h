// What a folder holds besides the files that are read: counted, with the first names, for one note.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace metaplastic {

class LeftOut {
 public:
  // `name` is relative to the folder.
  void add_ending(const std::string& name);
  void add_hidden(const std::string& name) { hidden_.push_back(name); }
  void add_other(const std::string& name) { others_.push_back(name); }
  void add_deep_folder(const std::string& name) { deep_folders_.push_back(name); }
  void add_empty_folder(const std::string& name) { empty_folders_.push_back(name); }

  bool has_endings() const { return !by_ending_.empty(); }
  // "3 files ending in .bmp (first dog/0.bmp), 1 folder too deep (fox/more)"; "" for nothing.
  std::string text() const;

 private:
  std::map<std::string, std::vector<std::string>> by_ending_;
  std::vector<std::string> hidden_, others_, deep_folders_, empty_folders_;
};

}  // namespace metaplastic
