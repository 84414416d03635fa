// "Did you mean ...?": the candidate closest to a misspelt word.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
int edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest edit distance, upper and lower case taken as equal; the first
// one on a tie; "" when there are none.
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);

// Few edits apart, upper and lower case taken as equal: one word may be a slip of the other.
bool is_near(std::string_view word, std::string_view candidate);

// "; did you mean 'x'?" or, without candidates, "". To be appended to an error line.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// Joins names as "a, b, c", for the list of valid values in an error line.
std::string join_names(std::span<const std::string> names);

}  // namespace metaplastic
