// Words out of UTF-8 text by Unicode's rules, which ICU knows: case, normal form, and where a word
// begins and ends, also in scripts that put no blanks between words.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Folded case and compatibility forms (Unicode's NFKC_Casefold): what differs only in case, in
// composed or combining accents, or in the width of letters becomes the same. Well-formed text.
std::string fold_text(std::string_view text);

// Calls `visit` for each word of well-formed UTF-8 text, folded: a run of letters, marks, digits
// and, inside, apostrophes. Runs of Chinese, Japanese, Thai, Lao, Khmer and Burmese are divided
// into words by ICU's dictionaries. Returns the number of runs that were passed over as too long.
std::int64_t visit_words(std::string_view text,
                         const std::function<void(const std::string&)>& visit);

}  // namespace metaplastic
