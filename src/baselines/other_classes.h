// Labelled images of other classes than those that are evaluated: characters and procedural images,
// the families that rules are meta-trained on. Views (views.h) augment them in training.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

struct OtherClasses {
  std::vector<float> rows;  // [N,side * side], class by class
  std::vector<int> first;   // [num_classes + 1]: class y has rows first[y] .. first[y + 1] - 1
  int num_inputs = 0;

  int num_classes() const { return static_cast<int>(first.size()) - 1; }
  std::span<const float> row(int n) const {
    return {rows.data() + std::ptrdiff_t{n} * num_inputs, static_cast<std::size_t>(num_inputs)};
  }
};

// Why there are none for such rows, to be read after a method's name.
std::optional<std::string> no_other_classes(const MethodContext& context);
// From the split of meta-training: up to kOtherClasses classes of each family, about
// kImagesPerClass images of each. A function of side and seed. Throws Error when no fonts are
// installed.
inline constexpr int kOtherClasses = 60, kImagesPerClass = 200;
OtherClasses draw_other_classes(int side, std::uint64_t seed);

}  // namespace metaplastic
