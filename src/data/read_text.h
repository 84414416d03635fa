// Words out of UTF-8 text: validation, lower case, and where a word begins and ends.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace metaplastic {

// Longer runs of letters are no words (encoded data, say) and are passed over.
inline constexpr std::size_t kMaxWordBytes = 64;

// Position of the first byte that is not part of well-formed UTF-8 (overlong forms, surrogates and
// values above U+10FFFF are not); npos when all of it is.
std::size_t find_bad_utf8(std::string_view text);
inline bool is_utf8(std::string_view text) { return find_bad_utf8(text) == std::string_view::npos; }

// Calls `visit` for each word of well-formed UTF-8 text: a run of letters, digits and, inside,
// apostrophes; every code point from U+00C0 on counts as a letter except punctuation and symbol
// blocks. Latin (U+0000-U+00FF), Greek and Cyrillic capitals become small.
void visit_words(std::string_view text, const std::function<void(const std::string&)>& visit);

}  // namespace metaplastic
