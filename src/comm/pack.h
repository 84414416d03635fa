// Values into bytes and back, for ranks that run the same program on the same kind of processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace metaplastic {

class Packer {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> Packer& add(T value) { return append(&value, sizeof value); }
  template <class T>
  requires std::is_arithmetic_v<T> Packer& add(const std::vector<T>& values) {
    add(static_cast<std::uint64_t>(values.size()));
    return append(values.data(), values.size() * sizeof(T));
  }
  Packer& add(const std::string& text) {
    add(static_cast<std::uint64_t>(text.size()));
    return append(text.data(), text.size());
  }
  template <class T>
  Packer& add(const std::vector<std::vector<T>>& lists) {
    add(static_cast<std::uint64_t>(lists.size()));
    for (const std::vector<T>& list : lists) add(list);
    return *this;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  Packer& append(const void* data, std::size_t size) {
    const std::size_t old_size = bytes_.size();
    bytes_.resize(old_size + size);
    if (size > 0) std::memcpy(bytes_.data() + old_size, data, size);
    return *this;
  }

  std::vector<std::byte> bytes_;
};

// Reads in the order of writing. A message that is too short or too long was not written by this
// program: a programming error, or memory gone bad.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T> Unpacker& read(T& value) { return take(&value, sizeof value); }
  template <class T>
  requires std::is_arithmetic_v<T> Unpacker& read(std::vector<T>& values) {
    values.resize(count(sizeof(T)));
    return take(values.data(), values.size() * sizeof(T));
  }
  Unpacker& read(std::string& text) {
    text.resize(count(1));
    return take(text.data(), text.size());
  }
  template <class T>
  Unpacker& read(std::vector<std::vector<T>>& lists) {
    lists.resize(count(sizeof(std::uint64_t)));
    for (std::vector<T>& list : lists) read(list);
    return *this;
  }
  template <class T>
  T get() {
    T value{};
    read(value);
    return value;
  }
  void finish() const { METAPLASTIC_CHECK(rest_.empty()); }

 private:
  std::size_t count(std::size_t size) {
    std::uint64_t number = 0;
    read(number);
    METAPLASTIC_CHECK(number <= rest_.size() / size);
    return static_cast<std::size_t>(number);
  }
  Unpacker& take(void* to, std::size_t size) {
    METAPLASTIC_CHECK(size <= rest_.size());
    if (size > 0) std::memcpy(to, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return *this;
  }

  std::span<const std::byte> rest_;
};

}  // namespace metaplastic
