// Signals: how a SPEC says them, and what becomes of them.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/random.h"
#include "data/dataset_test_files.h"
#include "data/further_rows.h"
#include "data/log_mel.h"
#include "data/preprocess.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

std::string write_array(const TestFolder& folder, const char* name,
                        const std::vector<std::int64_t>& shape) {
  std::int64_t size = 1;
  for (const std::int64_t dim : shape) size *= dim;
  Random random(5, Purpose::kTest);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::size_t n = 0; n < values.size(); ++n) {
    values[n] = random.normal() * static_cast<float>(1 + n % 3) + 2;
  }
  write_npy(folder.path(name), shape, values);
  return "npy:" + folder.path(name);
}

TEST(Signals, ASpecSaysThatRowsAreSignals) {
  const TestFolder folder;
  const std::string cube = write_array(folder, "x.npy", {4, 12, 3});
  const std::string flat = write_array(folder, "y.npy", {4, 12});
  const auto shape = [](const std::string& spec) {
    const Dataset data = load_dataset(spec);
    EXPECT_EQ(data.kind, DataKind::kSignal);
    EXPECT_TRUE(data.column_names.empty());
    return data.image;
  };
  EXPECT_EQ(shape(cube + ",signal=yes"), (ImageShape{1, 12, 3}));
  EXPECT_EQ(shape(cube + ",signal=12x3"), (ImageShape{1, 12, 3}));
  EXPECT_EQ(shape(flat + ",signal=yes"), (ImageShape{1, 12, 1}));
  EXPECT_EQ(shape(flat + ",signal=4x3"), (ImageShape{1, 4, 3}));
  EXPECT_EQ(describe(load_dataset(flat + ",signal=4x3")),
            flat + ",signal=4x3: 4 rows, signals of 4 steps and 3 channels, no labels");
  // The same array without the option is what it always was.
  EXPECT_EQ(load_dataset(cube).kind, DataKind::kImage);
  EXPECT_EQ(load_dataset(flat).kind, DataKind::kTable);
  const std::string line = error_line([&] { fit_preprocess(load_dataset(cube)); });
  EXPECT_NE(line.find("signal=yes"), std::string::npos) << line;
}

TEST(Signals, RefusesWhatDoesNotFit) {
  const TestFolder folder;
  const std::string cube = write_array(folder, "x.npy", {4, 12, 3});
  const std::string colour = write_array(folder, "c.npy", {4, 5, 5, 3});
  const auto refused = [](const std::string& spec, const char* expected) {
    const std::string line = error_line([&] { load_dataset(spec); });
    EXPECT_NE(line.find(expected), std::string::npos) << spec << ": " << line;
  };
  refused(cube + ",signal=3x12", "expected signal=12x3 of an array");
  refused(cube + ",signal=12x4", "rows of 48 numbers");
  refused(cube + ",signal=12x3x1", "as yes, TIME or TIMExCHANNELS");
  refused(cube + ",signal=no", "as yes, TIME or TIMExCHANNELS");
  refused(cube + ",signal=0x3", "as yes, TIME or TIMExCHANNELS");
  refused(cube + ",signal=yes,max=1", "either signal= or max=");
  refused(cube + ",signal=yes,image=6x6", "either signal= or image=");
  refused(colour + ",signal=yes", "found [rows, 5, 5, 3]");
}

