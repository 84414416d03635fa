// Every usable character of every usable font, rendered once as MNIST's digits are: 28 x 28, the
// glyph fitted into a 20 x 20 box with its aspect kept, its centre of mass in the middle.
// The order depends on the names of the fonts, never on the order of their installation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tasks/task_family.h"

namespace metaplastic {

struct GlyphFace {
  std::string family, style, file;  // file: base name
  long index = 0;                   // face within the file
};

class GlyphCache {
 public:
  // Finds fonts with fontconfig and renders up to max_faces of them, one style of every family
  // first, then the second styles and so on. Left out: bitmap, symbol, emoji and variable fonts,
  // faces whose letters do not look like letters, faces that render like one already taken, digits,
  // and characters that fewer than kMinFacesPerCharacter faces have.
  // Throws Error when fewer than min_faces are found.
  GlyphCache(int min_faces, int max_faces);

  static constexpr int kMinFacesPerCharacter = 12;

  int num_faces() const { return static_cast<int>(faces_.size()); }
  int num_characters() const { return static_cast<int>(characters_.size()); }
  const GlyphFace& face(int f) const { return faces_[static_cast<std::size_t>(f)]; }
  char32_t character(int c) const { return characters_[static_cast<std::size_t>(c)]; }
  // Characters that look alike across the fonts (Latin A, Greek Alpha; c and C) share a group; a
  // task has at most one of each group, and the splits divide groups. Named by its first member.
  int group(int c) const { return groups_[static_cast<std::size_t>(c)]; }
  bool has(int f, int c) const { return slot(f, c) >= 0; }
  // [kSourcePixels] in 0..255. has(f, c) must be true.
  std::span<const std::uint8_t> glyph(int f, int c) const {
    return std::span(pixels_).subspan(static_cast<std::size_t>(slot(f, c)) * kSourcePixels,
                                      kSourcePixels);
  }
  // SHA-256 over characters, face names and pixels, in hexadecimal: which glyphs a run used.
  std::string fingerprint() const;

 private:
  int slot(int f, int c) const {
    return slots_[static_cast<std::size_t>(f) * characters_.size() + static_cast<std::size_t>(c)];
  }
  void render_faces(int max_faces);
  void drop_faces(const std::vector<bool>& keep);
  void drop_unlike_faces();
  void drop_rare_characters();
  void group_look_alikes();
  std::vector<float> mean_glyph(int c) const;

  std::vector<GlyphFace> faces_;
  std::vector<char32_t> characters_;
  std::vector<int> groups_;           // [characters]
  std::vector<int> slots_;            // [faces, characters] index into pixels_, -1 = none
  std::vector<std::uint8_t> pixels_;  // [slots, kSourcePixels]
};

}  // namespace metaplastic
