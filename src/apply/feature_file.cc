#include "apply/feature_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/atomic_file.h"
#include "io/npy.h"

namespace metaplastic {

class FeatureTable {
 public:
  virtual ~FeatureTable() = default;
  virtual void begin(std::int64_t num_rows, int num_features) = 0;
  virtual void write(std::span<const float> rows) = 0;
  virtual void commit() = 0;
};

namespace {

class NpyTable : public FeatureTable {
 public:
  explicit NpyTable(const std::string& path) : writer_(path) {}
  void begin(std::int64_t num_rows, int num_features) override {
    const std::int64_t shape[] = {num_rows, num_features};
    writer_.begin(shape);
  }
  void write(std::span<const float> rows) override { writer_.write(rows); }
  void commit() override { writer_.commit(); }

 private:
  NpyWriter writer_;
};

class TextTable : public FeatureTable {
 public:
  TextTable(const std::string& path, char delimiter) : writer_(path), delimiter_(delimiter) {}
  void begin(std::int64_t, int num_features) override {
    num_features_ = static_cast<std::size_t>(num_features);
    std::string line;
    for (int u = 0; u < num_features; ++u) {
      line += fmt::format("feature{}{}", u, u + 1 == num_features ? '\n' : delimiter_);
    }
    writer_.write(line);
  }
  void write(std::span<const float> rows) override {
    std::string lines;  // format_to would compile the whole library's formatting here
    for (std::size_t n = 0; n < rows.size(); ++n) {
      lines += fmt::format("{}{}", rows[n], (n + 1) % num_features_ == 0 ? '\n' : delimiter_);
    }
    writer_.write(lines);
  }
  void commit() override { writer_.commit(); }

 private:
  AtomicFileWriter writer_;
  char delimiter_;
  std::size_t num_features_ = 1;
};

bool has_ending(const std::string& path, std::string_view ending) {
  return path.size() >= ending.size() &&
         std::equal(ending.rbegin(), ending.rend(), path.rbegin(), [](char lower, char c) {
           return lower == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
         });
}

std::unique_ptr<FeatureTable> open_table(const std::string& path) {
  if (has_ending(path, ".csv")) return std::make_unique<TextTable>(path, ',');
  if (has_ending(path, ".tsv")) return std::make_unique<TextTable>(path, '\t');
  return std::make_unique<NpyTable>(path);
}

}  // namespace

const std::vector<std::string>& feature_endings() {
  static const std::vector<std::string> kEndings = {".npy", ".csv", ".tsv"};
  return kEndings;
}

FeatureFile::FeatureFile(const std::string& path) : table_(open_table(path)) {}
FeatureFile::~FeatureFile() = default;

int FeatureFile::write(const Encoder& encoder, const RowSource& prepared, const Readout& readout,
                       const std::function<bool()>& should_stop, int num_threads,
                       const RowSource* places_of_first) {
  check_readout(encoder, readout);
  const int width = num_features(encoder, readout);
  table_->begin(prepared.num_rows(), width);
  encode_rows(
      encoder, prepared, readout,
      [&](std::span<const float> features, std::int64_t) {
        if (should_stop && should_stop()) throw Stopped{};
        table_->write(features);
      },
      num_threads, places_of_first);
  table_->commit();
  return width;
}

}  // namespace metaplastic
