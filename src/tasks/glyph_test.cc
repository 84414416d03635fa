#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "tasks/glyph_family.h"

namespace metaplastic {
namespace {

// Rendered once for all tests of this file.
const GlyphFamily& family() {
  static const GlyphFamily glyphs(20, 120, 0.15f);
  return glyphs;
}

int find_character(char32_t character) {
  const GlyphCache& cache = family().cache();
  for (int c = 0; c < cache.num_characters(); ++c) {
    if (cache.character(c) == character) return c;
  }
  return -1;
}

TEST(Glyphs, DigitsAreNeverClasses) {
  ASSERT_GE(find_character(U'R'), 0);
  for (char32_t digit = U'0'; digit <= U'9'; ++digit) EXPECT_EQ(find_character(digit), -1);
}

TEST(Glyphs, AreFittedAndCentredAsMnist) {
  const GlyphCache& cache = family().cache();
  int num_checked = 0;
  for (int c = 0; c < cache.num_characters(); c += 7) {
    for (int f = 0; f < cache.num_faces(); f += 5) {
      if (!cache.has(f, c)) continue;
      ++num_checked;
      int left = 99, right = -1, top = 99, bottom = -1;
      double mass = 0, x_moment = 0, y_moment = 0;
      const auto image = cache.glyph(f, c);
      for (int y = 0; y < kSourceSide; ++y) {
        for (int x = 0; x < kSourceSide; ++x) {
          const int value = image[static_cast<std::size_t>(y * kSourceSide + x)];
          if (value == 0) continue;
          left = std::min(left, x), right = std::max(right, x);
          top = std::min(top, y), bottom = std::max(bottom, y);
          mass += value, x_moment += value * x, y_moment += value * y;
        }
      }
      const int width = right - left + 1, height = bottom - top + 1;
      // Edges may straddle two pixels, and faint tips may be invisible.
      EXPECT_LE(std::max(width, height), 21);
      EXPECT_GE(std::max(width, height), 17);
      // Within half a pixel, unless the border stopped the move.
      if (left > 0 && right < kSourceSide - 1) {
        EXPECT_NEAR(x_moment / mass, 13.5, 0.51);
      }
      if (top > 0 && bottom < kSourceSide - 1) {
        EXPECT_NEAR(y_moment / mass, 13.5, 0.51);
      }
    }
  }
  EXPECT_GT(num_checked, 50);
}

TEST(Glyphs, LookAlikesShareAGroup) {
  const GlyphCache& cache = family().cache();
  const auto group = [&](char32_t c) { return cache.group(find_character(c)); };
  ASSERT_GE(find_character(0x0391), 0) << "no Greek among the installed fonts";
  EXPECT_EQ(group(U'A'), group(0x0391));  // Greek Alpha
  EXPECT_EQ(group(U'A'), group(0x0410));  // Cyrillic A
  EXPECT_EQ(group(U'O'), group(U'o'));
  EXPECT_NE(group(U'A'), group(U'B'));
  EXPECT_NE(group(U'R'), group(U'g'));
}

TEST(Glyphs, SplitsShareNeitherFontFamilyNorCharacter) {
  const GlyphCache& cache = family().cache();
  std::map<Split, std::set<std::string>> families;
  std::map<Split, std::set<int>> groups;
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    for (const int f : family().faces(split)) families[split].insert(cache.face(f).family);
    for (const auto& members : family().groups(split)) {
      for (const int c : members) groups[split].insert(cache.group(c));
    }
    EXPECT_GE(family().max_classes(split), 10);
  }
  for (const std::string& name : families[Split::kValidation]) {
    EXPECT_FALSE(families[Split::kTrain].contains(name)) << name;
  }
  for (const int g : groups[Split::kValidation]) EXPECT_FALSE(groups[Split::kTrain].contains(g));
}

TEST(Glyphs, AClassIsOneCharacterInDifferentFonts) {
  Random random(1, Purpose::kTest);
  const auto classes = family().draw_classes(Split::kTrain, 10, random);
  ASSERT_EQ(classes->num_classes(), 10);
  std::vector<float> image(kSourcePixels);
  for (int c = 0; c < 10; ++c) {
    ASSERT_GE(classes->num_instances(c), 8);
    std::set<std::vector<float>> different;
    for (int n = 0; n < classes->num_instances(c); ++n) {
      classes->instance(c, n, random, image);
      different.insert(image);
    }
    // Two fonts may draw one letter alike.
    EXPECT_GT(static_cast<int>(different.size()), classes->num_instances(c) * 3 / 4);
  }
}

TEST(Glyphs, RenderingAgainGivesTheSameDigest) {
  const GlyphCache one(8, 30), two(8, 30), more(8, 31);
  EXPECT_EQ(one.fingerprint().size(), 64u);
  EXPECT_EQ(one.fingerprint(), two.fingerprint());
  EXPECT_NE(one.fingerprint(), more.fingerprint());
}

TEST(Glyphs, TooFewFontsNameThePackages) {
  try {
    GlyphCache cache(31, 30);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("expected at least 31"), std::string::npos) << text;
    EXPECT_NE(text.find("fonts-dejavu"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace metaplastic
