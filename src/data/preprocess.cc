#include "data/preprocess.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "data/preprocess_rows.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

constexpr int kMaxResize = 1024;
// Log-mel frames are computed once and kept up to this size.
constexpr std::int64_t kMaxHeldBytes = 400'000'000;
// A spread below this share of the largest value is rounding, not information: of floats, and of
// doubles.
constexpr double kMinSpread = 1e-7, kMinWideSpread = 1e-13;
// A float has 24 bits. A column whose largest value exceeds its deviation by this factor keeps only
// 12 of them for what varies; such a column gets an offset.
constexpr double kMaxLargest = 4096;

void fit_image(const Dataset& raw, const PreprocessOptions& options, Preprocess& result) {
  result.input_image = result.output_image = raw.image;
  if (options.grey) result.output_image.channels = 1;
  if (options.resize != 0) {
    if (options.resize < 1 || options.resize > kMaxResize) {
      fail("{}: expected a resize from 1 to {}, found {}", printable(raw.name, 400), kMaxResize,
           options.resize);
    }
    result.output_image.height = result.output_image.width = options.resize;
    result.resize_method = options.resize_method;
  }
}

// Mean and spread of every column, one pass (Welford), missing values left out.
class ColumnMoments {
 public:
  explicit ColumnMoments(std::size_t num_columns)
      : mean_(num_columns), squares_(num_columns), largest_(num_columns), count_(num_columns) {}

  template <class Value>
  void add(const Value* row) {
    for (std::size_t n = 0; n < mean_.size(); ++n) {
      if (std::isnan(row[n])) continue;
      const double value = row[n], difference = value - mean_[n];
      mean_[n] += difference / ++count_[n];
      squares_[n] += difference * (value - mean_[n]);
      largest_[n] = std::max(largest_[n], std::abs(value));
    }
  }
  bool is_empty(std::size_t n) const { return count_[n] == 0; }
  float mean(std::size_t n) const { return static_cast<float>(mean_[n]); }
  // What to subtract in double before values are rounded to floats; 0 for most columns.
  double offset(std::size_t n) const {
    const double spread = deviation(n);
    const bool tells = spread > kMinWideSpread * largest_[n];
    return tells && largest_[n] > kMaxLargest * spread ? mean_[n] : 0;
  }
  // 1 / standard deviation (of the population), 0 for a constant column.
  float scale(std::size_t n) const {
    const double deviation = this->deviation(n);
    const double scale = deviation > kMinSpread * largest_[n] ? 1 / deviation : 0;
    return std::isfinite(static_cast<float>(scale)) ? static_cast<float>(scale) : 0.0f;
  }

 private:
  double deviation(std::size_t n) const {
    return std::sqrt(squares_[n] / std::max(1.0, count_[n]));
  }

  std::vector<double> mean_, squares_, largest_, count_;
};

// Calls use(row) for each training row of a table, read by read(first, count, values) in blocks.
template <class Value, class Read, class Use>
void visit_training_rows(const Dataset& raw, const Read& read, const Use& use) {
  const auto num_columns = static_cast<std::size_t>(raw.num_features());
  const std::int64_t block = std::min(raw.first_test_row, rows_per_block(raw));
  std::vector<Value> buffer(static_cast<std::size_t>(block) * num_columns);
  for (std::int64_t first = 0; first < raw.first_test_row; first += block) {
    const std::int64_t count = std::min(block, raw.first_test_row - first);
    const auto values = std::span(buffer).first(static_cast<std::size_t>(count) * num_columns);
    read(first, count, values);
    for (std::size_t n = 0; n < values.size(); n += num_columns) use(&values[n]);
  }
}

void fit_table(const Dataset& raw, Preprocess& result) {
  const auto num_columns = static_cast<std::size_t>(raw.num_features());
  result.column_names = raw.column_names;
  METAPLASTIC_CHECK(result.column_names.size() == num_columns);
  result.one_hot = raw.one_hot.empty() ? std::vector<bool>(num_columns) : raw.one_hot;
  result.missing = raw.missing;
  result.offset = column_offsets(raw);
  ColumnMoments moments(num_columns);
  visit_training_rows<float>(
      raw,
      [&](std::int64_t first, std::int64_t count, std::span<float> values) {
        read_offset_rows(raw, result.offset, first, count, values);
      },
      [&](const float* row) { moments.add(row); });
  for (std::size_t n = 0; n < num_columns; ++n) {
    if (moments.is_empty(n)) {
      fail("{}: expected a value in column {}, found none in all rows; drop the column",
           printable(raw.name, 400), quote_text(raw.column_names[n]));
    }
    result.mean.push_back(moments.mean(n));
    result.scale.push_back(moments.scale(n));
  }
}

