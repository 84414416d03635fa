#include "data/exif_orientation.h"

#include <gtest/gtest.h>

#include <string>

namespace metaplastic {
namespace {

// Rows of digits as pixels.
DecodedImage picture_of(const std::vector<std::string>& rows) {
  DecodedImage picture;
  picture.height = static_cast<int>(rows.size());
  picture.width = static_cast<int>(rows[0].size());
  picture.channels = 1;
  for (const std::string& row : rows) {
    picture.pixels.insert(picture.pixels.end(), row.begin(), row.end());
  }
  return picture;
}

TEST(ExifOrientation, EveryTurnOfSixPixels) {
  // What is seen of the stored rows 123, 456.
  const std::vector<std::vector<std::string>> seen = {
      {"123", "456"},     {"321", "654"},     {"654", "321"},     {"456", "123"},
      {"14", "25", "36"}, {"41", "52", "63"}, {"63", "52", "41"}, {"36", "25", "14"}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    DecodedImage picture = picture_of({"123", "456"});
    turn_upright(picture, orientation);
    const DecodedImage expected = picture_of(seen[static_cast<std::size_t>(orientation - 1)]);
    EXPECT_EQ(picture.height, expected.height) << orientation;
    EXPECT_EQ(picture.width, expected.width) << orientation;
    EXPECT_EQ(picture.pixels, expected.pixels) << orientation;
  }
}

TEST(ExifOrientation, ChannelsStayTogether) {
  DecodedImage picture;
  picture.height = 1;
  picture.width = 2;
  picture.channels = 3;
  picture.pixels = {1, 2, 3, 4, 5, 6};
  turn_upright(picture, 3);
  EXPECT_EQ(picture.pixels, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
  turn_upright(picture, 6);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.pixels, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
}

// Blocks that end early or point beyond themselves are no orientation.
TEST(ExifOrientation, DamagedBlocks) {
  std::vector<std::uint8_t> block = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0,
                                     0x12, 1,   3,   0,   1, 0, 0,   0,   6,   0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(find_orientation(block), 6);
  for (std::size_t size = 0; size < block.size() - 6; ++size) {
    EXPECT_EQ(find_orientation(std::span(block).first(size)), 1) << size;
  }
  block[10] = 200;  // the directory stands behind the end
  EXPECT_EQ(find_orientation(block), 1);
  EXPECT_EQ(find_orientation({}), 1);
}

}  // namespace
}  // namespace metaplastic
