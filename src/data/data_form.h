// The forms of data sets that a SPEC can name: one row each, read by parsing, errors, help and
// loading. Notation: data_spec.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_spec.h"
#include "data/dataset.h"

namespace metaplastic {

struct DataForm {
  std::string_view name;
  std::size_t min_paths, max_paths;
  std::string_view notation;
  std::vector<std::string> options;
  Dataset (*load)(const DataSpec& spec);  // of a parsed spec of this form
};

// Files, and data sets that are known by name.
std::span<const DataForm> file_forms();

}  // namespace metaplastic
