#include "eval/feature_file.h"

#include "base/error.h"

namespace metaplastic {
namespace {

// The header of numpy's format, version 1: magic, version, length, a dictionary padded so that the
// data start at a multiple of 64.
std::string npy_header(std::int64_t num_rows, int num_features) {
  std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
                                 num_rows, num_features);
  constexpr std::size_t kPrefix = 10, kAlignment = 64;
  const std::size_t used = kPrefix + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string header = {'\x93', 'N', 'U', 'M', 'P', 'Y', '\x01', '\x00'};
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace

void FeatureFile::write(const Encoder& encoder, const RowSource& prepared, int layer,
                        const std::function<bool()>& should_stop) {
  writer_.write(npy_header(prepared.num_rows(),
                           encoder.architecture.widths[static_cast<std::size_t>(layer)]));
  encode_rows(encoder, prepared, layer, [&](std::span<const float> features, std::int64_t) {
    if (should_stop && should_stop()) throw Stopped{};
    writer_.write(std::as_bytes(features));
  });
  writer_.commit();
}

}  // namespace metaplastic
