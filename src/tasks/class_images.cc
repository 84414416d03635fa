#include "tasks/class_images.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/sha256.h"
#include "tasks/class_images_shrink.h"

namespace metaplastic {
namespace {

constexpr int kMinHeldOut = 2;  // a validation task needs two classes

class ImageClassSet : public ClassSet {
 public:
  using ImageClass = ClassImageFamily::ImageClass;
  ImageClassSet(std::vector<std::shared_ptr<const ImageClass>> classes, Random& random)
      : classes_(std::move(classes)) {
    for (const auto& chosen : classes_) {
      auto& order = orders_.emplace_back(static_cast<std::size_t>(chosen->num_images()));
      std::iota(order.begin(), order.end(), 0);
      random.shuffle(std::span(order));
    }
  }
  int num_classes() const override { return static_cast<int>(classes_.size()); }
  bool has_real_rows() const override { return true; }
  int num_instances(int c) const override {
    return classes_[static_cast<std::size_t>(c)]->num_images();
  }
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    const auto c = static_cast<std::size_t>(class_index);
    const int image = orders_[c][static_cast<std::size_t>(instance_index)];
    const std::uint8_t* __restrict pixels =
        &classes_[c]->pixels[static_cast<std::size_t>(image) * kSourcePixels];
    float* __restrict to = out.data();
    for (std::size_t p = 0; p < kSourcePixels; ++p) {
      to[p] = static_cast<float>(pixels[p]) * (1.0f / 255.0f);
    }
  }

 private:
  std::vector<std::shared_ptr<const ImageClass>> classes_;
  std::vector<std::vector<int>> orders_;
};

}  // namespace

ClassImageFamily::ClassImageFamily(const TaskSource& source, int max_images_per_class,
                                   float held_out_share)
    : name_(source.name) {
  std::map<std::string, std::shared_ptr<ImageClass>> found;
  const auto add = [&](const std::string& class_name, const std::string& file_name,
                       const std::vector<std::uint8_t>& bytes) {
    std::shared_ptr<ImageClass>& entry = found[class_name];
    if (!entry) entry = std::make_shared<ImageClass>(ImageClass{class_name, {}});
    if (entry->num_images() >= max_images_per_class) return;  // the same class in two paths
    const std::size_t begin = entry->pixels.size();
    entry->pixels.resize(begin + kSourcePixels);
    shrink_picture(decode_picture(bytes, file_name), kSourceSide,
                   std::span(entry->pixels).subspan(begin));
  };
  left_out_ = visit_images(source, max_images_per_class, add);

  std::vector<std::pair<std::string, std::shared_ptr<const ImageClass>>> ranked;
  std::size_t num_small = 0;
  for (const auto& [name, entry] : found) {
    if (entry->num_images() < kMinImages) {
      ++num_small;
      continue;
    }
    ranked.emplace_back(sha256_hex(name), entry);
  }
  if (num_small > 0) {
    left_out_ =
        left_out_.empty() ? fmt::format("image source '{}': left out ", name_) : left_out_ + ", ";
    left_out_ += fmt::format("{} classes of fewer than {} images", num_small, kMinImages);
  }
  if (ranked.size() < 2 * kMinHeldOut) {
    fail("image source '{}': expected at least {} classes (folders) of {} images or more, found {}",
         name_, 2 * kMinHeldOut, kMinImages, ranked.size());
  }
  std::sort(ranked.begin(), ranked.end());
  const auto share = static_cast<std::size_t>(
      std::ceil(static_cast<double>(held_out_share) * static_cast<double>(ranked.size())));
  const std::size_t held = std::clamp<std::size_t>(share, kMinHeldOut, ranked.size() - kMinHeldOut);
  for (std::size_t n = 0; n < ranked.size(); ++n) {
    (n < held ? validation_ : train_).push_back(ranked[n].second);
  }
  const auto by_name = [](const auto& a, const auto& b) { return a->name < b->name; };
  std::sort(train_.begin(), train_.end(), by_name);
  std::sort(validation_.begin(), validation_.end(), by_name);
}

std::unique_ptr<ClassSet> ClassImageFamily::draw_classes(Split split, int num_classes,
                                                         Random& random) const {
  METAPLASTIC_CHECK(num_classes <= max_classes(split));
  auto chosen = classes(split);
  random.shuffle(std::span(chosen));
  chosen.resize(static_cast<std::size_t>(num_classes));
  return std::make_unique<ImageClassSet>(std::move(chosen), random);
}

std::vector<std::string> ClassImageFamily::class_names(Split split) const {
  std::vector<std::string> names;
  for (const auto& entry : classes(split)) names.push_back(entry->name);
  return names;
}

std::string ClassImageFamily::describe() const {
  Sha256 digest;
  int num_images = 0;
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    for (const auto& entry : classes(split)) {
      digest.update(entry->name + "\n");
      digest.update(std::as_bytes(std::span(entry->pixels)));
      num_images += entry->num_images();
    }
  }
  return fmt::format("{}: {} classes, {} images, sha256 {}", name_,
                     train_.size() + validation_.size(), num_images, digest.hex_digest());
}

}  // namespace metaplastic
