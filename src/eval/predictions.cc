#include "eval/predictions.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/stopped.h"

namespace metaplastic {
namespace {

constexpr std::size_t kPredictedRows = 512;

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

RowPredictions predict_rows(const Encoder& encoder, const RowSource& prepared,
                            std::vector<std::int64_t> rows,
                            const std::function<bool()>& should_stop) {
  METAPLASTIC_CHECK(encoder.classifier.has_value());
  const LinearClassifier& classifier = *encoder.classifier;
  const auto U_0 = static_cast<std::size_t>(prepared.num_features());
  const auto F = static_cast<std::size_t>(classifier.num_features());
  const auto Y = static_cast<std::size_t>(classifier.num_classes());
  RowPredictions predictions;
  predictions.probabilities.resize(rows.size() * Y);
  std::vector<float> inputs, features;
  for (std::size_t first = 0; first < rows.size(); first += kPredictedRows) {
    if (should_stop && should_stop()) throw Stopped{};
    const std::size_t count = std::min(kPredictedRows, rows.size() - first);
    inputs.resize(count * U_0);
    features.resize(count * F);
    gather_rows(prepared, std::span(rows).subspan(first, count), inputs);
    encode(encoder, inputs, static_cast<std::int64_t>(count), encoder.readout, features);
    class_probabilities(classifier, features, static_cast<std::int64_t>(count),
                        std::span(predictions.probabilities).subspan(first * Y, count * Y));
  }
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const float* row = predictions.probabilities.data() + n * Y;
    if (!std::all_of(row, row + Y, [](float p) { return std::isfinite(p); })) {
      fail("predict: expected finite features, found others for row {}; look at that row's values",
           rows[n]);
    }
    predictions.classes.push_back(static_cast<int>(std::max_element(row, row + Y) - row));
  }
  predictions.rows = std::move(rows);
  return predictions;
}

std::string predictions_csv(const RowPredictions& predictions,
                            const std::vector<std::string>& class_names) {
  const std::size_t Y = class_names.size();
  std::string text = "row,class";
  for (const std::string& name : class_names) text += "," + csv_cell("p(" + name + ")");
  text += "\n";
  for (std::size_t n = 0; n < predictions.rows.size(); ++n) {
    const auto c = static_cast<std::size_t>(predictions.classes[n]);
    text += fmt::format("{},{}", predictions.rows[n], csv_cell(class_names[c]));
    for (std::size_t y = 0; y < Y; ++y) {
      text += fmt::format(",{:.4f}", predictions.probabilities[n * Y + y]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace metaplastic
