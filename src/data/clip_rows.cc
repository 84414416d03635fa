#include "data/clip_rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/dataset_rows.h"

namespace metaplastic {

void ClipRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  const auto size = static_cast<std::size_t>(num_features());
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
    const auto clip = static_cast<std::size_t>(first) + n;
    const auto begin = static_cast<std::size_t>(clips_->starts[clip]);
    const std::size_t have = static_cast<std::size_t>(clips_->starts[clip + 1]) - begin;
    const auto row = out.subspan(n * size, size);
    const auto end = std::copy_n(clips_->samples.data() + begin, std::min(have, size), row.begin());
    std::fill(end, row.end(), 0.0f);
  }
}

void set_length(Dataset& data, int length) {
  const Clips& clips = *data.sound->clips;
  std::int64_t num_padded = 0, num_cut = 0;
  for (std::int64_t n = 0; n < clips.size(); ++n) {
    num_padded += clips.length(n) < length;
    num_cut += clips.length(n) > length;
  }
  data.kind = DataKind::kSignal;
  data.image = {1, length, clips.channels};
  data.rows = std::make_shared<ClipRows>(data.sound->clips, length);
  if (num_padded + num_cut == 0) return;
  data.notes.push_back(fmt::format(
      "sounds are {:.3g} s long: {} of {} end with added silence, {} are cut at the end",
      static_cast<double>(length) / data.sound->rate, num_padded, clips.size(), num_cut));
}

Dataset with_length(const Dataset& sounds, int length) {
  METAPLASTIC_CHECK(sounds.sound.has_value());
  if (sounds.image.width == length) return sounds;
  Dataset result = sounds;
  // What was said of another length.
  std::erase_if(result.notes,
                [](const std::string& note) { return note.starts_with("sounds are "); });
  set_length(result, length);
  return result;
}

}  // namespace metaplastic
