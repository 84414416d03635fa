#include "data/glyph_family.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/sha256.h"

namespace metaplastic {
namespace {

constexpr int kMinInstances = 8;  // faces that a character needs within its split

// The held-out names: those with the smallest digests, so that the choice follows from the names
// alone and hardly changes when another font is installed.
std::set<std::string> hold_out(const std::set<std::string>& names, float share) {
  std::vector<std::pair<std::string, std::string>> ranked;
  for (const std::string& name : names) {
    ranked.emplace_back(sha256_hex(name), name);
  }
  std::sort(ranked.begin(), ranked.end());
  const auto count = static_cast<std::size_t>(
      std::ceil(static_cast<double>(share) * static_cast<double>(names.size())));
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
    const std::uint8_t* pixels =
        classes_[static_cast<std::size_t>(class_index)][static_cast<std::size_t>(instance_index)];
    for (std::size_t p = 0; p < kSourcePixels; ++p) {
      out[p] = static_cast<float>(pixels[p]) * (1.0f / 255.0f);
    }
  }

 private:
  std::shared_ptr<const GlyphCache> cache_;  // keeps the pixels alive
  std::vector<std::vector<const std::uint8_t*>> classes_;
};

}  // namespace

GlyphFamily::GlyphFamily(const TaskConfig& config)
    : cache_(std::make_shared<const GlyphCache>(config.min_fonts, config.max_fonts)) {
  std::set<std::string> families, group_names;
  for (int f = 0; f < cache_->num_faces(); ++f) families.insert(cache_->face(f).family);
  for (int c = 0; c < cache_->num_characters(); ++c) group_names.insert(group_name(*cache_, c));
  const std::set<std::string> held_families = hold_out(families, config.held_out_share);
  const std::set<std::string> held_groups = hold_out(group_names, config.held_out_share);

  for (int f = 0; f < cache_->num_faces(); ++f) {
    const bool held = held_families.contains(cache_->face(f).family);
    (held ? validation_ : train_).faces.push_back(f);
  }
  std::map<int, std::vector<int>> train_groups, validation_groups;
  for (int c = 0; c < cache_->num_characters(); ++c) {
    const bool held = held_groups.contains(group_name(*cache_, c));
    const auto& faces = (held ? validation_ : train_).faces;
    const auto count =
        std::count_if(faces.begin(), faces.end(), [&](int f) { return cache_->has(f, c); });
    if (count < kMinInstances) continue;
    (held ? validation_groups : train_groups)[cache_->group(c)].push_back(c);
  }
  for (auto& [name, members] : train_groups) train_.groups.push_back(std::move(members));
  for (auto& [name, members] : validation_groups) validation_.groups.push_back(std::move(members));
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
