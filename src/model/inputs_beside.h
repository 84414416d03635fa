// Inputs beside features, as encoders give them out and as held-out tasks are read.
#pragma once

#include <cstdint>
#include <span>

namespace metaplastic {

// Inputs that stand beside features are multiplied by one number, so that, summed over columns,
// they vary as much as the features: neither is drowned by the other, whatever their widths. 1
// where either does not vary. features [N,F], inputs [N,U_0].
float input_scale(std::span<const float> features, std::span<const float> inputs,
                  std::int64_t num_rows);
// inputs [N,U_0] times the scale, then features [N,F], row by row: out [N,U_0+F].
void put_beside(std::span<const float> inputs, float scale, std::span<const float> features,
                std::int64_t num_rows, std::span<float> out);

}  // namespace metaplastic