TEST(Signals, ChannelsAreStandardisedOverRowsAndTimes) {
  const TestFolder folder;
  const Dataset data = load_dataset(write_array(folder, "x.npy", {30, 12, 3}) + ",signal=yes");
  const Preprocess fitted = fit_preprocess(data);
  EXPECT_EQ(fitted.num_inputs(), 36);
  const std::vector<float> raw = read_all_rows(data), prepared = apply_preprocess(fitted, data);
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, square = 0;
    for (std::size_t n = c; n < raw.size(); n += 3) sum += raw[n];
    const double mean = sum / 360;
    for (std::size_t n = c; n < raw.size(); n += 3) square += (raw[n] - mean) * (raw[n] - mean);
    const double deviation = std::sqrt(square / 360);
    for (std::size_t n = c; n < raw.size(); n += 3) {
      EXPECT_NEAR(prepared[n], (raw[n] - mean) / deviation, 1e-5);
    }
  }
  const Preprocess loaded = from_saved(to_saved(fitted), "e");
  EXPECT_EQ(apply_preprocess(loaded, data), prepared);
  const auto refused = [&](const std::string& spec, const char* expected) {
    const std::string line = error_line([&] { prepare_rows(loaded, load_dataset(spec)); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused(write_array(folder, "y.npy", {4, 9, 3}) + ",signal=yes",
          "expected 12 steps of 3 channels");
  refused(write_array(folder, "z.npy", {4, 36}), "expected signal data");
  PreprocessOptions smaller;
  smaller.resize = 4;
  EXPECT_NE(error_line([&] { fit_preprocess(data, smaller); }).find("expected images"),
            std::string::npos);
}

TEST(Signals, DamagedPreprocessingIsRefused) {
  const TestFolder folder;
  const Dataset data = load_dataset(write_array(folder, "x.npy", {30, 12, 3}) + ",signal=yes");
  const SavedPreprocess saved = to_saved(fit_preprocess(data));
  const auto refused = [&](const char* key, const char* value, const char* expected) {
    SavedPreprocess other = saved;
    other.metadata[key] = value;
    const std::string line = error_line([&] { from_saved(other, "e"); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused("preprocess.signal", "12x3", "HxWxC");
  refused("preprocess.signal", "2x6x3", "1xTxC");
  refused("preprocess.signal", "1x60000000x60000000", "1xTxC");
  refused("preprocess.signal", "1x12x4", "tensor 'preprocess.mean' of 4");
  refused("preprocess.rate", "12", "a whole number from 1000");
  refused("preprocess.bands", "40", "no bands without a rate");
}

// The spectrum by its definition, in double.
TEST(LogMel, EqualsItsDefinition) {
  const LogMel log_mel = log_mel_of(8000, 12);
  EXPECT_EQ(log_mel.window, 200);
  EXPECT_EQ(log_mel.hop, 80);
  EXPECT_EQ(log_mel.transform, 512);
  const int samples = 500, channels = 2;
  Random random(6, Purpose::kTest);
  std::vector<float> sound(static_cast<std::size_t>(samples * channels));
  for (float& value : sound) value = 0.3f * random.normal();
  const ImageShape shape = log_mel_shape(log_mel, {1, samples, channels}, "x");
  ASSERT_EQ(shape, (ImageShape{1, 4, 24}));
  std::vector<float> found(static_cast<std::size_t>(shape.size()));
  LogMelFrames(log_mel).run(sound, channels, found);
  const std::vector<float> window = mel_window(log_mel), filters = mel_filters(log_mel);
  for (int frame = 0; frame < shape.width; ++frame) {
    for (int c = 0; c < channels; ++c) {
      std::vector<double> power;
      for (int bin = 0; bin < log_mel.num_bins(); ++bin) {
        double real = 0, imaginary = 0;
        for (int n = 0; n < log_mel.window; ++n) {
          const int at = (frame * log_mel.hop + n) * channels + c;
          const double value = double{sound[static_cast<std::size_t>(at)]} *
                               double{window[static_cast<std::size_t>(n)]};
          const double angle = 2 * std::numbers::pi * bin * n / log_mel.transform;
          real += value * std::cos(angle);
          imaginary -= value * std::sin(angle);
        }
        power.push_back(real * real + imaginary * imaginary);
      }
      for (int band = 0; band < log_mel.bands; ++band) {
        double energy = 0;
        for (std::size_t bin = 0; bin < power.size(); ++bin) {
          energy +=
              power[bin] * double{filters[static_cast<std::size_t>(band) * power.size() + bin]};
        }
        const int at = (frame * channels + c) * log_mel.bands + band;
        EXPECT_NEAR(found[static_cast<std::size_t>(at)], std::log(energy + 1e-6), 2e-5);
      }
    }
  }
}

TEST(LogMel, FiltersHoldEveryFrequencyAndAreNeverEmpty) {
  for (const int rate : {8000, 16000, 22050, 44100, 48000}) {
    const LogMel log_mel = log_mel_of(rate, kDefaultBands);
    const std::vector<float> filters = mel_filters(log_mel);
    ASSERT_EQ(filters.size(), static_cast<std::size_t>(log_mel.bands * log_mel.num_bins()));
    // Two neighbours share every bin between their peaks: weights add up to 1.
    const auto bins = static_cast<std::size_t>(log_mel.num_bins());
    for (const std::size_t bin : {bins / 4, bins / 2}) {
      float sum = 0;
      for (std::size_t band = 0; band < kDefaultBands; ++band) sum += filters[band * bins + bin];
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
  EXPECT_NE(error_line([] { log_mel_of(1000, kMaxBands); }).find("give fewer"), std::string::npos);
}

}  // namespace
}  // namespace metaplastic
