#include "base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace metaplastic {
namespace {

// Longer words cost quadratic time for nothing: no valid name is that long.
constexpr std::size_t kMaxWord = 256;

std::string lower_case(std::string_view word) {
  std::string result(word.substr(0, kMaxWord));
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the usual table.
  const std::size_t width = b.size() + 1;
  std::vector<int> before(width), above(width), row(width);
  for (std::size_t j = 0; j < width; ++j) above[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j < width; ++j) {
      const int replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
  std::string nearest;
  int nearest_distance = -1;
  const std::string folded_word = lower_case(word);
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(folded_word, lower_case(candidate));
    if (nearest_distance < 0 || distance < nearest_distance) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  return nearest;
}

bool is_near(std::string_view word, std::string_view candidate) {
  const auto longest = static_cast<int>(std::max(word.size(), candidate.size()));
  const int distance = edit_distance(lower_case(word), lower_case(candidate));
  return distance <= std::max(1, longest / 4) && 2 * distance < longest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string nearest = nearest_name(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

std::string join_names(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace metaplastic
