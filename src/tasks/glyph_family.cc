#include "tasks/glyph_family.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/sha256.h"

namespace metaplastic {
namespace {

// The held-out names, a share of `total`: those with the smallest digests, so that the choice
// follows from the names alone and hardly changes when another font is installed.
std::set<std::string> hold_out(const std::set<std::string>& names, float share, std::size_t total) {
  std::vector<std::pair<std::string, std::string>> ranked;
  for (const std::string& name : names) {
    ranked.emplace_back(sha256_hex(name), name);
  }
  std::sort(ranked.begin(), ranked.end());
  const auto count =
      static_cast<std::size_t>(std::ceil(static_cast<double>(share) * static_cast<double>(total)));
  std::set<std::string> held;
  for (std::size_t n = 0; n < std::min(count, ranked.size()); ++n) held.insert(ranked[n].second);
  return held;
}

std::string group_name(const GlyphCache& cache, int c) {
  return fmt::format("U+{:04X}", static_cast<std::uint32_t>(cache.character(cache.group(c))));
}

class GlyphClassSet : public ClassSet {
 public:
  GlyphClassSet(std::shared_ptr<const GlyphCache> cache,
                std::vector<std::vector<const std::uint8_t*>> classes)
      : cache_(std::move(cache)), classes_(std::move(classes)) {}
  int num_classes() const override { return static_cast<int>(classes_.size()); }
  int num_instances(int c) const override {
    return static_cast<int>(classes_[static_cast<std::size_t>(c)].size());
  }
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    const std::uint8_t* __restrict pixels =
        classes_[static_cast<std::size_t>(class_index)][static_cast<std::size_t>(instance_index)];
    float* __restrict to = out.data();
    for (std::size_t p = 0; p < kSourcePixels; ++p) {
      to[p] = static_cast<float>(pixels[p]) * (1.0f / 255.0f);
    }
  }

 private:
  std::shared_ptr<const GlyphCache> cache_;  // keeps the pixels alive
  std::vector<std::vector<const std::uint8_t*>> classes_;
};

}  // namespace

GlyphFamily::GlyphFamily(int min_fonts, int max_fonts, float held_out_share)
    : cache_(std::make_shared<const GlyphCache>(min_fonts, max_fonts)) {
  std::set<std::string> families;
  for (int f = 0; f < cache_->num_faces(); ++f) families.insert(cache_->face(f).family);
  const auto held_families = hold_out(families, held_out_share, families.size());
  for (int f = 0; f < cache_->num_faces(); ++f) {
    const bool held = held_families.contains(cache_->face(f).family);
    (held ? validation_ : train_).faces.push_back(f);
  }
  // Only groups that enough of the held-out faces have can be held out.
  std::set<std::string> eligible;
  std::set<int> all_groups;
  for (int c = 0; c < cache_->num_characters(); ++c) {
    all_groups.insert(cache_->group(c));
    if (has_instances(validation_.faces, c)) eligible.insert(group_name(*cache_, c));
  }
  const auto held_groups = hold_out(eligible, held_out_share, all_groups.size());
  std::map<int, std::vector<int>> train_groups, validation_groups;
  for (int c = 0; c < cache_->num_characters(); ++c) {
    const bool held = held_groups.contains(group_name(*cache_, c));
    if (!has_instances((held ? validation_ : train_).faces, c)) continue;
    (held ? validation_groups : train_groups)[cache_->group(c)].push_back(c);
  }
  for (auto& [name, members] : train_groups) train_.groups.push_back(std::move(members));
  for (auto& [name, members] : validation_groups) validation_.groups.push_back(std::move(members));
}

bool GlyphFamily::has_instances(const std::vector<int>& faces, int c) const {
  constexpr int kMinInstances = 8;
  return std::count_if(faces.begin(), faces.end(), [&](int f) { return cache_->has(f, c); }) >=
         kMinInstances;
}

std::unique_ptr<ClassSet> GlyphFamily::draw_classes(Split split, int num_classes,
                                                    Random& random) const {
  const Part& chosen = part(split);
  METAPLASTIC_CHECK(num_classes <= max_classes(split));
  std::vector<std::size_t> order(chosen.groups.size());
  for (std::size_t g = 0; g < order.size(); ++g) order[g] = g;
  random.shuffle(std::span(order));
  std::vector<std::vector<const std::uint8_t*>> classes;
  for (int n = 0; n < num_classes; ++n) {
    const auto& group = chosen.groups[order[static_cast<std::size_t>(n)]];
    const int c = group[random.below(static_cast<std::uint32_t>(group.size()))];
    std::vector<const std::uint8_t*> instances;
    for (const int f : chosen.faces) {
      if (cache_->has(f, c)) instances.push_back(cache_->glyph(f, c).data());
    }
    random.shuffle(std::span(instances));
    classes.push_back(std::move(instances));
  }
  return std::make_unique<GlyphClassSet>(cache_, std::move(classes));
}

std::string GlyphFamily::describe() const {
  return fmt::format("glyphs: {} faces, {} characters, sha256 {}", cache_->num_faces(),
                     cache_->num_characters(), cache_->fingerprint());
}

}  // namespace metaplastic
