#include "apply/feature_file.h"

namespace metaplastic {

void FeatureFile::write(const Encoder& encoder, const RowSource& prepared, int layer,
                        const std::function<bool()>& should_stop, int num_threads) {
  const std::int64_t shape[] = {prepared.num_rows(), encoder.num_features(layer)};
  writer_.begin(shape);
  encode_rows(
      encoder, prepared, layer,
      [&](std::span<const float> features, std::int64_t) {
        if (should_stop && should_stop()) throw Stopped{};
        writer_.write(features);
      },
      num_threads);
  writer_.commit();
}

}  // namespace metaplastic
