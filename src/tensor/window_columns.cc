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

constexpr int kMostLanes = 64;  // of two vectors, on any machine that we run on

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

// A window's sums are added up in order, without fused operations; two vectors of windows fill the
// time that an addition takes. The last ones read and write beyond the row. What they write there
// belongs to the next row of windows, which comes later, or to nobody.
void normalise_row(const WindowRow& s) {
  const hn::ScalableTag<float> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const auto size = hn::Set(d, static_cast<float>(s.size));
  const auto one = hn::Set(d, 1.0f), offset = hn::Set(d, s.offset);
  for (int x = 0; x < s.count; x += 2 * N) {
    const float* const values = s.values + x;
    float* const columns = s.columns + x;
    if (s.offset == 0) {
      for (int i = 0; i < s.size; ++i) {
        const float* const from = values + s.starts[i];
        hn::StoreU(hn::LoadU(d, from), d, columns + i * s.row_stride);
        hn::StoreU(hn::LoadU(d, from + N), d, columns + i * s.row_stride + N);
      }
      continue;
    }
    auto mean0 = hn::Zero(d), mean1 = hn::Zero(d), squares0 = mean0, squares1 = mean1;
    for (int i = 0; i < s.size; ++i) {
      const float* const from = values + s.starts[i];
      mean0 = hn::Add(mean0, hn::LoadU(d, from));
      mean1 = hn::Add(mean1, hn::LoadU(d, from + N));
    }
    mean0 = hn::Div(mean0, size), mean1 = hn::Div(mean1, size);
    for (int i = 0; i < s.size; ++i) {
      const float* const from = values + s.starts[i];
      const auto centred0 = hn::Sub(hn::LoadU(d, from), mean0);
      const auto centred1 = hn::Sub(hn::LoadU(d, from + N), mean1);
      squares0 = hn::Add(squares0, hn::Mul(centred0, centred0));
      squares1 = hn::Add(squares1, hn::Mul(centred1, centred1));
    }
    const auto scale0 = hn::Div(one, hn::Add(hn::Sqrt(hn::Div(squares0, size)), offset));
    const auto scale1 = hn::Div(one, hn::Add(hn::Sqrt(hn::Div(squares1, size)), offset));
    for (int i = 0; i < s.size; ++i) {
      const float* const from = values + s.starts[i];
      float* const to = columns + i * s.row_stride;
      hn::StoreU(hn::Mul(hn::Sub(hn::LoadU(d, from), mean0), scale0), d, to);
      hn::StoreU(hn::Mul(hn::Sub(hn::LoadU(d, from + N), mean1), scale1), d, to + N);
    }
  }
}

// Columns [at, at + kVectors vectors of d).
template <int kVectors, class D>
HWY_INLINE void add_part(const D d, const float* x, std::ptrdiff_t count, std::ptrdiff_t n,
                         std::ptrdiff_t at, float* sums) {
  const auto N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  hn::Vec<D> acc[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) acc[v] = hn::LoadU(d, sums + at + v * N);
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const float* const from = x + i * n + at;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[v] = hn::Add(acc[v], hn::LoadU(d, from + v * N));
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[v], d, sums + at + v * N);
}

// Several vectors at once fill the time that an addition takes.
void add_all_rows(const float* x, std::ptrdiff_t count, std::ptrdiff_t n, float* sums) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  std::ptrdiff_t at = 0;
  for (; at + 8 * N <= n; at += 8 * N) add_part<8>(d, x, count, n, at, sums);
  for (; at + 2 * N <= n; at += 2 * N) add_part<2>(d, x, count, n, at, sums);
  for (; at < n; ++at) add_part<1>(one, x, count, n, at, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaplastic {
namespace {
HWY_EXPORT(normalise_row);
HWY_EXPORT(add_all_rows);
}  // namespace

void add_rows(const float* x, std::ptrdiff_t count, std::ptrdiff_t n, float* sums) {
  kernels<float>();  // settles the instruction set
  HWY_DYNAMIC_DISPATCH(add_all_rows)(x, count, n, sums);
}

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
