// Whether the first row of a table names its columns, told from the rows below it.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

enum class FirstRow { kData, kNames, kNumberNames };  // kNumberNames: numbers are among the names

// Rows below are looked at up to this many.
inline constexpr std::size_t kRowsBelow = 200;

// `below` are rows of as many cells; `wanted` are the columns that options name.
FirstRow judge_first_row(const std::vector<std::string>& first,
                         const std::vector<std::vector<std::string>>& below,
                         const std::vector<std::string>& wanted);

}  // namespace metaplastic
