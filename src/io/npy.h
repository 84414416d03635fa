// NumPy's array files: .npy (format versions 1 to 3) and .npz (a zip of them).
//
// Read: bool, integers of 8 to 64 bits, floats of 16 to 64 bits, both byte orders, C and Fortran
// order, up to 8 dimensions; and strings (types U and S). Values come out in C order as float, as
// double, as exact int64, or as UTF-8. Non-finite values are passed on: whether they are allowed is
// the caller's question.
// Written: C order, little endian, version 1; at once or block by block. Object arrays (pickles)
// are never read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/atomic_file.h"

namespace metaplastic {

inline constexpr std::size_t kMaxNpyDims = 8;

// kUnicode: 4 bytes a character; kBytes: one. Both are padded with zeros.
enum class NpyKind { kBool, kSigned, kUnsigned, kFloat, kUnicode, kBytes };

// bool: 1 byte; whole numbers: 1, 2, 4 or 8; floats: 2, 4 or 8.
struct NpyType {
  NpyKind kind = NpyKind::kFloat;
  std::size_t item_bytes = 4;
  bool big_endian = false;

  // Items have more digits than a float has room for.
  bool is_wide() const { return item_bytes == 8 || (item_bytes == 4 && kind != NpyKind::kFloat); }
};

struct NpyHeader : NpyType {
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::int64_t num_elements = 1;  // product of the shape
  std::uint64_t data_offset = 0;  // of the first element in the file
  bool is_text() const { return kind == NpyKind::kUnicode || kind == NpyKind::kBytes; }
};

// Checks the header in `start` (the first bytes of a file of `file_bytes`, at least kNpyHeaderBytes
// of them if the file has as many) and that exactly the elements follow it. Throws Error; `source`
// starts the line.
inline constexpr std::size_t kNpyHeaderBytes = (1 << 16) + 12;
NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_bytes,
                           const std::string& source);

// One array, read piece by piece: a large file is never in memory as a whole (except one in
// Fortran order, or a member of an npz, which are).
class NpyReader {
 public:
  explicit NpyReader(const std::string& path);
  // An array that stands in memory; `source` starts error lines.
  NpyReader(std::vector<std::byte> content, std::string source);
  // Elements in memory, C order, of a header that is known; sizes must agree.
  NpyReader(NpyHeader header, std::vector<std::byte> elements, std::string source);
  ~NpyReader();
  NpyReader(NpyReader&&) noexcept;

  const std::string& source() const { return source_; }
  const NpyHeader& header() const { return header_; }
  const std::vector<std::int64_t>& shape() const { return header_.shape; }
  std::int64_t num_elements() const { return header_.num_elements; }

  // Elements [begin, begin + values.size()) in C order. Converted as C++ converts: a double
  // beyond the range of float becomes infinite.
  void read_floats(std::int64_t begin, std::span<float> values) const;
  void read_doubles(std::int64_t begin, std::span<double> values) const;
  // The same as exact integers. Throws Error for an unsigned value above 2^63 - 1 and for floats
  // that are no whole numbers (labels that a table program saved as floats are accepted).
  void read_integers(std::int64_t begin, std::span<std::int64_t> values) const;
  // Of an array of strings, as UTF-8 (of type S as it is). Throws Error for what is no Unicode.
  void read_strings(std::int64_t begin, std::span<std::string> values) const;

 private:
  struct Bytes;

  template <class Use>
  void visit_bytes(std::int64_t begin, std::size_t count, const Use& use) const;
  template <class Visitor>
  void visit_items(std::int64_t begin, std::size_t count, const Visitor& visitor) const;

  std::string source_;
  std::unique_ptr<Bytes> bytes_;
  NpyHeader header_;
};

struct NpyFloats {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
struct NpyIntegers {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> values;
};
NpyFloats read_all_floats(const NpyReader& reader);
NpyIntegers read_all_integers(const NpyReader& reader);
NpyFloats read_npy_floats(const std::string& path);
NpyIntegers read_npy_integers(const std::string& path);

// The arrays of an npz. Nothing is decompressed before open(). Not for several threads at once.
class NpzFile {
 public:
  // No array may decompress to more than max_array_bytes.
  explicit NpzFile(const std::string& path, std::uint64_t max_array_bytes = std::uint64_t{1} << 36);
  ~NpzFile();
  NpzFile(NpzFile&&) noexcept;

  // Names without ".npy", in the order of the file; other members are left out.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const;
  // Throws Error, with the nearest name, when there is no such array.
  NpyReader open(const std::string& name) const;

 private:
  struct Archive;

  std::string path_;
  std::uint64_t max_array_bytes_;
  std::unique_ptr<Archive> archive_;
  std::vector<std::string> names_;
};

// Write atomically. The number of values must be the product of the shape.
void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const float> values);
void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const std::int32_t> values);
void write_npy(const std::string& path, std::span<const std::int64_t> shape,
               std::span<const std::int64_t> values);

// A float array that is written block by block, for results larger than memory.
class NpyWriter {
 public:
  // Opens the file at once, so that a path that cannot be written fails before long work.
  explicit NpyWriter(const std::string& path) : writer_(path) {}

  // The header; once, before the first value.
  void begin(std::span<const std::int64_t> shape);
  // The next values in C order.
  void write(std::span<const float> values);
  // Puts the file in place; the values of the whole shape must have been written.
  void commit();

 private:
  AtomicFileWriter writer_;
  std::uint64_t bytes_left_ = 0;
};

}  // namespace metaplastic
