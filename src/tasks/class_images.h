// Photographs or drawings in class folders as a task family, e.g. Omniglot characters or CIFAR-10
// training images. Classes are folders; meta-validation holds out some of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/class_images_source.h"
#include "tasks/task_family.h"

namespace metaplastic {

class ClassImageFamily : public TaskFamily {
 public:
  // Reads every image of the source, at most max_images_per_class of a class, kSourcePixels bytes
  // each. Classes of fewer than kMinImages images are left out. The held-out classes are
  // held_out_share of them and at least 2, chosen by name. Throws Error for unreadable sources and
  // damaged images.
  ClassImageFamily(const TaskSource& source, int max_images_per_class, float held_out_share);

  static constexpr int kMinImages = 4;

  std::string_view name() const override { return name_; }
  int max_classes(Split split) const override { return static_cast<int>(classes(split).size()); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // Names (folders) of a split's classes.
  std::vector<std::string> class_names(Split split) const;
  // "omniglot: 136 classes, 2720 images, sha256 ...".
  std::string describe() const override;
  // A line about files and classes that are not read; "" where there are none.
  const std::string& left_out() const { return left_out_; }

  struct ImageClass {
    std::string name;
    std::vector<std::uint8_t> pixels;  // [images, kSourcePixels]
    int num_images() const { return static_cast<int>(pixels.size() / kSourcePixels); }
  };

 private:
  const std::vector<std::shared_ptr<const ImageClass>>& classes(Split split) const {
    return split == Split::kTrain ? train_ : validation_;
  }

  std::string name_, left_out_;
  std::vector<std::shared_ptr<const ImageClass>> train_, validation_;  // in name order
};

}  // namespace metaplastic
