#include "data/further_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "data/clip_rows.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Columns of another source in another order; -1: a category that it does not have, always 0.
class MappedRows : public RowSource {
 public:
  MappedRows(std::shared_ptr<const RowSource> source, std::vector<int> columns)
      : source_(std::move(source)), columns_(std::move(columns)) {}
  std::int64_t num_rows() const override { return source_->num_rows(); }
  int num_features() const override { return static_cast<int>(columns_.size()); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override {
    std::vector<float> raw(static_cast<std::size_t>(count * source_->num_features()));
    source_->read_rows(first, count, raw);
    map<float>(raw, out);
  }
  bool is_wide() const override { return source_->is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count,
                      std::span<double> out) const override {
    std::vector<double> raw(static_cast<std::size_t>(count * source_->num_features()));
    source_->read_wide_rows(first, count, raw);
    map<double>(raw, out);
  }

 private:
  template <class Value>
  void map(std::span<const Value> raw, std::span<Value> out) const {
    const auto num_raw = static_cast<std::size_t>(source_->num_features());
    for (std::size_t n = 0; n < out.size(); ++n) {
      const int column = columns_[n % columns_.size()];
      const std::size_t row = n / columns_.size();
      out[n] = column < 0 ? Value{0} : raw[row * num_raw + static_cast<std::size_t>(column)];
    }
  }

  std::shared_ptr<const RowSource> source_;
  std::vector<int> columns_;
};

// Of every column of `all` its place in `own`, -1 where there is none.
std::vector<int> places(const std::vector<std::string>& all, const std::vector<std::string>& own) {
  std::map<std::string_view, int> index;
  for (std::size_t n = 0; n < own.size(); ++n) index.emplace(own[n], static_cast<int>(n));
  std::vector<int> result;
  for (const std::string& name : all) {
    const auto found = index.find(name);
    result.push_back(found == index.end() ? -1 : found->second);
  }
  return result;
}

bool is_one_hot(const Dataset& data, std::size_t column) {
  return !data.one_hot.empty() && data.one_hot[column];
}

// Refuses a column of numbers that only one of the two has.
void check_numbers(const Dataset& data, const Dataset& other) {
  const std::set<std::string_view> names(other.column_names.begin(), other.column_names.end());
  for (std::size_t n = 0; n < data.column_names.size(); ++n) {
    if (is_one_hot(data, n) || names.contains(data.column_names[n])) continue;
    fail("{}: expected the columns of {}, found none named {}; use data of the same columns",
         printable(other.name, 200), printable(data.name, 200), quote_text(data.column_names[n]));
  }
}

std::shared_ptr<const RowSource> match_tables(Dataset& data, const Dataset& more) {
  check_numbers(data, more);
  check_numbers(more, data);
  if (data.missing != more.missing) {
    fail("{}: expected missing= as {} has it, found another; use the same",
         printable(more.name, 200), printable(data.name, 200));
  }
  std::vector<std::string> all = data.column_names;
  std::vector<bool> one_hot = data.one_hot;
  one_hot.resize(all.size());
  const std::set<std::string> known(all.begin(), all.end());
  for (std::size_t n = 0; n < more.column_names.size(); ++n) {
    if (known.contains(more.column_names[n])) continue;
    all.push_back(more.column_names[n]);
    one_hot.push_back(true);
  }
  if (all.size() > data.column_names.size()) {
    data.rows = std::make_shared<MappedRows>(data.rows, places(all, data.column_names));
  }
  data.column_names = all;
  data.one_hot = std::move(one_hot);
  if (all == more.column_names) return more.rows;
  return std::make_shared<MappedRows>(more.rows, places(all, more.column_names));
}

// Documents of `from` that are rows first .. first+count-1 of a slice, with other word numbers.
void append_documents(const Dataset& from, std::int64_t first, std::int64_t count,
                      const std::vector<int>& new_ids, Documents& to) {
  for (std::int64_t row = first; row < first + count; ++row) {
    const auto document = static_cast<std::size_t>(from.first_document + row);
    for (std::int64_t n = from.documents->starts[document];
         n < from.documents->starts[document + 1]; ++n) {
      const int id = from.documents->word_ids[static_cast<std::size_t>(n)];
      to.word_ids.push_back(new_ids[static_cast<std::size_t>(id)]);
    }
    to.starts.push_back(std::ssize(to.word_ids));
  }
}

void join_documents(Dataset& data, const Dataset& more, std::int64_t num_training) {
  std::set<std::string> words(data.documents->words.begin(), data.documents->words.end());
  words.insert(more.documents->words.begin(), more.documents->words.end());
  auto joined = std::make_shared<Documents>();
  joined->words.assign(words.begin(), words.end());
  joined->starts = {0};
  const std::vector<int> own = places(data.documents->words, joined->words);
  const std::vector<int> others = places(more.documents->words, joined->words);
  append_documents(data, 0, num_training, own, *joined);
  append_documents(more, 0, more.num_rows(), others, *joined);
  append_documents(data, num_training, data.num_rows() - num_training, own, *joined);
  data.num_documents = joined->size();
  data.first_document = 0;
  data.documents = std::move(joined);
}

int rate_of(const Dataset& data) { return data.sound ? data.sound->rate : 0; }

}  // namespace

Dataset with_further_rows(const Dataset& data, const Dataset& further) {
  // Sounds of another length are padded or cut to that of the data.
  const bool has_clips =
      data.sound && further.sound && data.image.channels == further.image.channels;
  const Dataset more = has_clips ? with_length(further, data.image.width) : further;
  if (more.kind != data.kind || !(more.image == data.image) ||
      (data.kind == DataKind::kImage && more.pixel_max != data.pixel_max) ||
      rate_of(more) != rate_of(data)) {
    fail("{}: expected {} data of the size and range of {}, found others; use data of one kind",
         printable(more.name, 200), kind_name(data.kind), printable(data.name, 200));
  }
  Dataset joined = data;
  const std::int64_t num_training = data.first_test_row, num_rows = data.num_rows();
  if (data.kind == DataKind::kText) {
    join_documents(joined, more, num_training);
  } else {
    const auto rows = data.kind == DataKind::kTable ? match_tables(joined, more) : more.rows;
    std::shared_ptr<const RowSource> training =
        std::make_shared<SliceRows>(joined.rows, 0, num_training);
    training = std::make_shared<ConcatRows>(training, rows);
    const auto test =
        std::make_shared<SliceRows>(joined.rows, num_training, num_rows - num_training);
    joined.rows = std::make_shared<ConcatRows>(training, test);
  }
  joined.first_test_row = num_training + more.num_rows();
  if (!joined.labels.empty()) {
    joined.labels.insert(joined.labels.begin() + num_training,
                         static_cast<std::size_t>(more.num_rows()), kNoLabel);
  }
  joined.notes.push_back(fmt::format("{} rows of {} are learned from without labels",
                                     more.num_rows(), printable(more.name, 200)));
  return joined;
}

}  // namespace metaplastic