// By channel, over all rows and times.
void fit_signal(const Dataset& raw, Preprocess& result) {
  result.input_image = result.output_image = raw.image;
  if (raw.sound) {
    result.rate = raw.sound->rate;
    if (raw.sound->is_log_mel.value_or(true)) {
      result.log_mel = log_mel_of(result.rate, raw.sound->bands.value_or(kDefaultBands));
      result.output_image = log_mel_shape(*result.log_mel, raw.image, printable(raw.name, 400));
    }
  }
  const auto C = static_cast<std::size_t>(result.output_image.channels);
  std::optional<LogMelFrames> frames;
  std::vector<float> row(static_cast<std::size_t>(result.output_image.size()));
  if (result.log_mel) frames.emplace(*result.log_mel);
  ColumnMoments moments(C);
  visit_training_rows<float>(
      raw,
      [&](std::int64_t first, std::int64_t count, std::span<float> values) {
        raw.read_rows(first, count, values);
      },
      [&](const float* samples) {
        const float* values = samples;
        if (frames) {
          frames->run({samples, static_cast<std::size_t>(raw.image.size())}, raw.image.channels,
                      row);
          values = row.data();
        }
        for (std::size_t n = 0; n < row.size(); n += C) moments.add(values + n);
      });
  for (std::size_t c = 0; c < C; ++c) {
    result.mean.push_back(moments.mean(c));
    result.scale.push_back(moments.scale(c));
  }
}

// The most frequent words of the training documents, ties by name; inverse document frequency as
// scikit-learn has it: ln((1 + documents) / (1 + documents with the word)) + 1.
void fit_text(const Dataset& raw, const PreprocessOptions& options, Preprocess& result) {
  const Documents& documents = *raw.documents;
  std::vector<std::int64_t> total(documents.words.size()), in_documents(documents.words.size());
  std::vector<std::int64_t> last_document(documents.words.size(), -1);
  for (std::int64_t row = 0; row < raw.first_test_row; ++row) {
    const auto document = static_cast<std::size_t>(raw.first_document + row);
    for (std::int64_t n = documents.starts[document]; n < documents.starts[document + 1]; ++n) {
      const auto word = static_cast<std::size_t>(documents.word_ids[static_cast<std::size_t>(n)]);
      ++total[word];
      if (last_document[word] != row) ++in_documents[word];
      last_document[word] = row;
    }
  }
  std::vector<std::size_t> order;
  for (std::size_t word = 0; word < total.size(); ++word) {
    if (total[word] > 0) order.push_back(word);
  }
  if (order.empty()) {
    fail("{}: expected words in the documents, found none; is it the right file?",
         printable(raw.name, 400));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return total[a] > total[b]; });
  const int limit = raw.vocabulary.value_or(options.vocabulary);
  METAPLASTIC_CHECK(limit > 0);
  if (order.size() > static_cast<std::size_t>(limit)) order.resize(static_cast<std::size_t>(limit));
  result.tfidf = raw.tfidf.value_or(options.tfidf);
  for (const std::size_t word : order) {
    const double idf = std::log((1.0 + static_cast<double>(raw.first_test_row)) /
                                (1.0 + static_cast<double>(in_documents[word]))) +
                       1;
    result.words.push_back(documents.words[word]);
    result.word_weights.push_back(result.tfidf ? static_cast<float>(idf) : 1.0f);
  }
}

}  // namespace

const std::vector<std::string>& resize_method_names() {
  static const std::vector<std::string> kNames = {"area", "subsample"};
  return kNames;
}

ResizeMethod resize_method_from_name(std::string_view name) {
  const auto& names = resize_method_names();
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    fail("expected a resize method ({}), found {}", fmt::join(names, ", "), quote_text(name));
  return static_cast<ResizeMethod>(found - names.begin());
}

int Preprocess::num_inputs() const {
  switch (kind) {
    case DataKind::kImage:
    case DataKind::kSignal:
      return static_cast<int>(output_image.size());
    case DataKind::kTable:
      return static_cast<int>(mean.size());
    case DataKind::kText:
      break;
  }
  return static_cast<int>(words.size());
}

std::vector<std::string> Preprocess::constant_columns() const {
  std::vector<std::string> names;
  for (std::size_t n = 0; n < scale.size(); ++n) {
    if (scale[n] != 0) continue;
    names.push_back(kind == DataKind::kSignal ? std::to_string(n) : column_names[n]);
  }
  return names;
}

