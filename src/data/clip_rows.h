// Sounds of different lengths as rows of one length: the end is silence, or is cut.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

// Clip n is samples[starts[n] .. starts[n+1]), the channels of a time together.
struct Clips {
  int channels = 1;
  std::vector<float> samples;
  std::vector<std::int64_t> starts = {0};
  std::int64_t size() const { return std::ssize(starts) - 1; }
  // Times of clip n.
  std::int64_t length(std::int64_t n) const {
    const auto at = static_cast<std::size_t>(n);
    return (starts[at + 1] - starts[at]) / channels;
  }
};

class ClipRows : public RowSource {
 public:
  ClipRows(std::shared_ptr<const Clips> clips, int length)
      : clips_(std::move(clips)), length_(length) {}
  std::int64_t num_rows() const override { return clips_->size(); }
  int num_features() const override { return length_ * clips_->channels; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::shared_ptr<const Clips> clips_;
  int length_;  // times
};

// Makes rows of so many times of data.sound->clips, and adds a note that counts the clips which are
// padded or cut.
void set_length(Dataset& data, int length);
Dataset with_length(const Dataset& sounds, int length);

}  // namespace metaplastic
