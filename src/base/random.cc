#include "base/random.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace metaplastic {

Random::Random(std::uint64_t seed, Purpose purpose, std::uint64_t task, std::uint32_t step)
    : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
      counter_{
          {0, step, static_cast<std::uint32_t>(task),
           (static_cast<std::uint32_t>(purpose) << 24) ^ static_cast<std::uint32_t>(task >> 32)}} {
  METAPLASTIC_CHECK((task >> 56) == 0);
}

std::uint32_t Random::next_u32() {
  if (used_ == 4) {
    block_ = r123::Philox4x32()(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

float Random::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }

std::uint32_t Random::below(std::uint32_t count) {
  METAPLASTIC_CHECK(count >= 1);
  // Lemire's multiply-shift with rejection of the short last interval.
  const std::uint32_t threshold = (0u - count) % count;
  for (;;) {
    const std::uint64_t product = static_cast<std::uint64_t>(next_u32()) * count;
    if (static_cast<std::uint32_t>(product) >= threshold)
      return static_cast<std::uint32_t>(product >> 32);
  }
}

int Random::between(int low, int high) {
  METAPLASTIC_CHECK(low <= high);
  return low + static_cast<int>(below(static_cast<std::uint32_t>(high - low + 1)));
}

float Random::log_uniform(float low, float high) {
  METAPLASTIC_CHECK(low > 0 && low <= high);
  return low * std::exp(uniform() * std::log(high / low));
}

float Random::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const float u = (static_cast<float>(next_u32() >> 8) + 0.5f) * 0x1p-24f;
  const float radius = std::sqrt(-2.0f * std::log(u));
  const float angle = 2.0f * std::numbers::pi_v<float> * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

}  // namespace metaplastic
