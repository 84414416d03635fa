// C++17 over metaplastic_encoder.h: owns an encoder, throws std::runtime_error with its one line.
#pragma once

#include <metaplastic_encoder.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace metaplastic_inference {

class Encoder {
 public:
  explicit Encoder(const std::string& path)
      : encoder_(metaplastic_load(path.c_str(), error_, sizeof error_), &metaplastic_free) {
    if (!encoder_) throw std::runtime_error(error_);
  }
  std::int64_t num_columns() const { return metaplastic_num_columns(encoder_.get()); }
  std::int64_t num_features() const { return metaplastic_num_features(encoder_.get()); }
  std::int64_t num_classes() const { return metaplastic_num_classes(encoder_.get()); }
  std::string column_name(std::int64_t n) const {
    return text(metaplastic_column_name(encoder_.get(), n));
  }
  std::string class_name(std::int64_t n) const {
    return text(metaplastic_class_name(encoder_.get(), n));
  }
  // rows [num_rows, num_columns] -> [num_rows, num_features].
  std::vector<float> embed(const std::vector<float>& rows, float pixel_max = 255,
                           int num_threads = 1) const {
    const auto num_rows = static_cast<std::int64_t>(rows.size()) / num_columns();
    if (num_rows * num_columns() != static_cast<std::int64_t>(rows.size()))
      throw std::runtime_error("rows: expected whole rows of " + std::to_string(num_columns()) +
                               " numbers, found " + std::to_string(rows.size()) + " numbers");
    std::vector<float> features(static_cast<std::size_t>(num_rows * num_features()));
    char error[kErrorSize];
    if (metaplastic_embed(encoder_.get(), rows.data(), num_rows, pixel_max, num_threads,
                          features.data(), error, sizeof error) != 0)
      throw std::runtime_error(error);
    return features;
  }
  // features [num_rows, num_features] -> [num_rows, num_classes].
  std::vector<float> classify(const std::vector<float>& features) const {
    const auto num_rows = static_cast<std::int64_t>(features.size()) / num_features();
    std::vector<float> result(static_cast<std::size_t>(num_rows * num_classes()));
    char error[kErrorSize];
    if (metaplastic_classify(encoder_.get(), features.data(), num_rows, result.data(), error,
                             sizeof error) != 0)
      throw std::runtime_error(error);
    return result;
  }

 private:
  static constexpr std::size_t kErrorSize = 1024;
  static std::string text(const char* found) { return found ? found : ""; }

  char error_[kErrorSize] = "";
  std::shared_ptr<metaplastic_encoder> encoder_;
};

}  // namespace metaplastic_inference
