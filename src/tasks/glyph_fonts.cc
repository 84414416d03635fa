#include "tasks/glyph_fonts.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <tuple>

#include "base/error.h"
#include "tasks/font_libraries.h"

namespace metaplastic {
namespace {

constexpr int kBox = 20;               // MNIST's box
constexpr int kLeastExtent = 17;       // of the ink; faint tips may take up to 3 of the 20 pixels
constexpr FT_Pos kUnitsPerPixel = 64;  // FreeType's 26.6 fixed point

std::string text_property(FcPattern* pattern, const char* object) {
  FcChar8* text = nullptr;
  if (fontconfig().pattern_get_string(pattern, object, 0, &text) != FcResultMatch) return {};
  return reinterpret_cast<const char*>(text);
}

bool flag_property(FcPattern* pattern, const char* object) {
  FcBool value = FcFalse;
  return fontconfig().pattern_get_bool(pattern, object, 0, &value) == FcResultMatch && value;
}

auto font_key(const FontFile& font) {
  return std::tie(font.face.family, font.face.style, font.face.file, font.face.index);
}

// Moves the image by whole pixels so that its centre of mass comes to the middle, as far as the
// border allows. False when the ink does not fill the box: a stray point spoiled the fit.
bool centre_mass(std::span<std::uint8_t> image) {
  double mass = 0, moment_x = 0, moment_y = 0;
  int left = kSourceSide, right = -1, top = kSourceSide, bottom = -1;
  for (int y = 0; y < kSourceSide; ++y) {
    for (int x = 0; x < kSourceSide; ++x) {
      const int value = image[static_cast<std::size_t>(y * kSourceSide + x)];
      if (value == 0) continue;
      mass += value;
      moment_x += value * x;
      moment_y += value * y;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = y;
    }
  }
  if (std::max(right - left, bottom - top) + 1 < kLeastExtent) return false;
  const double middle = 0.5 * (kSourceSide - 1);
  const int move_x = std::clamp(static_cast<int>(std::lround(middle - moment_x / mass)), -left,
                                kSourceSide - 1 - right);
  const int move_y = std::clamp(static_cast<int>(std::lround(middle - moment_y / mass)), -top,
                                kSourceSide - 1 - bottom);
  std::vector<std::uint8_t> moved(kSourcePixels, 0);
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      moved[static_cast<std::size_t>((y + move_y) * kSourceSide + x + move_x)] =
          image[static_cast<std::size_t>(y * kSourceSide + x)];
    }
  }
  std::copy(moved.begin(), moved.end(), image.begin());
  return true;
}

}  // namespace

std::vector<FontFile> find_fonts() {
  const Fontconfig& library = fontconfig();
  const std::unique_ptr<FcConfig, decltype(library.config_destroy)> config(
      library.init_load_config_and_fonts(), library.config_destroy);
  if (!config) fail("fontconfig: expected a usable configuration, found none; install fontconfig");
  const std::unique_ptr<FcPattern, decltype(library.pattern_destroy)> pattern(
      library.pattern_create(), library.pattern_destroy);
  library.pattern_add_bool(pattern.get(), FC_SCALABLE, FcTrue);
  const std::unique_ptr<FcObjectSet, decltype(library.object_set_destroy)> objects(
      library.object_set_build(FC_FAMILY, FC_STYLE, FC_FILE, FC_INDEX, FC_SYMBOL, FC_COLOR,
                               FC_VARIABLE, FC_OUTLINE, nullptr),
      library.object_set_destroy);
  const std::unique_ptr<FcFontSet, decltype(library.font_set_destroy)> found(
      library.font_list(config.get(), pattern.get(), objects.get()), library.font_set_destroy);
  std::vector<FontFile> fonts;
  for (int n = 0; found && n < found->nfont; ++n) {
    FcPattern* font = found->fonts[n];
    if (flag_property(font, FC_SYMBOL) || flag_property(font, FC_COLOR) ||
        flag_property(font, FC_VARIABLE) || !flag_property(font, FC_OUTLINE)) {
      continue;
    }
    int index = 0;
    fontconfig().pattern_get_integer(font, FC_INDEX, 0, &index);
    const std::string path = text_property(font, FC_FILE);
    fonts.push_back({{text_property(font, FC_FAMILY), text_property(font, FC_STYLE),
                      std::filesystem::path(path).filename().string(), index},
                     path});
  }
  std::sort(fonts.begin(), fonts.end(), [](const FontFile& a, const FontFile& b) {
    return std::tuple_cat(font_key(a), std::tie(a.path)) <
           std::tuple_cat(font_key(b), std::tie(b.path));
  });
  fonts.erase(
      std::unique(fonts.begin(), fonts.end(),
                  [](const FontFile& a, const FontFile& b) { return font_key(a) == font_key(b); }),
      fonts.end());
  return fonts;
}

