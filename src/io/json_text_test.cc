#include "io/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace metaplastic {
namespace {

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(JsonText, ParsesWhatIsJsonAndDiscardsTheRest) {
  EXPECT_EQ(parse_json("{\"a\": [1, 2.5, \"x\"]}")["a"][1], 2.5);
  for (const char* text : {"", "{", "{]", "nul", "{} {}", "\"\xff\""}) {
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
  }
}

TEST(JsonText, DepthIsLimited) {
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth)).is_array());
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth + 2)).is_discarded());
  EXPECT_TRUE(parse_json(nested(1'000'000)).is_discarded());
  EXPECT_TRUE(parse_json("{\"a\":" + nested(100) + "}").is_discarded());
}

}  // namespace
}  // namespace metaplastic
