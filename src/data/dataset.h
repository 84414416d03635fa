// Real data as rows of raw numbers (or of words), with optional labels: what `--data SPEC` names.
// Rows are read in blocks through RowSource, so that a file need not fit into memory.
// The notation of SPEC: data_spec.h. Scaling, resizing and vocabularies: preprocess.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

// A matrix [num_rows, num_features] of finite floats that is read block by block.
// Implementations are immutable; any number of threads may read.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual std::int64_t num_rows() const = 0;
  virtual int num_features() const = 0;
  // Writes rows first .. first+count-1 to out [count, num_features]; the range must lie inside.
  // Throws Error for numbers that are not finite, naming row and column.
  virtual void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const = 0;
  // Whether every row is kept as bytes, and such a row; its numbers are those of read_rows.
  virtual bool has_bytes() const { return false; }
  virtual std::span<const std::uint8_t> byte_row(std::int64_t) const { return {}; }
  // True where the source holds digits that a float has no room for: 64-bit numbers, say.
  virtual bool is_wide() const { return false; }
  // The same rows with all their digits; read_rows gives these rounded.
  virtual void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const;
};

// Reads every row: [num_rows, num_features]. Throws Error above kMaxMatrixBytes.
inline constexpr std::int64_t kMaxMatrixBytes = std::int64_t{1} << 36;
std::vector<float> read_all_rows(const RowSource& rows);
// Reads the given rows, in their order: out [rows.size(), num_features].
void gather_rows(const RowSource& source, std::span<const std::int64_t> rows, std::span<float> out);
void gather_wide_rows(const RowSource& source, std::span<const std::int64_t> rows,
                      std::span<double> out);
// A matrix held in memory; values.size() is a multiple of num_features.
std::shared_ptr<const RowSource> rows_of(std::vector<float> values, int num_features);

enum class DataKind { kImage, kTable, kText, kSignal };
std::string_view kind_name(DataKind kind);  // "image", "table", "text", "signal"

// Pixels lie row by row from the top, the channels of a pixel together: [height, width, channels].
struct ImageShape {
  int height = 0, width = 0, channels = 0;
  std::int64_t size() const { return std::int64_t{height} * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

// Numbers of one signal, all times and channels, at most.
inline constexpr int kMaxSignalNumbers = 1 << 26;

// Documents as word numbers: document n is word_ids[starts[n] .. starts[n+1]), in reading order.
struct Documents {
  std::vector<std::string> words;    // distinct, sorted by bytes, lower case, UTF-8
  std::vector<std::int64_t> starts;  // [num_documents + 1]
  std::vector<int> word_ids;         // indices into words
  std::int64_t size() const { return starts.empty() ? 0 : std::int64_t(starts.size()) - 1; }
};

// What a SPEC of sounds says, and the clips; samples are in [-1,1].
struct Clips;  // clip_rows.h
struct SoundData {
  int rate = 0;  // samples per second
  std::shared_ptr<const Clips> clips;
  std::optional<bool> is_log_mel;  // as the SPEC says, for the fit
  std::optional<int> bands;        // as the SPEC says, for the fit
};

enum class MissingPolicy { kError, kMean, kZero };

// The label of a row that has none: it is learned from, but never drawn, and it is no class.
inline constexpr int kNoLabel = -1;

// A data set is itself a RowSource of its raw values; text has 0 features until it is prepared.
class Dataset : public RowSource {
 public:
  std::string name;  // the SPEC it was loaded from
  DataKind kind = DataKind::kTable;
  std::shared_ptr<const RowSource> rows;          // null for text; shared by copies and slices
  std::vector<int> labels;                        // [num_rows], some kNoLabel; empty: no labels
  std::vector<std::string> class_names;           // label -> name; empty without labels
  std::string unusable_labels;                    // why labels that the SPEC names were left out:
                                                  // an error line for those who need them, else ""
  std::int64_t first_test_row = 0;                // rows from here on are the official test set;
                                                  // num_rows() where there is none
  std::vector<std::string> row_names;             // [num_rows], e.g. files below the folder of a
                                                  // SPEC; or empty: rows are known by number
  ImageShape image;                               // kImage; kSignal: {1, time, channels}
  std::optional<SoundData> sound;                 // kSignal of a folder of wav files
  float pixel_max = 255;                          // kImage: the raw value of white; black is 0
  std::vector<std::string> column_names;          // kTable: [num_features]; "c=v" one-hot
  std::vector<bool> one_hot;                      // kTable: [num_features], or empty: none
  MissingPolicy missing = MissingPolicy::kError;  // kTable: otherwise NaN marks a missing value
  bool ignore_unknown = false;                    // kTable: categories that an encoder has not seen
                                                  // are none of its categories, else an Error
  std::shared_ptr<const Documents> documents;     // kText only
  std::int64_t first_document = 0;                // kText: row 0 of this slice
  std::int64_t num_documents = 0;                 // kText
  std::optional<int> vocabulary;                  // kText: as the SPEC says, for the fit
  std::optional<bool> tfidf;                      // kText: as the SPEC says, for the fit
  std::vector<std::string> notes;                 // one line each, e.g. files that were skipped

  std::int64_t num_rows() const override;
  int num_features() const override;
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool is_wide() const override { return rows && rows->is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;
  int num_classes() const { return static_cast<int>(class_names.size()); }
  std::int64_t num_labelled() const;  // rows with a label
  bool has_test_rows() const { return first_test_row < num_rows(); }
};

// Loads what a SPEC names (data_spec.h). Throws Error, one line: which file, what was expected,
// what was found, what to do. Without forms: those of files (data_form.h);
// tasks/task_forms.h:load_data knows all that users may name.
struct DataForm;
Dataset load_dataset(std::string_view spec, std::span<const DataForm> forms);
Dataset load_dataset(std::string_view spec);

// Image rows with the other number of channels: grey becomes three equal channels, colour its luma.
// The data gets a note that says so.
Dataset with_channels(const Dataset& images, int channels);

// Of image and sound rows what an encoder of this preprocessing can take: images in its colour or
// grey, clips of its length. Other data as they are. The data get a note that says so.
struct Preprocess;
Dataset fitted_to(const Preprocess& preprocess, const Dataset& data);

// One line for people: "fashion-mnist: 70000 rows (60000 training, 10000 test), images of 28 x 28
// pixels, grey, 10 classes".
std::string describe(const Dataset& dataset);

}  // namespace metaplastic
