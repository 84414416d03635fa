#include "data/read_text.h"

#include <cstdint>

namespace metaplastic {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t num_bytes = 0;  // 0: not well-formed
};

CodePoint decode(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t n) -> std::uint32_t {
    return position + n < text.size() ? static_cast<unsigned char>(text[position + n]) : 0u;
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return {};
  std::uint32_t value = first & (0x7fu >> count);
  for (std::size_t n = 1; n < count; ++n) {
    if ((byte(n) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(n) & 0x3f);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[count] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return {};
  }
  return {value, count};
}

void append(std::string& text, std::uint32_t value) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (value < 0x80) {
    add(value);
  } else if (value < 0x800) {
    add(0xc0 | value >> 6);
    add(0x80 | (value & 0x3f));
  } else if (value < 0x10000) {
    add(0xe0 | value >> 12);
    add(0x80 | (value >> 6 & 0x3f));
    add(0x80 | (value & 0x3f));
  } else {
    add(0xf0 | value >> 18);
    add(0x80 | (value >> 12 & 0x3f));
    add(0x80 | (value >> 6 & 0x3f));
    add(0x80 | (value & 0x3f));
  }
}

bool is_letter(std::uint32_t c) {
  if (c < 0x80) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
  if (c < 0xc0) return c == 0xaa || c == 0xb5 || c == 0xba;
  const auto in = [c](std::uint32_t low, std::uint32_t high) { return c >= low && c <= high; };
  // Signs between letters; general punctuation to symbols; CJK and full-width punctuation; private
  // use; emoji.
  return c != 0xd7 && c != 0xf7 && !in(0x2000, 0x2bff) && !in(0x2e00, 0x2e7f) &&
         !in(0x3000, 0x303f) && !in(0xe000, 0xf8ff) && !in(0xfe00, 0xfe6f) && !in(0xff00, 0xff0f) &&
         !in(0xff1a, 0xff20) && !in(0xfff0, 0xffff) && !in(0x1f000, 0x1faff) && c < 0xe0000;
}

std::uint32_t lower(std::uint32_t c) {
  const auto in = [c](std::uint32_t low, std::uint32_t high) { return c >= low && c <= high; };
  if (in('A', 'Z') || in(0xc0, 0xde) || in(0x391, 0x3a9) || in(0x410, 0x42f)) return c + 32;
  if (in(0x400, 0x40f)) return c + 80;
  return c;
}

bool is_apostrophe(std::uint32_t c) { return c == '\'' || c == 0x2019; }

}  // namespace

std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t n = 0; n < text.size();) {
    const CodePoint c = decode(text, n);
    if (c.num_bytes == 0) return n;
    n += c.num_bytes;
  }
  return std::string_view::npos;
}

void visit_words(std::string_view text, const std::function<void(const std::string&)>& visit) {
  std::string word;
  bool apostrophe = false;  // seen after the last letter, kept only if a letter follows
  const auto finish = [&] {
    if (!word.empty() && word.size() <= kMaxWordBytes) visit(word);
    word.clear();
    apostrophe = false;
  };
  for (std::size_t n = 0; n < text.size();) {
    const CodePoint c = decode(text, n);
    if (c.num_bytes == 0) return;
    n += c.num_bytes;
    if (is_letter(c.value)) {
      if (apostrophe) word += '\'';
      apostrophe = false;
      // Growth stops just above the limit; what matters then is only that it is too long.
      if (word.size() <= kMaxWordBytes) append(word, lower(c.value));
    } else if (is_apostrophe(c.value) && !word.empty() && !apostrophe) {
      apostrophe = true;
    } else {
      finish();
    }
  }
  finish();
}

}  // namespace metaplastic
