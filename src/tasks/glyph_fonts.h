// FreeType and fontconfig behind two calls: which fonts this machine has, and one glyph of one
// face.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tasks/glyph_cache.h"

namespace metaplastic {

struct FontFile {
  GlyphFace face;
  std::string path;
};

// Scalable text fonts sorted by family, style, file name and index, without duplicates of these.
std::vector<FontFile> find_fonts();

class GlyphRenderer {
 public:
  GlyphRenderer();
  ~GlyphRenderer();
  GlyphRenderer(const GlyphRenderer&) = delete;
  GlyphRenderer& operator=(const GlyphRenderer&) = delete;

  // False when FreeType cannot use the file; the font is then skipped.
  bool open(const FontFile& font);
  // Renders to out [kSourcePixels]; false when the open face lacks the character or draws nothing.
  bool render(char32_t character, std::span<std::uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace metaplastic
