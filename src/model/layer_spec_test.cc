#include "model/layer_spec.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"

namespace metaplastic {
namespace {

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(LayerSpec, ReadsBackWhatItWrites) {
  for (const char* text :
       {"dense 12", "conv 128 7x7, pool 3x3, dense 128, dense 64",
        "conv 8 5x3 stride 2 padding 1, pool size 2x2 max, conv 16 3x3, pool 2x2 mean",
        "conv 8 9 stride 3, pool 4, dense 5", "conv 8 3x3 whiten sparse, pool 2x2, dense 4 whiten",
        "pool size 2x2 stride 1, conv 4 2x2"}) {
    EXPECT_EQ(layers_text(parse_layers(text)), text);
  }
  const std::vector<LayerSpec> layers = parse_layers(" conv  8 5x3 stride 2 padding 1 ,dense 7");
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].height, 5);
  EXPECT_EQ(layers[0].width, 3);
  EXPECT_EQ(layers[0].stride, 2);
  EXPECT_EQ(layers[0].padding, 1);
  EXPECT_EQ(layers[1].units, 7);
}

TEST(LayerSpec, ShapesFollowWindowsStridesAndPadding) {
  const auto shapes = layer_shapes(
      parse_layers("conv 8 5x3 stride 2 padding 1, pool 3x2, conv 4 2x2, dense 9"), {28, 20, 3});
  const std::vector<ImageShape> expected = {
      {28, 20, 3}, {13, 10, 8}, {3, 2, 8}, {2, 1, 4}, {1, 1, 9}};
  EXPECT_EQ(shapes, expected);
  const auto line =
      layer_shapes(parse_layers("conv 8 5 padding 2, pool size 4 stride 2"), {1, 30, 2});
  EXPECT_EQ(line[1], (ImageShape{1, 30, 8}));
  EXPECT_EQ(line[2], (ImageShape{1, 14, 8}));
}

// Every place of a grid lies in one cell.
TEST(LayerSpec, CellsOfAGridCoverEveryPlaceOnce) {
  for (int size = 1; size < 12; ++size) {
    for (int side = 1; side <= size; ++side) {
      LayerSpec pool{.kind = LayerKind::kPool, .height = side};
      int next = 0;
      for (const PoolCell& cell : pool_cells(pool, size, true)) {
        EXPECT_EQ(cell.begin, next);
        EXPECT_GE(cell.end - cell.begin, size / side);
        EXPECT_LE(cell.end - cell.begin, size / side + 1);
        next = cell.end;
      }
      EXPECT_EQ(next, size);
    }
  }
}

TEST(LayerSpec, WhiteningIsReadAndWritten) {
  const char* const text = "conv 8 6x6 stride 2 padding 1 whiten, pool 2x2, dense 4";
  const std::vector<LayerSpec> layers = parse_layers(text);
  EXPECT_TRUE(layers[0].whiten);
  EXPECT_FALSE(layers[2].whiten);
  EXPECT_EQ(layers_text(layers), text);
}

TEST(LayerSpec, RefusesInOneLineThatQuotesTheLayer) {
  const auto expect = [](const char* text, const char* part) {
    const std::string line = refusal([&] { parse_layers(text); });
    EXPECT_NE(line.find(part), std::string::npos) << text << ": " << line;
  };
  expect("", "expected one of dense, conv, pool");
  expect("dens 12", "did you mean 'dense'?");
  expect("dense", "units from 1 to");
  expect("dense 0", "found '0'");
  expect("dense 4.5", "found '4.5'");
  expect("conv 8", "a window such as 7x7");
  expect("conv 8 7x", "found '7x'");
  expect("conv 8 7x7x7", "found '7x7x7'");
  expect("conv 8 7x7 strid 2", "no further word in 'conv 8 7x7 strid 2', found 'strid'");
  expect("conv 8 7x7 stride 0", "a stride from 1");
  expect("conv 8 7x7 whiten stride 2", "no further word");
  expect("dense 8 whiten", "right above a conv layer or pool");
  expect("pool 3x3", "1 to 16 layers of units");
  expect("dense 4, conv 8 3x3", "only dense layers above 'dense 4'");
  expect("dense 4, pool 2x2", "only dense layers above 'dense 4'");
  expect("dense 4,", "found nothing more");
  const auto expect_shape = [](const char* text, ImageShape input, const char* part) {
    const std::string line = refusal([&] { layer_shapes(parse_layers(text), input); });
    EXPECT_NE(line.find(part), std::string::npos) << text << ": " << line;
  };
  expect_shape("conv 8 7x7", {6, 9, 1}, "use a smaller window");
  expect_shape("conv 8 7", {28, 28, 1}, "such as 7x7");
  expect_shape("conv 8 7x7, pool 3x3, dense 4", {8, 9, 1}, "use a smaller grid");
}

}  // namespace
}  // namespace metaplastic
