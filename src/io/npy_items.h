// Numbers of NumPy's types as they lie in a file or in memory, of either byte order, one after the
// other: their C++ values.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "io/npy.h"

namespace metaplastic {

// IEEE binary16, which C++20 has no type for.
struct Half {
  std::uint16_t bits;
};

// Exact.
inline float half_to_float(Half half) {
  const int exponent = half.bits >> 10 & 31;
  const auto fraction = static_cast<float>(half.bits & 1023);
  float value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024.0f, exponent - 25);
  if (exponent == 31) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  }
  return (half.bits & 0x8000) != 0 ? -value : value;
}

// Converted as C++ converts: a double beyond the range of float becomes infinite.
template <class To, class T>
To item_to(T value) {
  if constexpr (std::is_same_v<T, Half>) {
    return static_cast<To>(half_to_float(value));
  } else {
    return static_cast<To>(value);
  }
}

template <class T>
T item_at(const std::byte* bytes, bool big_endian) {
  std::array<std::byte, sizeof(T)> copy;
  std::memcpy(copy.data(), bytes, sizeof(T));
  if (big_endian) std::reverse(copy.begin(), copy.end());
  return std::bit_cast<T>(copy);
}

// Calls use(value) with each item as its own C++ type; bools are std::uint8_t.
template <class Use>
void decode_items(const NpyType& type, std::span<const std::byte> raw, const Use& use) {
  const auto each = [&]<class T>(T) {
    for (std::size_t at = 0; at < raw.size(); at += sizeof(T)) {
      use(item_at<T>(&raw[at], type.big_endian));
    }
  };
  const auto by_size = [&]<class T1, class T2, class T4, class T8>(T1, T2, T4, T8) {
    switch (type.item_bytes) {
      case 1:
        return each(T1{});
      case 2:
        return each(T2{});
      case 4:
        return each(T4{});
      default:
        return each(T8{});
    }
  };
  switch (type.kind) {
    case NpyKind::kBool:
    case NpyKind::kUnsigned:
      return by_size(std::uint8_t{}, std::uint16_t{}, std::uint32_t{}, std::uint64_t{});
    case NpyKind::kSigned:
      return by_size(std::int8_t{}, std::int16_t{}, std::int32_t{}, std::int64_t{});
    case NpyKind::kUnicode:
    case NpyKind::kBytes:
      return;  // refused before
    case NpyKind::kFloat:
      return by_size(std::uint8_t{}, Half{}, float{}, double{});
  }
}

}  // namespace metaplastic