struct GlyphRenderer::State {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
};

GlyphRenderer::GlyphRenderer() : state_(std::make_unique<State>()) {
  if (freetype().init_freetype(&state_->library) != 0)
    fail("FreeType: expected it to start, it did not");
}

GlyphRenderer::~GlyphRenderer() {
  if (state_->face) freetype().done_face(state_->face);
  freetype().done_freetype(state_->library);
}

bool GlyphRenderer::open(const FontFile& font) {
  if (state_->face) freetype().done_face(state_->face);
  state_->face = nullptr;
  if (freetype().new_face(state_->library, font.path.c_str(), font.face.index, &state_->face) !=
      0) {
    state_->face = nullptr;
    return false;
  }
  // Symbol fonts have no Unicode character map.
  return FT_IS_SCALABLE(state_->face) &&
         freetype().select_charmap(state_->face, FT_ENCODING_UNICODE) == 0;
}

bool GlyphRenderer::render(char32_t character, std::span<std::uint8_t> out) {
  METAPLASTIC_CHECK(out.size() == kSourcePixels && state_->face);
  const FT_UInt glyph = freetype().get_char_index(state_->face, character);
  if (glyph == 0) return false;
  // Font units, so that every glyph can be fitted exactly whatever the font's own metrics.
  if (freetype().load_glyph(state_->face, glyph, FT_LOAD_NO_SCALE | FT_LOAD_NO_BITMAP) != 0)
    return false;
  FT_GlyphSlot loaded = state_->face->glyph;
  if (loaded->format != FT_GLYPH_FORMAT_OUTLINE || loaded->outline.n_points < 3) return false;
  FT_Outline* outline = &loaded->outline;
  FT_BBox bounds;
  if (freetype().outline_get_bbox(outline, &bounds) != 0) return false;
  const FT_Pos extent = std::max(bounds.xMax - bounds.xMin, bounds.yMax - bounds.yMin);
  if (extent <= 0 || extent > 0x7fff) return false;
  freetype().outline_translate(outline, -(bounds.xMin + bounds.xMax) / 2,
                               -(bounds.yMin + bounds.yMax) / 2);
  FT_Matrix scale{};
  scale.xx = scale.yy = freetype().div_fix(kBox * kUnitsPerPixel, extent);
  freetype().outline_transform(outline, &scale);
  freetype().outline_translate(outline, kSourceSide * kUnitsPerPixel / 2,
                               kSourceSide * kUnitsPerPixel / 2);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  FT_Bitmap bitmap{};
  bitmap.rows = kSourceSide;
  bitmap.width = kSourceSide;
  bitmap.pitch = kSourceSide;
  bitmap.buffer = out.data();
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  if (freetype().outline_get_bitmap(state_->library, outline, &bitmap) != 0) return false;
  // Hairlines and blanks are no use as a class.
  constexpr int kLeastMass = 12 * 255;
  int mass = 0;
  for (const std::uint8_t value : out) mass += value;
  if (mass < kLeastMass) return false;
  return centre_mass(out);
}

}  // namespace metaplastic
