// The windows of an image side by side, each normalised: what a conv layer multiplies its weights
// by when it runs. Vectors hold windows that lie beside each other. Compiled once per instruction
// set.
#pragma once

#include <cstddef>
#include <vector>

namespace metaplastic {

// Windows of height x width, every `stride` pixels, out_height x out_width of them. The image has
// what padding it needs.
struct WindowShape {
  int image_height, image_width, channels;
  int height, width, stride;
  int out_height, out_width;

  int size() const { return height * width * channels; }
  int places() const { return out_height * out_width; }
};

class WindowColumns {
 public:
  // offset: each window less its mean, over its deviation + offset; 0: windows as they are.
  WindowColumns(const WindowShape& shape, float offset);

  // image [image_height,image_width,channels]. Window i is column i of a matrix [size, places]
  // whose rows lie row_stride() apart; valid until the next call. Each value has the bits that
  // normalise_windows (data/normalise_windows.h) gives it.
  const float* read(const float* image);
  std::ptrdiff_t row_stride() const { return row_stride_; }

 private:
  WindowShape shape_;
  float offset_;
  std::ptrdiff_t row_stride_;
  int plane_width_;            // columns of the image that are `stride` apart
  std::vector<float> planes_;  // [channels,stride,image_height,plane_width], and room for vectors
  std::vector<std::ptrdiff_t> in_planes_;  // of every value of an image
  std::vector<std::ptrdiff_t> starts_;     // [size], in planes_, of the values of the first windows
  std::vector<float> columns_;             // [size,row_stride]
};

// sums [n] += the rows of x [count,n], one after the other: a pool over neighbouring windows.
void add_rows(const float* x, std::ptrdiff_t count, std::ptrdiff_t n, float* sums);

}  // namespace metaplastic
