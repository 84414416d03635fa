// The C interface over encoders in memory: errors become lines, spans become pointers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <memory>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "inference/metaplastic_encoder.h"

struct metaplastic_encoder {
  metaplastic::Encoder encoder;
};

namespace metaplastic {
namespace {

// Rows [num_rows,num_features] that belong to the caller.
template <class Value>
class CallersRows : public RowSource {
 public:
  CallersRows(const Value* values, std::int64_t num_rows, int num_features)
      : values_(values), num_rows_(num_rows), num_features_(num_features) {}
  std::int64_t num_rows() const override { return num_rows_; }
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override {
    std::transform(values_ + first * num_features_, values_ + (first + count) * num_features_,
                   out.begin(), [](Value value) { return static_cast<float>(value); });
  }
  bool is_wide() const override { return sizeof(Value) > sizeof(float); }
  void read_wide_rows(std::int64_t first, std::int64_t count,
                      std::span<double> out) const override {
    std::copy(values_ + first * num_features_, values_ + (first + count) * num_features_,
              out.begin());
  }

 private:
  const Value* values_;
  std::int64_t num_rows_;
  int num_features_;
};

std::int64_t num_columns(const Encoder& encoder) {
  const Preprocess& preprocess = encoder.preprocess;
  const bool is_table = preprocess.kind == DataKind::kTable;
  return is_table ? std::ssize(preprocess.column_names) : preprocess.input_image.size();
}

void write_line(const std::string& line, char* error, std::size_t size) {
  if (error == nullptr || size == 0) return;
  const std::size_t length = std::min(line.size(), size - 1);
  std::memcpy(error, line.data(), length);
  error[length] = '\0';
}

// 0, or -1 with the line of what was thrown.
template <class Body>
int run_body(char* error, std::size_t size, const Body& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& thrown) {
    write_line(thrown.what(), error, size);
  }
  return -1;
}

template <class Value>
void embed_rows(const Encoder& encoder, const Value* rows, std::int64_t num_rows, float pixel_max,
                int num_threads, float* features) {
  if (num_rows < 0 || num_threads < 1)
    fail("embed: expected 0 rows or more and 1 thread or more, found {} and {}", num_rows,
         num_threads);
  if (num_rows == 0) return;
  if (rows == nullptr || features == nullptr)
    fail("embed: expected rows and room for features, found a null pointer");
  const Preprocess& preprocess = encoder.preprocess;
  Dataset data;
  data.name = "rows";
  data.kind = preprocess.kind;
  data.first_test_row = num_rows;
  if (data.kind == DataKind::kImage) {
    if (!(pixel_max > 0) || !std::isfinite(pixel_max))
      fail("pixel_max: expected a number above 0, found {}", pixel_max);
    data.image = preprocess.input_image;
    data.pixel_max = pixel_max;
  } else if (data.kind == DataKind::kSignal) {
    data.image = preprocess.input_image;
    if (preprocess.rate > 0) data.sound.emplace().rate = preprocess.rate;
  } else {
    data.column_names = preprocess.column_names;
  }
  data.rows =
      std::make_shared<CallersRows<Value>>(rows, num_rows, static_cast<int>(num_columns(encoder)));
  encode_rows(
      encoder, *prepare_rows(preprocess, data), encoder.readout,
      [&](std::span<const float> block, std::int64_t) {
        features = std::copy(block.begin(), block.end(), features);
      },
      num_threads);
}

}  // namespace
}  // namespace metaplastic

extern "C" {

metaplastic_encoder* metaplastic_load(const char* path, char* error, size_t error_size) {
  std::unique_ptr<metaplastic_encoder> result;
  metaplastic::run_body(error, error_size, [&] {
    if (path == nullptr) metaplastic::fail("load: expected a path, found a null pointer");
    result = std::make_unique<metaplastic_encoder>(
        metaplastic_encoder{metaplastic::load_encoder(path, nullptr)});
  });
  return result.release();
}

void metaplastic_free(metaplastic_encoder* encoder) { delete encoder; }

int64_t metaplastic_num_columns(const metaplastic_encoder* encoder) {
  return metaplastic::num_columns(encoder->encoder);
}

const char* metaplastic_column_name(const metaplastic_encoder* encoder, int64_t column) {
  const auto& names = encoder->encoder.preprocess.column_names;
  if (column < 0 || column >= std::ssize(names)) return nullptr;
  return names[static_cast<std::size_t>(column)].c_str();
}

void metaplastic_image_shape(const metaplastic_encoder* encoder, int64_t shape[3]) {
  const metaplastic::Preprocess& preprocess = encoder->encoder.preprocess;
  const auto& image = preprocess.input_image;  // zeros of a table
  shape[0] = image.height, shape[1] = image.width, shape[2] = image.channels;
}

int64_t metaplastic_num_features(const metaplastic_encoder* encoder) {
  return metaplastic::num_features(encoder->encoder, encoder->encoder.readout);
}

int64_t metaplastic_num_classes(const metaplastic_encoder* encoder) {
  const auto& classifier = encoder->encoder.classifier;
  return classifier ? classifier->num_classes() : 0;
}

const char* metaplastic_class_name(const metaplastic_encoder* encoder, int64_t index) {
  if (index < 0 || index >= metaplastic_num_classes(encoder)) return nullptr;
  return encoder->encoder.classifier->class_names[static_cast<std::size_t>(index)].c_str();
}

int metaplastic_embed(const metaplastic_encoder* encoder, const float* rows, int64_t num_rows,
                      float pixel_max, int num_threads, float* features, char* error,
                      size_t error_size) {
  return metaplastic::run_body(error, error_size, [&] {
    metaplastic::embed_rows(encoder->encoder, rows, num_rows, pixel_max, num_threads, features);
  });
}

int metaplastic_embed_double(const metaplastic_encoder* encoder, const double* rows,
                             int64_t num_rows, float pixel_max, int num_threads, float* features,
                             char* error, size_t error_size) {
  return metaplastic::run_body(error, error_size, [&] {
    metaplastic::embed_rows(encoder->encoder, rows, num_rows, pixel_max, num_threads, features);
  });
}

int metaplastic_classify(const metaplastic_encoder* encoder, const float* features,
                         int64_t num_rows, float* probabilities, char* error, size_t error_size) {
  return metaplastic::run_body(error, error_size, [&] {
    const auto& classifier = encoder->encoder.classifier;
    if (!classifier)
      metaplastic::fail(
          "classify: expected an encoder with a classifier, found one without; make it with "
          "metaplastic classify or FewLabelClassifier");
    const auto N = static_cast<std::size_t>(num_rows);
    metaplastic::class_probabilities(
        *classifier, {features, N * static_cast<std::size_t>(classifier->num_features())}, num_rows,
        {probabilities, N * static_cast<std::size_t>(classifier->num_classes())});
  });
}

const char* metaplastic_version(void) { return METAPLASTIC_VERSION; }

}  // extern "C"
