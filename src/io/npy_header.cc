// The header of an npy file: a magic, a length, and a Python dictionary, parsed by a grammar that
// knows exactly the one dictionary that NumPy writes.
#include <array>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// Parses {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. Each function consumes what
// it names or returns false.
class DictParser {
 public:
  explicit DictParser(std::string_view text) : text_(text) {}

  bool parse(std::string& descr, bool& fortran_order, std::vector<std::uint64_t>& shape) {
    bool has_descr = false, has_order = false, has_shape = false;
    if (!take('{')) return false;
    while (!take('}')) {
      std::string key;
      if (!take_string(key) || !take(':')) return false;
      if (key == "descr" && !has_descr) {
        has_descr = take_string(descr);
        if (!has_descr) return false;
      } else if (key == "fortran_order" && !has_order) {
        has_order = take_bool(fortran_order);
        if (!has_order) return false;
      } else if (key == "shape" && !has_shape) {
        has_shape = take_shape(shape);
        if (!has_shape) return false;
      } else {
        return false;
      }
      if (!take(',') && peek() != '}') return false;
    }
    skip_space();
    return text_.empty() && has_descr && has_order && has_shape;
  }

 private:
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) {
      text_.remove_prefix(1);
    }
  }

  char peek() {
    skip_space();
    return text_.empty() ? '\0' : text_.front();
  }

  bool take(char c) {
    if (peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  // No escapes: no valid header has any.
  bool take_string(std::string& value) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return false;
    const std::size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) return false;
    value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value.find('\\') == std::string::npos;
  }

  bool take_bool(bool& value) {
    value = take_word("True");
    return value || take_word("False");
  }

  bool take_size(std::uint64_t& value) {
    const std::size_t before = text_.size();
    value = 0;
    for (char c = peek(); !text_.empty() && text_.front() == c && c >= '0' && c <= '9';) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value)) {
        return false;
      }
      text_.remove_prefix(1);
      c = text_.empty() ? '\0' : text_.front();
    }
    return text_.size() < before && value <= std::uint64_t{1} << 62;
  }

  // (), (3,), (3, 4) or (3, 4,); Python reads (3) as a number, so it is refused.
  bool take_shape(std::vector<std::uint64_t>& shape) {
    if (!take('(')) return false;
    bool comma = true;
    while (!take(')')) {
      std::uint64_t dim = 0;
      if (!comma || shape.size() > kMaxNpyDims || !take_size(dim)) return false;
      shape.push_back(dim);
      comma = take(',');
    }
    return shape.size() != 1 || comma;
  }

  std::string_view text_;
};

// "<U12" and "|S5".
bool parse_text_descr(std::string_view descr, NpyHeader& header) {
  constexpr std::size_t kMaxCharacters = 1 << 20;
  if (descr.size() < 3 || (descr[1] != 'U' && descr[1] != 'S')) return false;
  std::size_t length = 0;
  const char* end = descr.data() + descr.size();
  const auto [rest, code] = std::from_chars(descr.data() + 2, end, length);
  if (code != std::errc{} || rest != end || length == 0 || length > kMaxCharacters) return false;
  header.kind = descr[1] == 'U' ? NpyKind::kUnicode : NpyKind::kBytes;
  header.item_bytes = descr[1] == 'U' ? 4 * length : length;
  header.big_endian = descr[0] == '>';
  return descr[0] == '<' || descr[0] == '>' || descr[0] == '=' || descr[0] == '|';
}

// What to do about arrays of other types.
std::string advice_on(std::string_view descr) {
  const char kind = descr.size() > 1 ? descr[1] : ' ';
  if (kind == 'O') return "; save numbers with astype(float) and labels with astype(str)";
  if (kind == 'M' || kind == 'm') return "; convert dates to numbers with astype('int64')";
  if (kind == 'c') return "; save real and imaginary parts as numbers of their own";
  return "; convert it with astype(float)";
}

