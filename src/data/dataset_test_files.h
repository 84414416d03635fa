// Tests only: the committed fixture files, and files written on the spot.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "io/test_folder.h"

namespace metaplastic {

// tests/fixtures/data/make_fixtures.py says how each was made.
inline std::string fixture(const std::string& name) {
  return std::string(METAPLASTIC_SOURCE_DIR) + "/tests/fixtures/data/" + name;
}

// Writes `content` into the folder, sub-folders included, and returns the path.
inline std::string write_test_file(const TestFolder& folder, const std::string& name,
                                   std::string_view content) {
  const std::string path = folder.path(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

inline std::string read_test_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Row `row` of the raw values.
inline std::vector<float> row_of(const RowSource& rows, std::int64_t row) {
  std::vector<float> out(static_cast<std::size_t>(rows.num_features()));
  rows.read_rows(row, 1, out);
  return out;
}

// The pattern of make_fixtures.py.
inline float pattern(std::size_t n) { return static_cast<float>(n * 37 % 256); }

}  // namespace metaplastic
