// The form wav: a folder of sounds, a sub-folder per class.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/stop.h"
#include "base/stopped.h"
#include "base/text.h"
#include "data/clip_rows.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"
#include "data/log_mel.h"
#include "data/read_sound.h"

namespace metaplastic {
namespace {

constexpr double kMaxSeconds = 3600;

const std::vector<std::string>& sound_endings() {
  static const std::vector<std::string> kEndings = {".wav"};
  return kEndings;
}

// length=SECONDS, or nothing.
std::optional<double> length_of(const DataSpec& spec) {
  const auto text = spec.option("length");
  if (!text) return {};
  double seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, code] = std::from_chars(text->data(), end, seconds);
  if (code == std::errc{} && rest == end && seconds > 0 && seconds <= kMaxSeconds) return seconds;
  fail("data {}: expected length as seconds above 0 and at most {}, found {}",
       quote_text(spec.text), kMaxSeconds, quote_text(*text));
}

SoundData sound_of(const DataSpec& spec) {
  SoundData sound;
  if (spec.option("features")) {
    sound.is_log_mel = spec.choice("features", {"log-mel", "raw"}) == "log-mel";
  }
  if (spec.option("bands")) {
    sound.bands = spec.number("bands", kMinBands, kMaxBands, kDefaultBands);
    if (!sound.is_log_mel.value_or(true)) {
      fail("data {}: expected bands= with features=log-mel, found features=raw; remove one",
           quote_text(spec.text));
    }
  }
  return sound;
}

class SoundLoader {
 public:
  explicit SoundLoader(const DataSpec& spec)
      : folder_(printable(spec.paths[0], 400)),
        wanted_rate_(spec.number("rate", kMinRate, kMaxRate, 0)),
        seconds_(length_of(spec)),
        is_mono_(spec.choice("channels", {"keep", "mono"}) == "mono"),
        skip_bad_(spec.choice("bad", {"error", "skip"}) == "skip"),
        sound_(sound_of(spec)),
        test_folder_(spec.option("test").value_or("")) {}

  Dataset load(const std::string& folder) {
    read(list_class_folder(folder, sound_endings()), "");
    const std::int64_t num_training = clips_.size();
    if (!test_folder_.empty()) {
      const FolderListing tests = list_class_folder(test_folder_, sound_endings());
      if (tests.classes.empty() || labels_.empty()) {
        fail("{}: expected a sub-folder per class in both folders for test=, found a flat one",
             printable(test_folder_, 400));
      }
      read(tests, "test/");
    }
    Dataset data = finish();
    data.first_test_row = num_training;
    return data;
  }

 private:
  // `prefix` stands before the names of rows.
  void read(const FolderListing& listing, const std::string& prefix) {
    const std::size_t num_bad = bad_.size();
    for (std::size_t n = 0; n < listing.files.size(); ++n) {
      if (stop_requested()) throw Stopped{};
      DecodedSound sound;
      try {
        sound = read_sound(listing.files[n]);
      } catch (const Error& error) {
        bad_.emplace_back(error.what());
        continue;
      }
      add(std::move(sound), printable(listing.files[n], 400));
      row_names_.push_back(prefix + listing.names[n]);
      if (!listing.classes.empty()) labels_.push_back(listing.classes[n]);
    }
    if (!listing.left_out.empty()) left_out_.push_back(listing.left_out);
    refuse_bad(bad_.size() - num_bad == listing.files.size());
  }

  // Rates and channels of all files agree, or the SPEC says what becomes of them.
  void add(DecodedSound sound, const std::string& name) {
    if (is_mono_ && sound.channels > 1) {
      make_mono(sound);
      ++num_mixed_;
    }
    if (wanted_rate_ > 0 && sound.rate != wanted_rate_) {
      resample(sound, wanted_rate_);
      ++num_resampled_;
    }
    if (first_.empty()) {
      first_ = name;
      sound_.rate = sound.rate;
      clips_.channels = sound.channels;
    }
    if (sound.rate != sound_.rate) {
      fail("{}: expected {} samples per second as in {}, found {}; give rate={} to resample", name,
           sound_.rate, first_, sound.rate, std::max(sound.rate, sound_.rate));
    }
    if (sound.channels != clips_.channels) {
      fail("{}: expected {} channels as in {}, found {}; give channels=mono to mix them", name,
           clips_.channels, first_, sound.channels);
    }
    const std::size_t size = clips_.samples.size() + sound.samples.size();
    if (size * sizeof(float) > static_cast<std::size_t>(kMaxDataBytes)) {
      fail("{}: expected at most {} GiB of samples, found more; use fewer files", folder_,
           kMaxDataBytes >> 30);
    }
    clips_.samples.insert(clips_.samples.end(), sound.samples.begin(), sound.samples.end());
    clips_.starts.push_back(std::ssize(clips_.samples));
  }

  Dataset finish() {
    std::int64_t longest = 0;
    for (std::int64_t n = 0; n < clips_.size(); ++n) {
      longest = std::max(longest, clips_.length(n));
    }
    const std::int64_t wanted = seconds_ ? std::llround(*seconds_ * sound_.rate) : longest;
    const std::int64_t most = kMaxSignalNumbers / clips_.channels;
    if (wanted < 1 || wanted > most) {
      fail("{}: expected sounds of 1 to {} samples, found {}; give another length=SECONDS", folder_,
           most, wanted);
    }
    sound_.clips = std::make_shared<const Clips>(std::move(clips_));
    Dataset data;
    data.sound = std::move(sound_);
    for (const std::string& line : bad_) data.notes.push_back("skipped " + line);
    for (std::string& line : left_out_) data.notes.push_back(std::move(line));
    const auto count = [&](std::int64_t number, const std::string& what) {
      if (number > 0) data.notes.push_back(fmt::format("{}: {} {}", folder_, number, what));
    };
    count(num_mixed_, "with several channels, mixed to one");
    count(num_resampled_, fmt::format("resampled to {} samples per second", wanted_rate_));
    set_length(data, static_cast<int>(wanted));
    data.row_names = std::move(row_names_);
    if (!labels_.empty()) set_labels(data, labels_, folder_);
    return data;
  }

  void refuse_bad(bool are_all) const {
    if (bad_.empty() || (skip_bad_ && !are_all)) return;
    std::string line = bad_.front();
    if (bad_.size() > 1) {
      line += fmt::format(" ({} more bad files; bad=skip passes over them)", bad_.size() - 1);
    }
    throw Error(line);
  }

  std::string folder_;
  int wanted_rate_;  // 0: that of the files
  std::optional<double> seconds_;
  bool is_mono_, skip_bad_;
  SoundData sound_;
  std::string test_folder_;
  Clips clips_;
  std::string first_;  // file
  std::vector<std::string> labels_, row_names_, bad_, left_out_;
  std::int64_t num_mixed_ = 0, num_resampled_ = 0;
};

}  // namespace

Dataset load_wav(const DataSpec& spec) { return SoundLoader(spec).load(spec.paths[0]); }

}  // namespace metaplastic