std::vector<double> column_offsets(const Dataset& raw) {
  if (!raw.is_wide()) return {};
  const auto num_columns = static_cast<std::size_t>(raw.num_features());
  ColumnMoments moments(num_columns);
  visit_training_rows<double>(
      raw,
      [&](std::int64_t first, std::int64_t count, std::span<double> values) {
        raw.read_wide_rows(first, count, values);
        zero_missing(raw, values);
      },
      [&](const double* row) { moments.add(row); });
  std::vector<double> offset;
  for (std::size_t n = 0; n < num_columns; ++n) offset.push_back(moments.offset(n));
  if (std::ranges::all_of(offset, [](double value) { return value == 0; })) offset.clear();
  return offset;
}

Preprocess fit_preprocess(const Dataset& raw, const PreprocessOptions& options) {
  const std::string name = printable(raw.name, 400);
  if (raw.kind != DataKind::kImage && (options.resize != 0 || options.grey)) {
    fail("{}: expected images for {}, found {} data; leave it out", name,
         options.resize != 0 ? "a resize" : "grey", kind_name(raw.kind));
  }
  METAPLASTIC_CHECK(raw.first_test_row > 0);
  Preprocess result;
  result.kind = raw.kind;
  result.permutation_seed = options.permutation_seed;
  if (raw.kind == DataKind::kImage) {
    fit_image(raw, options, result);
    check_all_pixels(raw);
  }
  if (raw.kind == DataKind::kTable) fit_table(raw, result);
  if (raw.kind == DataKind::kText) fit_text(raw, options, result);
  if (raw.kind == DataKind::kSignal) fit_signal(raw, result);
  return result;
}

std::shared_ptr<const RowSource> prepare_rows(const Preprocess& preprocess, const Dataset& raw) {
  check_suits(preprocess, raw);
  auto rows = std::make_shared<PreparedRows>(preprocess, raw);
  // Frames cost more than they weigh, and a layer that learns from windows reads a row many times.
  const std::int64_t bytes = rows->num_rows() * rows->num_features() * std::int64_t{sizeof(float)};
  if (!preprocess.log_mel || bytes > kMaxHeldBytes) return rows;
  return rows_of(read_all_rows(*rows), rows->num_features());
}

std::vector<float> apply_preprocess(const Preprocess& preprocess, const Dataset& raw) {
  return read_all_rows(*prepare_rows(preprocess, raw));
}

std::string describe(const Preprocess& preprocess) {
  std::string line;
  const ImageShape &from = preprocess.input_image, &to = preprocess.output_image;
  if (preprocess.kind == DataKind::kImage) {
    line = "pixels scaled to [0,1]";
    if (to.channels < from.channels) line += ", colour to grey";
    if (to.height != from.height || to.width != from.width) {
      const bool averaged = preprocess.resize_method == ResizeMethod::kArea;
      line += fmt::format(", {} x {} {} to {} x {}", from.height, from.width,
                          averaged ? "averaged" : "subsampled", to.height, to.width);
    }
  } else if (preprocess.kind == DataKind::kTable) {
    line = "columns standardised";
    const std::size_t num_constant = preprocess.constant_columns().size();
    if (num_constant > 0) line += fmt::format(", {} constant ones set to 0", num_constant);
    const std::size_t num_offsets =
        preprocess.offset.size() -
        static_cast<std::size_t>(std::ranges::count(preprocess.offset, 0));
    if (num_offsets > 0) line += fmt::format(", {} centred in 64 bits first", num_offsets);
    if (preprocess.missing == MissingPolicy::kMean) line += ", missing values become the mean";
    if (preprocess.missing == MissingPolicy::kZero) line += ", missing values become 0";
  } else if (preprocess.kind == DataKind::kSignal) {
    if (preprocess.log_mel) line = describe(*preprocess.log_mel) + ", ";
    line += "channels standardised";
    const std::size_t num_constant = preprocess.constant_columns().size();
    if (num_constant > 0) line += fmt::format(", {} constant ones set to 0", num_constant);
    line += fmt::format(", {} steps of {}", to.width, to.channels);
  } else {
    line = fmt::format("counts of {} words{}, scaled to length 1", preprocess.words.size(),
                       preprocess.tfidf ? " times inverse document frequency" : "");
  }
  if (preprocess.permutation_seed) {
    line += fmt::format(", inputs permuted by seed {}", *preprocess.permutation_seed);
  }
  return fmt::format("{}; {} inputs", line, preprocess.num_inputs());
}

}  // namespace metaplastic