// "<f4" and the like; false for everything that is no plain number and no string.
bool parse_descr(std::string_view descr, NpyHeader& header) {
  if (parse_text_descr(descr, header)) return true;
  if (descr.size() != 3) return false;
  const char order = descr[0], kind = descr[1], digit = descr[2];
  if (digit != '1' && digit != '2' && digit != '4' && digit != '8') return false;
  header.item_bytes = static_cast<std::size_t>(digit - '0');
  header.big_endian = order == '>';
  if (order == '|' ? header.item_bytes != 1 : order != '<' && order != '>' && order != '=') {
    return false;
  }
  switch (kind) {
    case 'b':
      header.kind = NpyKind::kBool;
      return header.item_bytes == 1;
    case 'i':
      header.kind = NpyKind::kSigned;
      return true;
    case 'u':
      header.kind = NpyKind::kUnsigned;
      return true;
    case 'f':
      header.kind = NpyKind::kFloat;
      return header.item_bytes >= 2;
    default:
      return false;
  }
}

// Where the dictionary stands; checks magic, version and lengths.
std::string_view find_dict(std::string_view start, std::uint64_t file_bytes,
                           const std::string& source, NpyHeader& header) {
  if (!start.starts_with(kMagic)) {
    if (file_bytes < kMagic.size() && kMagic.starts_with(start)) {
      fail("{}: truncated: expected an npy file, found {} bytes", source, file_bytes);
    }
    fail("{}: expected an npy file, found other content", source);
  }
  if (file_bytes < 10) {
    fail("{}: truncated: expected an npy header, found {} bytes", source, file_bytes);
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(start[i]));
  };
  const std::uint64_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0) {
    fail("{}: expected npy format version 1, 2 or 3, found {}.{}", source, version, byte(7));
  }
  std::uint64_t length = byte(8) | byte(9) << 8, prefix = 10;
  if (version > 1) {
    if (file_bytes < 12) {
      fail("{}: truncated: expected an npy header, found {} bytes", source, file_bytes);
    }
    length |= byte(10) << 16 | byte(11) << 24;
    prefix = 12;
  }
  if (length >= 1 << 16) {
    fail("{}: expected an npy header of less than 65536 bytes, found {}", source, length);
  }
  if (length > file_bytes - prefix) {
    fail("{}: truncated: expected an npy header of {} bytes, found {}", source, length,
         file_bytes - prefix);
  }
  header.data_offset = prefix + length;
  return start.substr(prefix, length);
}

// Sets shape and num_elements and compares them with what the file holds.
void check_shape(std::span<const std::uint64_t> shape, std::uint64_t file_bytes,
                 const std::string& source, NpyHeader& header) {
  if (shape.size() > kMaxNpyDims) {
    fail("{}: expected at most {} dimensions, found more", source, kMaxNpyDims);
  }
  // A zero among huge sizes must not hide that the others overflow in a caller's product.
  std::uint64_t nonzero_bytes = header.item_bytes;
  for (const std::uint64_t dim : shape) {
    if (dim != 0 && __builtin_mul_overflow(nonzero_bytes, dim, &nonzero_bytes)) {
      fail("{}: its shape overflows", source);
    }
    header.shape.push_back(static_cast<std::int64_t>(dim));
    header.num_elements *= dim != 0;
  }
  if (nonzero_bytes >= std::uint64_t{1} << 62) fail("{}: its shape overflows", source);
  const std::uint64_t data_bytes = header.num_elements == 0 ? 0 : nonzero_bytes;
  header.num_elements = static_cast<std::int64_t>(data_bytes / header.item_bytes);
  const std::uint64_t found = file_bytes - header.data_offset;
  if (found != data_bytes) {
    fail("{}: {}: expected {} bytes of data for its shape, found {}", source,
         found < data_bytes ? "truncated" : "damaged", data_bytes, found);
  }
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_bytes,
                           const std::string& source) {
  METAPLASTIC_CHECK(start.size() >= std::min<std::uint64_t>(file_bytes, kNpyHeaderBytes));
  NpyHeader header;
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  const std::string_view dict = find_dict(text, file_bytes, source, header);
  std::string descr;
  std::vector<std::uint64_t> shape;
  if (!DictParser(dict).parse(descr, header.fortran_order, shape)) {
    fail("{}: expected an npy header of a plain array with at most {} dimensions, found {}", source,
         kMaxNpyDims, quote_text(dict));
  }
  if (!parse_descr(descr, header)) {
    fail("{}: expected bool, integers or floats of at most 64 bits, found type {}{}", source,
         quote_text(descr), advice_on(descr));
  }
  check_shape(shape, file_bytes, source, header);
  return header;
}

}  // namespace metaplastic
