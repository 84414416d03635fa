// Folders of WAV files, written here by libsndfile.
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "data/dataset_test_files.h"
#include "data/further_rows.h"
#include "data/log_mel.h"
#include "data/preprocess.h"

namespace metaplastic {
namespace {

constexpr float kStep = 1.0f / 32768;

// A tone of `times` samples per channel; 16 bits.
void write_tone(const std::string& path, int times, int rate = 8000, int channels = 1,
                double hertz = 440) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr);
  std::vector<float> samples;
  for (int t = 0; t < times; ++t) {
    const double wave = std::sin(2 * std::numbers::pi * hertz * t / rate);
    for (int c = 0; c < channels; ++c) samples.push_back(static_cast<float>(0.5 * wave / (1 + c)));
  }
  EXPECT_EQ(sf_writef_float(file, samples.data(), times), times);
  sf_close(file);
}

bool has_note(const Dataset& data, const char* text) {
  for (const std::string& note : data.notes) {
    if (note.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(Wav, ClipsOfOneFolderGetOneLength) {
  const TestFolder folder;
  write_tone(folder.path("s/high/1.wav"), 400);
  write_tone(folder.path("s/high/2.wav"), 300);
  write_tone(folder.path("s/low/1.WAV"), 500);
  write_test_file(folder, "s/low/notes.txt", "x");
  const std::string spec = "wav:" + folder.path("s");
  const Dataset data = load_dataset(spec);
  EXPECT_EQ(data.kind, DataKind::kSignal);
  EXPECT_EQ(data.image, (ImageShape{1, 500, 1}));
  EXPECT_EQ(data.labels, (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(data.row_names[2], "low/1.WAV");
  const std::vector<float> row = row_of(data, 1);
  for (int t = 0; t < 300; ++t) {
    EXPECT_NEAR(row[static_cast<std::size_t>(t)],
                0.5 * std::sin(2 * std::numbers::pi * 440 * t / 8000), kStep);
  }
  for (std::size_t t = 300; t < 500; ++t) EXPECT_EQ(row[t], 0);
  EXPECT_TRUE(has_note(data, "2 of 3 end with added silence, 0 are cut"));
  EXPECT_TRUE(has_note(data, "1 file ending in .txt"));
  const Dataset cut = load_dataset(spec + ",length=0.05");
  EXPECT_EQ(cut.image.width, 400);
  EXPECT_TRUE(has_note(cut, "1 of 3 end with added silence, 1 are cut"));
  EXPECT_EQ(describe(cut), spec +
                               ",length=0.05: 3 rows, sounds of 0.05 s at 8000 Hz and 1 channel, "
                               "2 classes, " +
                               std::to_string(cut.notes.size()) + " notes");
}

TEST(Wav, RatesAndChannelsAgreeOrTheSpecSays) {
  const TestFolder folder;
  write_tone(folder.path("s/1.wav"), 800, 8000, 2);
  write_tone(folder.path("s/2.wav"), 1600, 16000, 2);
  const std::string spec = "wav:" + folder.path("s");
  const auto refused = [](const std::string& text, const char* expected) {
    const std::string line = error_line([&] { load_dataset(text); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused(spec, "expected 8000 samples per second as in");
  refused(spec, "give rate=16000 to resample");
  const Dataset both = load_dataset(spec + ",rate=16000");
  EXPECT_TRUE(has_note(both, "1 resampled to 16000"));
  EXPECT_EQ(both.image, (ImageShape{1, 1600, 2}));
  EXPECT_TRUE(both.labels.empty());
  // The same tone, whatever its rate was; the ends ring.
  const std::vector<float> resampled = row_of(both, 0), written = row_of(both, 1);
  for (std::size_t n = 400; n < 2800; ++n) EXPECT_NEAR(resampled[n], written[n], 2e-3);
  write_tone(folder.path("s/3.wav"), 1600, 16000, 1);
  refused(spec + ",rate=16000", "expected 2 channels as in");
  const Dataset mono = load_dataset(spec + ",rate=16000,channels=mono");
  EXPECT_TRUE(has_note(mono, "2 with several channels, mixed to one"));
  EXPECT_NEAR(row_of(mono, 1)[100], 0.75f * row_of(mono, 2)[100], kStep);
  refused(spec + ",rate=12", "rate as a whole number");
  refused(spec + ",length=-1", "length as seconds");
  refused(spec + ",features=raw,bands=20", "bands= with features=log-mel");
  refused("wav:" + folder.path("none"), "expected a folder");
}

TEST(Wav, DamagedFilesAreNamedOrSkipped) {
  const TestFolder folder;
  write_tone(folder.path("s/1.wav"), 400);
  write_test_file(folder, "s/2.wav", "no sound at all");
  write_test_file(folder, "s/3.wav", "");
  const std::string spec = "wav:" + folder.path("s");
  const std::string line = error_line([&] { load_dataset(spec); });
  EXPECT_NE(line.find("2.wav: expected a sound that libsndfile reads"), std::string::npos) << line;
  EXPECT_NE(line.find("1 more bad files"), std::string::npos) << line;
  const Dataset data = load_dataset(spec + ",bad=skip");
  EXPECT_EQ(data.num_rows(), 1);
  EXPECT_TRUE(has_note(data, "skipped"));
}

TEST(Wav, LogMelIsFittedSavedAndFoundAgain) {
  const TestFolder folder;
  for (int n = 0; n < 6; ++n) {
    write_tone(folder.path(fmt::format("s/{}.wav", n)), 900, 8000, 1, 200.0 + 300 * n);
  }
  write_tone(folder.path("t/1.wav"), 700);
  write_tone(folder.path("fast/1.wav"), 700, 16000);
  const Dataset data = load_dataset("wav:" + folder.path("s"));
  const Preprocess fitted = fit_preprocess(data);
  ASSERT_TRUE(fitted.log_mel.has_value());
  EXPECT_EQ(fitted.output_image, (ImageShape{1, 9, 40}));
  const std::vector<float> prepared = apply_preprocess(fitted, data);
  double sum = 0, square = 0;
  for (std::size_t n = 10; n < prepared.size(); n += 40) {
    sum += prepared[n];
    square += double{prepared[n]} * prepared[n];
  }
  EXPECT_NEAR(sum / 54, 0, 1e-4);
  EXPECT_NEAR(square / 54, 1, 1e-3);
  const Preprocess loaded = from_saved(to_saved(fitted), "e");
  EXPECT_EQ(apply_preprocess(loaded, data), prepared);
  // A shorter clip gets the length that was fitted.
  const Dataset other = fitted_to(loaded, load_dataset("wav:" + folder.path("t")));
  EXPECT_EQ(other.image.width, 900);
  EXPECT_TRUE(has_note(other, "1 of 1 end with added silence"));
  EXPECT_EQ(apply_preprocess(loaded, other).size(), 360u);
  const auto refused = [&](const std::string& spec, const char* expected) {
    const std::string line = error_line(
        [&] { prepare_rows(loaded, fitted_to(loaded, load_dataset("wav:" + folder.path(spec)))); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused("fast", "expected sounds at 8000 Hz");
  refused("t,features=raw", "expected features=log-mel");
  refused("t,bands=20", "expected bands=40");
  const Preprocess raw = fit_preprocess(load_dataset("wav:" + folder.path("s") + ",features=raw"));
  EXPECT_EQ(raw.output_image, (ImageShape{1, 900, 1}));
  EXPECT_NE(error_line([&] {
              fit_preprocess(load_dataset("wav:" + folder.path("s") + ",length=0.01"));
            }).find("give features=raw"),
            std::string::npos);
}

TEST(Wav, TestFolderAndFurtherRows) {
  const TestFolder folder;
  for (const char* name : {"s/a/1.wav", "s/b/1.wav", "t/a/1.wav", "t/b/1.wav", "more/1.wav"}) {
    write_tone(folder.path(name), name[0] == 'm' ? 800 : 600);
  }
  const std::string spec = "wav:" + folder.path("s");
  const Dataset data = load_dataset(spec + ",test=" + folder.path("t"));
  EXPECT_EQ(data.first_test_row, 2);
  EXPECT_EQ(data.num_rows(), 4);
  EXPECT_EQ(data.row_names[3], "test/b/1.wav");
  const Dataset joined = with_further_rows(data, load_dataset("wav:" + folder.path("more")));
  EXPECT_EQ(joined.num_rows(), 5);
  EXPECT_EQ(joined.first_test_row, 3);
  EXPECT_EQ(joined.image.width, 600);
  EXPECT_EQ(joined.labels[2], kNoLabel);
  EXPECT_EQ(fit_preprocess(joined).output_image.channels, 40);
  EXPECT_NE(error_line([&] {
              load_dataset(spec + ",test=" + folder.path("more"));
            }).find("a sub-folder per class in both"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
