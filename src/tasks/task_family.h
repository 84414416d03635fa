// What a family of classes offers to the task distribution: it draws the classes of one task,
// and each class then yields instances. Families: glyph_family.h, field_family.h, class_images.h of
// images, table_family.h, word_family.h and signal_family.h of other vectors; task.h puts
// augmentation (of images), permutation and labels on top.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "data/dataset.h"

namespace metaplastic {

// Every family of images yields images of this side, which the augmenter resamples to the task's
// side.
inline constexpr int kSourceSide = 28;
inline constexpr int kSourcePixels = kSourceSide * kSourceSide;

// Meta-training and meta-validation share no class and no font.
enum class Split { kTrain, kValidation };

// The classes of one task. Immutable after construction; any number of threads may read.
class ClassSet {
 public:
  virtual ~ClassSet() = default;
  virtual int num_classes() const = 0;
  // At least 2. The order of the instances is already random, so that a caller may take the first
  // half of the indices for one purpose and the second half for another.
  virtual int num_instances(int class_index) const = 0;
  // Instances are rows of real data: a data set of a task holds each at most once.
  virtual bool has_real_rows() const { return false; }
  // 0: instances are images, resampled to the task's side. Else they are vectors of so many numbers
  // and enter the base model as they are.
  virtual int num_inputs() const { return 0; }
  // Of vectors whose numbers have places, such as signals {1, time, channels}; else of size 0.
  virtual ImageShape shape() const { return {}; }
  // Writes one instance to out [kSourceSide, kSourceSide], row by row from the top, in [0,1], or
  // to out [num_inputs].
  // `random` adds what is fresh in every drawing of the same instance (a new texture, say).
  virtual void instance(int class_index, int instance_index, Random& random,
                        std::span<float> out) const = 0;
};

// Immutable after construction; any number of threads may draw from it.
class TaskFamily {
 public:
  virtual ~TaskFamily() = default;
  virtual std::string_view name() const = 0;
  // One line for provenance: "NAME: ...", what the classes are made of, with a digest of files.
  virtual std::string describe() const = 0;
  // How many different classes one task of this split can have.
  virtual int max_classes(Split split) const = 0;
  // Draws num_classes <= max_classes(split) different classes. Takes at most about 10 ms and 2 MB,
  // so that afterwards one instance is cheap. A callable of Python takes what it takes, and says
  // itself how many classes its task has.
  virtual std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                                 Random& random) const = 0;
};

// A seed for streams of a task's own, so that any instance is a function of its number.
inline std::uint64_t draw_seed(Random& random) {
  const std::uint64_t high = random.next_u32();
  return (high << 32) | random.next_u32();
}

// How many inputs a task of vectors has: log-uniform, both ends included.
inline int draw_num_inputs(int least, int most, Random& random) {
  const float drawn = random.log_uniform(static_cast<float>(least), static_cast<float>(most) + 1);
  return std::clamp(static_cast<int>(drawn), least, most);
}

}  // namespace metaplastic
