#include "apply/feature_file.h"

namespace metaplastic {

void FeatureFile::write(const Encoder& encoder, const RowSource& prepared, int layer,
                        const std::function<bool()>& should_stop) {
  const std::int64_t shape[] = {prepared.num_rows(),
                                encoder.architecture.widths[static_cast<std::size_t>(layer)]};
  writer_.begin(shape);
  encode_rows(encoder, prepared, layer, [&](std::span<const float> features, std::int64_t) {
    if (should_stop && should_stop()) throw Stopped{};
    writer_.write(features);
  });
  writer_.commit();
}

}  // namespace metaplastic
