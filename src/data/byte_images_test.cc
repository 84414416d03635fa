#include "data/byte_images.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Images kept as bytes take a way of their own; the bits are those of images kept as floats.
TEST(ByteImages, GiveTheBitsOfFloats) {
  struct Case {
    ImageShape shape;
    int resize;
  };
  const Case cases[] = {{{28, 28, 1}, 14}, {{28, 28, 1}, 7}, {{28, 28, 1}, 28}, {{12, 20, 1}, 4},
                        {{9, 9, 1}, 4},    {{28, 28, 1}, 0}, {{6, 5, 3}, 0},    {{8, 8, 3}, 4}};
  for (const auto& [shape, resize] : cases) {
    SCOPED_TRACE(std::to_string(shape.height) + " to " + std::to_string(resize));
    const auto size = static_cast<std::size_t>(shape.size());
    std::vector<std::uint8_t> bytes(5 * size);
    for (std::size_t n = 0; n < bytes.size(); ++n)
      bytes[n] = static_cast<std::uint8_t>(n * n * 31 % 257);
    Dataset data;
    data.kind = DataKind::kImage;
    data.image = shape;
    data.rows = rows_of({bytes.begin(), bytes.end()}, static_cast<int>(size));
    data.first_test_row = data.num_rows();
    PreprocessOptions options;
    options.resize = resize;
    options.permutation_seed = 3;
    const Preprocess preprocess = fit_preprocess(data, options);
    const std::vector<float> expected = apply_preprocess(preprocess, data);
    const auto part = [&](std::size_t first, std::size_t last) {
      const auto at = [&](std::size_t row) {
        return bytes.begin() + static_cast<std::ptrdiff_t>(row * size);
      };
      return std::make_shared<ByteRows>(std::vector<std::uint8_t>(at(first), at(last)),
                                        static_cast<int>(size));
    };
    data.rows = std::make_shared<ConcatRows>(
        std::make_shared<SliceRows>(part(0, 4), 0, 2),
        std::make_shared<ConcatRows>(std::make_shared<SliceRows>(part(1, 4), 1, 2), part(4, 5)));
    ASSERT_TRUE(data.rows->has_bytes());
    EXPECT_EQ(apply_preprocess(preprocess, data), expected);
  }
}

}  // namespace
}  // namespace metaplastic
