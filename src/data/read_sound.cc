#include "data/read_sound.h"

#include <samplerate.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/system_library.h"
#include "base/text.h"
#include "data/log_mel.h"

namespace metaplastic {
namespace {

constexpr sf_count_t kBlock = 1 << 14;  // frames
constexpr int kMaxSoundChannels = 64;
constexpr sf_count_t kMaxSamples = sf_count_t{1} << 28;  // of one file, all channels: 1 GiB

struct SoundFiles {
  SystemLibrary library{METAPLASTIC_SNDFILE_FILE};
  decltype(sf_close)* close = library["sf_close"];
  decltype(sf_error)* error = library["sf_error"];
  decltype(sf_open)* open = library["sf_open"];
  decltype(sf_readf_float)* readf_float = library["sf_readf_float"];
  decltype(sf_strerror)* strerror = library["sf_strerror"];
};

const SoundFiles& sound_files() {
  static const SoundFiles kLibrary;
  return kLibrary;
}

struct Resampler {
  SystemLibrary library{METAPLASTIC_SAMPLERATE_FILE};
  decltype(src_simple)* simple = library["src_simple"];
  decltype(src_strerror)* strerror = library["src_strerror"];
};

struct Close {
  void operator()(SNDFILE* file) const { sound_files().close(file); }
};

// sf_error knows why a file was refused, and ends some sentences with a dot.
std::string reason(SNDFILE* file) {
  std::string text = printable(sound_files().strerror(file));
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

DecodedSound read_sound(const std::string& path) {
  const std::string name = printable(path, 400);
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, Close> file(sound_files().open(path.c_str(), SFM_READ, &info));
  if (!file) {
    fail("{}: expected a sound that libsndfile reads, found: {}; convert it to WAV", name,
         reason(nullptr));
  }
  if (info.samplerate < kMinRate || info.samplerate > kMaxRate) {
    fail("{}: expected {} to {} samples per second, found {}; resample it", name, kMinRate,
         kMaxRate, info.samplerate);
  }
  if (info.channels < 1 || info.channels > kMaxSoundChannels) {
    fail("{}: expected 1 to {} channels, found {}; convert it", name, kMaxSoundChannels,
         info.channels);
  }
  if (info.frames < 1 || info.frames > kMaxSamples / info.channels) {
    fail("{}: expected 1 to {} samples, found {}; cut or remove it", name,
         kMaxSamples / info.channels, info.frames);
  }
  DecodedSound sound{info.samplerate, info.channels, {}};
  // In blocks: a header may promise more than there is.
  std::vector<float> block(static_cast<std::size_t>(kBlock * info.channels));
  sf_count_t read = 0;
  for (sf_count_t count = kBlock; count > 0 && read < info.frames; read += count) {
    count =
        sound_files().readf_float(file.get(), block.data(), std::min(kBlock, info.frames - read));
    sound.samples.insert(sound.samples.end(), block.begin(), block.begin() + count * info.channels);
  }
  if (read != info.frames || sound_files().error(file.get()) != SF_ERR_NO_ERROR) {
    fail("{}: expected {} samples as its header says, found {}; the file is damaged", name,
         info.frames, read);
  }
  if (!std::ranges::all_of(sound.samples, [](float value) { return std::isfinite(value); })) {
    fail("{}: expected finite samples, found others; the file is damaged", name);
  }
  return sound;
}

void resample(DecodedSound& sound, int rate) {
  if (sound.rate == rate) return;
  static const Resampler kResampler;
  const double ratio = static_cast<double>(rate) / sound.rate;
  const auto C = static_cast<std::size_t>(sound.channels);
  const std::size_t length = sound.samples.size() / C;
  const auto longest = static_cast<std::size_t>(std::ceil(static_cast<double>(length) * ratio)) + 1;
  std::vector<float> samples(longest * C);
  SRC_DATA job{};
  job.data_in = sound.samples.data();
  job.input_frames = static_cast<long>(length);
  job.data_out = samples.data();
  job.output_frames = static_cast<long>(longest);
  job.src_ratio = ratio;
  const int error = kResampler.simple(&job, SRC_SINC_MEDIUM_QUALITY, sound.channels);
  if (error != 0 || job.output_frames_gen < 1) {
    fail(
        "resampling: expected to get from {} to {} samples per second, found: {}; resample it "
        "with another program",
        sound.rate, rate, error != 0 ? kResampler.strerror(error) : "nothing left");
  }
  samples.resize(static_cast<std::size_t>(job.output_frames_gen) * C);
  sound.samples = std::move(samples);
  sound.rate = rate;
}

void make_mono(DecodedSound& sound) {
  const auto C = static_cast<std::size_t>(sound.channels);
  std::vector<float> mono(sound.samples.size() / C);
  for (std::size_t n = 0; n < mono.size(); ++n) {
    for (std::size_t c = 0; c < C; ++c) mono[n] += sound.samples[n * C + c];
    mono[n] /= static_cast<float>(C);
  }
  sound.samples = std::move(mono);
  sound.channels = 1;
}

}  // namespace metaplastic
