#include "tensor/window_columns.h"

#include "base/error.h"
#include "tensor/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/window_columns.cc"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#ifndef METAPLASTIC_WINDOW_COLUMNS_ONCE
#define METAPLASTIC_WINDOW_COLUMNS_ONCE
namespace metaplastic {
namespace {

constexpr int kMostLanes = 64;  // of a vector, on any machine that we run on

// Windows of one row: value i of them lies from values + starts[i] on, and goes to columns + i
// row_stride.
struct WindowRow {
  const float* values;
  const std::ptrdiff_t* starts;  // [size]
  int size, count;
  float offset;
  float* columns;
  std::ptrdiff_t row_stride;
};

}  // namespace
}  // namespace metaplastic
#endif

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A window's sums are added up in order, without fused operations. The last vector reads and writes
// beyond the row; what it writes there belongs to the next row of windows, which comes later, or to
// nobody.
void normalise_row(const WindowRow& s) {
  const hn::ScalableTag<float> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const auto size = hn::Set(d, static_cast<float>(s.size));
  for (int x = 0; x < s.count; x += N) {
    const float* const values = s.values + x;
    float* const columns = s.columns + x;
    if (s.offset == 0) {
      for (int i = 0; i < s.size; ++i)
        hn::StoreU(hn::LoadU(d, values + s.starts[i]), d, columns + i * s.row_stride);
      continue;
    }
    auto sum = hn::Zero(d), squares = hn::Zero(d);
    for (int i = 0; i < s.size; ++i) sum = hn::Add(sum, hn::LoadU(d, values + s.starts[i]));
    const auto mean = hn::Div(sum, size);
    for (int i = 0; i < s.size; ++i) {
      const auto centred = hn::Sub(hn::LoadU(d, values + s.starts[i]), mean);
      squares = hn::Add(squares, hn::Mul(centred, centred));
    }
    const auto deviation = hn::Add(hn::Sqrt(hn::Div(squares, size)), hn::Set(d, s.offset));
    const auto scale = hn::Div(hn::Set(d, 1.0f), deviation);
    for (int i = 0; i < s.size; ++i) {
      const auto centred = hn::Sub(hn::LoadU(d, values + s.starts[i]), mean);
      hn::StoreU(hn::Mul(centred, scale), d, columns + i * s.row_stride);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaplastic {
namespace {
HWY_EXPORT(normalise_row);
}  // namespace

WindowColumns::WindowColumns(const WindowShape& shape, float offset)
    : shape_(shape),
      offset_(offset),
      row_stride_(shape.places() + kMostLanes),
      plane_width_((shape.image_width + shape.stride - 1) / shape.stride) {
  METAPLASTIC_CHECK(shape.stride >= 1 &&
                    (shape.out_height - 1) * shape.stride + shape.height <= shape.image_height &&
                    (shape.out_width - 1) * shape.stride + shape.width <= shape.image_width);
  const auto plane = std::ptrdiff_t{shape.image_height} * plane_width_;
  planes_.resize(static_cast<std::size_t>(shape.channels * shape.stride * plane + kMostLanes));
  columns_.resize(static_cast<std::size_t>(shape.size() * row_stride_));
  // Of the pixels of a part of the image.
  const auto add_pixels = [&](int height, int width, std::vector<std::ptrdiff_t>& places) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < shape.channels; ++c)
          places.push_back((c * shape.stride + x % shape.stride) * plane +
                           std::ptrdiff_t{y} * plane_width_ + x / shape.stride);
  };
  add_pixels(shape.image_height, shape.image_width, in_planes_);
  add_pixels(shape.height, shape.width, starts_);
}

const float* WindowColumns::read(const float* image) {
  for (const std::ptrdiff_t place : in_planes_) planes_[static_cast<std::size_t>(place)] = *image++;
  kernels<float>();  // settles the instruction set
  for (int y = 0; y < shape_.out_height; ++y) {
    const WindowRow row{planes_.data() + std::ptrdiff_t{y} * shape_.stride * plane_width_,
                        starts_.data(),
                        shape_.size(),
                        shape_.out_width,
                        offset_,
                        columns_.data() + std::ptrdiff_t{y} * shape_.out_width,
                        row_stride_};
    HWY_DYNAMIC_DISPATCH(normalise_row)(row);
  }
  return columns_.data();
}

}  // namespace metaplastic
#endif  // HWY_ONCE
