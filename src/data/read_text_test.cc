#include "data/read_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace metaplastic {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  visit_words(text, [&](const std::string& word) { words.push_back(word); });
  return words;
}

TEST(ReadText, WellFormedUtf8Only) {
  EXPECT_TRUE(is_utf8("plain \u00fc \u65e5 \U0001f600"));
  EXPECT_EQ(find_bad_utf8("ab\xc0\x80"), 2u);        // overlong
  EXPECT_EQ(find_bad_utf8("a\xed\xa0\x80"), 1u);     // a surrogate
  EXPECT_EQ(find_bad_utf8("\xf4\x90\x80\x80"), 0u);  // beyond U+10FFFF
  EXPECT_EQ(find_bad_utf8("abc\xe6\x97"), 3u);       // cut short
}

TEST(ReadText, WordsOfAscii) {
  EXPECT_EQ(words_of("Don't stop, it''s 'fine' 3.14 foo_bar"),
            (Words{"don't", "stop", "it", "s", "fine", "3", "14", "foo", "bar"}));
}

TEST(ReadText, OneWordHasOneForm) {
  // Composed or not, in capitals or not, in full width or not, with a ligature or a soft hyphen.
  EXPECT_EQ(words_of("CAF\u00c9 cafe\u0301"), (Words{"caf\u00e9", "caf\u00e9"}));
  EXPECT_EQ(words_of("Stra\u00dfe STRASSE"), (Words{"strasse", "strasse"}));
  EXPECT_EQ(words_of("\u0391\u03a3 \u03b1\u03c2"), (Words{"\u03b1\u03c3", "\u03b1\u03c3"}));
  EXPECT_EQ(words_of("\uff21\uff22 \ufb01n co\u00adop"), (Words{"ab", "fin", "coop"}));
  EXPECT_EQ(words_of("don\u2019t DON'T"), (Words{"don't", "don't"}));
  EXPECT_EQ(words_of("\u0416\u0423\u041a"), (Words{"\u0436\u0443\u043a"}));
  EXPECT_TRUE(words_of("\u2014 \u2026 \U0001f600 \u00d7").empty());
}

TEST(ReadText, ScriptsWithoutBlanksAreDivided) {
  // "We like to eat roast duck in Beijing", Chinese; "I am a student", Japanese; "Thai language".
  const Words chinese = words_of("\u6211\u4eec\u559c\u6b22\u5728\u5317\u4eac\u5403\u70e4\u9e2d");
  EXPECT_GE(chinese.size(), 4u);
  EXPECT_EQ(chinese[0], "\u6211\u4eec");
  EXPECT_GE(words_of("\u79c1\u306f\u5b66\u751f\u3067\u3059").size(), 3u);
  EXPECT_EQ(words_of("\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22"),
            (Words{"\u0e20\u0e32\u0e29\u0e32", "\u0e44\u0e17\u0e22"}));
  EXPECT_EQ(words_of("\ud55c\uad6d\uc5b4 \ubb38\uc7a5").size(), 2u);  // Korean has blanks
}

TEST(ReadText, RunsThatAreTooLongAreCounted) {
  const std::string text = "a " + std::string(kMaxWordBytes + 1, 'x') + " b";
  int num_words = 0;
  EXPECT_EQ(visit_words(text, [&](const std::string&) { ++num_words; }), 1);
  EXPECT_EQ(num_words, 2);
}

}  // namespace
}  // namespace metaplastic
