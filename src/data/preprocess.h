// Raw rows to network inputs: fitted once on training rows, saved with the encoder, and then the
// same for every later row. Images go to [0,1], tables are standardised, text becomes a bag of
// words; signals are standardised by channel, and sounds become log-mel frames before that.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/log_mel.h"

namespace metaplastic {

// How an image becomes smaller.
enum class ResizeMethod {
  kArea,       // the mean of the pixels under each new one
  kSubsample,  // every n-th pixel alone, as the released code does from 28 to 14
};
// Names that a user may write: area, subsample. The other way round: Error for an unknown name.
const std::vector<std::string>& resize_method_names();
ResizeMethod resize_method_from_name(std::string_view name);

struct PreprocessOptions {
  int resize = 0;  // images: side of the result; 0 keeps the size
  ResizeMethod resize_method = ResizeMethod::kArea;
  bool grey = false;      // images: colour becomes luma
  int vocabulary = 2000;  // text: the most frequent words that are counted
  bool tfidf = false;     // text: weigh words by log inverse document frequency
  std::optional<std::uint64_t> permutation_seed;  // shuffle the inputs by this seed
};

// The fitted transform. A value type: copy it, save it with to_saved.
struct Preprocess {
  DataKind kind = DataKind::kTable;
  // kImage: what comes in, and what goes out (after resizing and grey). kSignal: the same as
  // {1, time, channels}, before and after log_mel.
  ImageShape input_image, output_image;
  ResizeMethod resize_method = ResizeMethod::kArea;
  // kTable: per raw column; out = (float(x - offset) - mean) * scale, and 0 where scale is 0.
  std::vector<std::string> column_names;  // [num_columns]
  std::vector<double> offset;             // [num_columns], or empty: all 0. Subtracted in double
                                          // from columns whose digits a float would lose
  std::vector<bool> one_hot;              // [num_columns]
  std::vector<float> mean, scale;         // [num_columns]; kSignal: [output_image.channels]
  MissingPolicy missing = MissingPolicy::kError;
  // kText: words in the order of the inputs, and their weight before the row gets length 1.
  std::vector<std::string> words;   // [num_words]
  std::vector<float> word_weights;  // [num_words]
  bool tfidf = false;
  // kSignal of sounds: samples per second, and what becomes of them; nothing: they stay as they
  // are.
  int rate = 0;
  std::optional<LogMel> log_mel;
  std::optional<std::uint64_t> permutation_seed;

  int num_inputs() const;
  // Names of columns, or numbers of a signal's channels, that held one value in all training rows
  // and so became 0.
  std::vector<std::string> constant_columns() const;
};

// What is subtracted from the columns of a table before they become floats: 0 for most, their mean
// where a float would lose the digits that vary. Empty where no column needs one.
std::vector<double> column_offsets(const Dataset& raw);

// Fits on rows [0, raw.first_test_row), in one pass over the rows in blocks. Throws Error when an
// option or a value does not suit the data (a resize of a table), and when nothing can be learned.
Preprocess fit_preprocess(const Dataset& raw, const PreprocessOptions& options = {});

// The prepared matrix [num_rows, num_inputs], computed when read. Throws Error, one line, when
// `raw` is not of the fitted kind, image size, columns. Keeps what it needs of `raw` alive.
std::shared_ptr<const RowSource> prepare_rows(const Preprocess& preprocess, const Dataset& raw);
// The same at once: [num_rows, num_inputs].
std::vector<float> apply_preprocess(const Preprocess& preprocess, const Dataset& raw);
// What of this data the transform leaves out, one line each: categories that it was not fitted on.
std::vector<std::string> notes_on(const Preprocess& preprocess, const Dataset& raw);

// What an encoder file carries: strings for its metadata and 1-D float tensors, all names starting
// with "preprocess.". from_saved ignores other names; throws Error ("source: ...") for damage.
struct SavedPreprocess {
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::vector<float>> tensors;
};
SavedPreprocess to_saved(const Preprocess& preprocess);
Preprocess from_saved(const SavedPreprocess& saved, const std::string& source);

// One line for people: what is done to a row.
std::string describe(const Preprocess& preprocess);

}  // namespace metaplastic
