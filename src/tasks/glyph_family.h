// Rendered characters as a task family: classes are characters, instances are fonts. The splits
// share neither a font family nor a character, nor one that looks like it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/glyph_cache.h"
#include "tasks/task_family.h"

namespace metaplastic {

class GlyphFamily : public TaskFamily {
 public:
  // Throws Error when fewer than min_fonts faces are usable.
  GlyphFamily(int min_fonts, int max_fonts, float held_out_share);

  std::string_view name() const override { return "glyphs"; }
  int max_classes(Split split) const override {
    return static_cast<int>(part(split).groups.size());
  }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;

  const GlyphCache& cache() const { return *cache_; }
  // Faces of a split, as indices into the cache, ascending.
  const std::vector<int>& faces(Split split) const { return part(split).faces; }
  // Characters of a split, as indices into the cache, one list per group of look-alikes.
  const std::vector<std::vector<int>>& groups(Split split) const { return part(split).groups; }
  // "glyphs: 180 faces, 300 characters, sha256 ...".
  std::string describe() const override;

 private:
  struct Part {
    std::vector<int> faces;
    std::vector<std::vector<int>> groups;
  };
  // Whether enough of these faces have the character for it to be a class.
  bool has_instances(const std::vector<int>& faces, int c) const;
  const Part& part(Split split) const { return split == Split::kTrain ? train_ : validation_; }

  std::shared_ptr<const GlyphCache> cache_;
  Part train_, validation_;
};

}  // namespace metaplastic
