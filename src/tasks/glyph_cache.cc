#include "tasks/glyph_cache.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "tasks/glyph_fonts.h"

namespace metaplastic {
namespace {

// Letters of many scripts and symbols with a clear shape. No digits: they are evaluated on.
std::vector<char32_t> candidate_characters() {
  std::vector<char32_t> all;
  const auto range = [&](char32_t first, char32_t last) {
    for (char32_t c = first; c <= last; ++c) all.push_back(c);
  };
  range(U'A', U'Z');
  range(U'a', U'z');
  for (const char32_t c : std::u32string_view(
           U"!#$%&()*+/<=>?@[]^{}~\u00a3\u00a5\u00a7\u00a9\u00b5\u00b6\u00c6\u00d0\u00d8\u00de"
           U"\u00df\u00e6\u00f0\u00f7\u00f8\u00fe\u0141\u0142\u0152\u0153\u2020\u2021\u20ac\u2122"
           U"\u2206\u2211\u221a\u221e\u222b\u2248\u2260\u2264\u2265\u25ca\u00ab\u00bf")) {
    all.push_back(c);
  }
  range(0x0391, 0x03a1);  // Greek
  range(0x03a3, 0x03a9);
  range(0x03b1, 0x03c9);
  range(0x0410, 0x044f);  // Cyrillic
  range(0x0402, 0x040b);
  range(0x0452, 0x045b);
  range(0x0531, 0x0556);  // Armenian
  range(0x0561, 0x0586);
  range(0x05d0, 0x05ea);    // Hebrew
  range(0x0621, 0x064a);    // Arabic
  range(0x0905, 0x0939);    // Devanagari
  range(0x0e01, 0x0e2e);    // Thai
  range(0x10d0, 0x10f0);    // Georgian
  range(0x13a0, 0x13f4);    // Cherokee
  range(0x16a0, 0x16ea);    // Runic
  range(0x2c80, 0x2cb1);    // Coptic
  range(0x2d30, 0x2d67);    // Tifinagh
  range(0x3041, 0x3096);    // Hiragana
  range(0x30a1, 0x30fa);    // Katakana
  range(0x10330, 0x1034a);  // Gothic
  return all;
}

// One style of every family first, then the second styles, and so on; each round in name order.
std::vector<FontFile> in_rounds(const std::vector<FontFile>& fonts) {
  std::map<std::string, int> seen;
  std::vector<std::pair<int, const FontFile*>> ranked;
  for (const FontFile& font : fonts) ranked.emplace_back(seen[font.face.family]++, &font);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<FontFile> ordered;
  for (const auto& [round, font] : ranked) ordered.push_back(*font);
  return ordered;
}

template <class A, class B>
double correlation(std::span<const A> a, std::span<const B> b) {
  double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  for (std::size_t p = 0; p < a.size(); ++p) {
    const double x = a[p], y = b[p];
    sum_a += x;
    sum_b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const auto n = static_cast<double>(a.size());
  const double variance = (aa - sum_a * sum_a / n) * (bb - sum_b * sum_b / n);
  return variance > 0 ? (ab - sum_a * sum_b / n) / std::sqrt(variance) : 0.0;
}

constexpr int kLeastLettersPerFace = 40;  // of the 52 Latin ones, or of another script's letters
constexpr double kLeastLikeness = 0.3;    // mean correlation of a face's glyphs with the mean glyph
constexpr double kLookAlike = 0.8;        // mean correlation of two characters within a face

}  // namespace

GlyphCache::GlyphCache(int min_faces, int max_faces) : characters_(candidate_characters()) {
  render_faces(max_faces);
  drop_unlike_faces();
  if (num_faces() < min_faces) {
    fail(
        "glyphs: expected at least {} text fonts, found {}; install font packages (the list is "
        "tools/font_packages.txt, e.g. apt-get install fonts-dejavu-extra fonts-liberation2 "
        "fonts-freefont-otf) or lower min_fonts",
        min_faces, num_faces());
  }
  drop_rare_characters();
  group_look_alikes();
}

void GlyphCache::render_faces(int max_faces) {
  GlyphRenderer renderer;
  std::set<std::string> known;
  const std::size_t num_candidates = characters_.size();
  for (const FontFile& font : in_rounds(find_fonts())) {
    if (num_faces() >= max_faces) break;
    if (!renderer.open(font)) continue;
    const std::size_t first_pixel = pixels_.size();
    std::vector<int> face_slots(num_candidates, -1);
    int num_found = 0;
    for (std::size_t c = 0; c < num_candidates; ++c) {
      const std::size_t begin = pixels_.size();
      pixels_.resize(begin + kSourcePixels);
      if (renderer.render(characters_[c], std::span(pixels_).subspan(begin))) {
        face_slots[c] = static_cast<int>(begin / kSourcePixels);
        ++num_found;
      } else {
        pixels_.resize(begin);
      }
    }
    const bool is_new =
        num_found >= kLeastLettersPerFace &&
        known.insert(sha256_hex(std::as_bytes(std::span(pixels_).subspan(first_pixel)))).second;
    if (!is_new) {
      pixels_.resize(first_pixel);
      continue;
    }
    faces_.push_back(font.face);
    slots_.insert(slots_.end(), face_slots.begin(), face_slots.end());
  }
}

std::vector<float> GlyphCache::mean_glyph(int c) const {
  std::vector<float> mean(kSourcePixels, 0.0f);
  for (int f = 0; f < num_faces(); ++f) {
    if (!has(f, c)) continue;
    const auto image = glyph(f, c);
    for (std::size_t p = 0; p < mean.size(); ++p) mean[p] += image[p];
  }
  return mean;
}

// Icon fonts that sit on letters' code points pass the character map, but not this.
void GlyphCache::drop_unlike_faces() {
  constexpr int kNumLetters = 52;
  std::vector<double> likeness(faces_.size(), 0.0);
  std::vector<int> count(faces_.size(), 0);
  for (int c = 0; c < kNumLetters; ++c) {
    const std::vector<float> mean = mean_glyph(c);
    for (int f = 0; f < num_faces(); ++f) {
      if (!has(f, c)) continue;
      likeness[static_cast<std::size_t>(f)] +=
          correlation(glyph(f, c), std::span<const float>(mean));
      ++count[static_cast<std::size_t>(f)];
    }
  }
  std::vector<bool> keep(faces_.size());
  for (std::size_t f = 0; f < faces_.size(); ++f) {
    // A face of another script has no Latin letters to judge.
    keep[f] = count[f] < kNumLetters / 2 || likeness[f] / count[f] >= kLeastLikeness;
  }
  drop_faces(keep);
}

void GlyphCache::drop_faces(const std::vector<bool>& keep) {
  std::vector<GlyphFace> faces;
  std::vector<int> slots;
  std::vector<std::uint8_t> pixels;
  for (int f = 0; f < num_faces(); ++f) {
    if (!keep[static_cast<std::size_t>(f)]) continue;
    faces.push_back(face(f));
    for (int c = 0; c < num_characters(); ++c) {
      slots.push_back(has(f, c) ? static_cast<int>(pixels.size() / kSourcePixels) : -1);
      if (!has(f, c)) continue;
      const auto image = glyph(f, c);
      pixels.insert(pixels.end(), image.begin(), image.end());
    }
  }
  faces_ = std::move(faces);
  slots_ = std::move(slots);
  pixels_ = std::move(pixels);
}

void GlyphCache::drop_rare_characters() {
  std::vector<char32_t> characters;
  std::vector<int> kept;
  for (int c = 0; c < num_characters(); ++c) {
    int count = 0;
    for (int f = 0; f < num_faces(); ++f) count += has(f, c);
    if (count < kMinFacesPerCharacter) continue;
    kept.push_back(c);
    characters.push_back(character(c));
  }
  std::vector<int> slots;
  for (int f = 0; f < num_faces(); ++f) {
    for (const int c : kept) slots.push_back(slot(f, c));
  }
  characters_ = std::move(characters);
  slots_ = std::move(slots);
}

void GlyphCache::group_look_alikes() {
  constexpr int kNumCompared = 8;  // faces that decide about a pair
  groups_.resize(characters_.size());
  std::iota(groups_.begin(), groups_.end(), 0);
  std::vector<std::vector<float>> means;
  for (int c = 0; c < num_characters(); ++c) means.push_back(mean_glyph(c));
  for (int c = 0; c < num_characters(); ++c) {
    for (int other = 0; other < c; ++other) {
      if (group(other) != other && group(other) == group(c)) continue;
      const auto at = [&](int n) {
        return std::span<const float>(means[static_cast<std::size_t>(n)]);
      };
      if (correlation(at(c), at(other)) < kLookAlike) continue;
      double total = 0;
      int count = 0;
      for (int f = 0; f < num_faces() && count < kNumCompared; ++f) {
        if (!has(f, c) || !has(f, other)) continue;
        total += correlation(glyph(f, c), glyph(f, other));
        ++count;
      }
      if (count > 0 && total / count < kLookAlike) continue;
      const int joined = std::min(group(c), group(other)), old = std::max(group(c), group(other));
      std::replace(groups_.begin(), groups_.end(), old, joined);
    }
  }
}

std::string GlyphCache::fingerprint() const {
  Sha256 digest;
  for (int f = 0; f < num_faces(); ++f) {
    digest.update(
        fmt::format("{}/{}/{}/{}\n", face(f).family, face(f).style, face(f).file, face(f).index));
    for (int c = 0; c < num_characters(); ++c) {
      if (!has(f, c)) continue;
      digest.update(fmt::format("{:x}\n", static_cast<std::uint32_t>(character(c))));
      digest.update(std::as_bytes(glyph(f, c)));
    }
  }
  return digest.hex_digest();
}

}  // namespace metaplastic
