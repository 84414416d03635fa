#include "baselines/other_classes.h"

#include "base/error.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

constexpr int kMinSide = 4, kMaxSide = 56;  // what tasks can have

}  // namespace

std::optional<std::string> no_other_classes(const MethodContext& context) {
  const ImageShape& image = context.image;
  if (image.channels == 1 && image.height == image.width && image.height >= kMinSide &&
      image.height <= kMaxSide) {
    return {};
  }
  return fmt::format("learns from other classes of square grey images, {} to {} pixels a side",
                     kMinSide, kMaxSide);
}

OtherClasses draw_other_classes(int side, std::uint64_t seed) {
  OtherClasses other;
  other.num_inputs = side * side;
  other.first = {0};
  const auto U = static_cast<std::size_t>(other.num_inputs);
  TaskBatch batch;
  for (const bool glyphs : {true, false}) {
    TaskConfig config;
    config.image_side = side;
    config.weight("glyphs") = glyphs ? 1.0f : 0.0f;
    config.weight("fields") = glyphs ? 0.0f : 1.0f;
    config.image_sources.clear();
    config.permute_inputs = false;
    config.augment.augmented_share = 0;
    config.min_classes = config.max_classes = kOtherClasses;
    const Task task = TaskDistribution(config).make_task(seed, 0, Split::kTrain);
    const int num_images = kImagesPerClass * task.num_classes();
    task.draw_batch(Purpose::kBaseline, 0, num_images, batch);
    const auto B = static_cast<std::size_t>(num_images);
    METAPLASTIC_CHECK(batch.x.size() == U * B);
    for (int y = 0; y < task.num_classes(); ++y) {
      for (std::size_t b = 0; b < B; ++b) {
        if (batch.labels[b] != y) continue;
        for (std::size_t u = 0; u < U; ++u) other.rows.push_back(batch.x[u * B + b]);
      }
      other.first.push_back(static_cast<int>(other.rows.size() / U));
    }
  }
  return other;
}

}  // namespace metaplastic
