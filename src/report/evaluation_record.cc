#include "report/evaluation_record.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "eval/verdict.h"
#include "io/atomic_file.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 26;
constexpr std::size_t kMaxMethods = 200;
// Above this many classes a table of them is no longer looked at.
constexpr std::size_t kMaxShownClasses = 20;
// Of settings: how the search went, not what was chosen.
constexpr std::array<std::string_view, 4> kInternalKeys = {"validation_accuracy", "chosen_from",
                                                           "tunings", "readout"};

json parse(const std::string& path) {
  const std::string text = read_text_file(path, kMaxBytes);
  json value = parse_json(text);
  if (!value.is_object()) {
    fail("{}: expected the JSON object that evaluate --json writes, found other text", path);
  }
  return value;
}

std::string chosen_value_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// One setting in words; "" where it says nothing. Flags are named where they are on.
std::string setting_text(const std::string& key, const json& value) {
  if (key == "variant" && value == "usual") return "";
  const bool is_on = value.is_boolean() ? value.get<bool>() : value == 1;
  if (key == "with_input") return is_on ? "with the inputs" : "";
  if (key == "whitened") return is_on ? "whitened" : "";
  std::string name = key == "lambda" ? "penalty" : key == "lr" ? "step size" : key;
  std::ranges::replace(name, '_', ' ');
  return name + "\u00A0" + chosen_value_text(value);
}

std::string settings_text(const json& settings) {
  if (!settings.is_object()) return "";
  std::string text;
  for (const auto& [key, value] : settings.items()) {
    if (std::ranges::find(kInternalKeys, key) != kInternalKeys.end()) continue;
    const std::string one = setting_text(key, value);
    if (!one.empty()) text += (text.empty() ? "" : ", ") + one;
  }
  return text;
}

EvaluatedMethod take_method(const json& object, const std::string& path) {
  EvaluatedMethod method;
  object.at("name").get_to(method.name);
  object.at("accuracy").get_to(method.accuracy);
  object.at("stderr").get_to(method.standard_error);
  if (!(method.accuracy >= 0 && method.accuracy <= 1) || !(method.standard_error >= 0)) {
    fail("{}: expected an accuracy from 0 to 1 with a standard error, found {} and {} for {}", path,
         method.accuracy, method.standard_error, quote_text(method.name));
  }
  const json seconds = object.value("seconds", json());
  method.seconds = seconds.is_number() ? seconds.get<double>() : std::nan("");
  const json steps = object.value("steps", json());
  method.steps = steps.is_number_integer() ? steps.dump() : "none";
  method.settings = settings_text(object.value("settings", json()));
  return method;
}

std::string verdict_of(const json& value) {
  std::vector<Comparison> comparisons;
  for (const json& object : value.value("comparisons", json::array())) {
    comparisons.push_back({object.at("method").get<std::string>(),
                           object.at("difference").get<double>(),
                           object.at("stderr").get<double>()});
  }
  return verdict_line(comparisons);
}

// Files from before have no classes.
void take_confusion(const json& methods, const json& classes, EvaluationRecord& record) {
  if (!classes.is_array() || classes.size() > kMaxShownClasses) return;
  const auto names = classes.get<std::vector<std::string>>();
  const std::string wanted =
      record.find("learned") != nullptr ? "learned" : record.methods.front().name;
  for (const json& method : methods) {
    if (method.at("name") != wanted || !method.contains("confusion")) continue;
    const auto rows = method.at("confusion").get<std::vector<std::vector<std::int64_t>>>();
    if (rows.size() != names.size()) return;
    for (const auto& row : rows) {
      if (row.size() != names.size()) return;
    }
    for (const auto& row : rows)
      record.confusion.insert(record.confusion.end(), row.begin(), row.end());
    record.class_names = names;
    record.confused_method = wanted;
  }
}

}  // namespace

const EvaluatedMethod* EvaluationRecord::find(const std::string& name) const {
  for (const EvaluatedMethod& method : methods) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

EvaluationRecord read_evaluation(const std::string& path) {
  const json value = parse(path);
  EvaluationRecord record;
  try {
    value.at("dataset").get_to(record.dataset);
    value.at("shots").get_to(record.shots);
    value.at("trials").get_to(record.trials);
    value.at("seed").get_to(record.seed);
    const json& methods = value.at("methods");
    if (!methods.is_array() || methods.size() > kMaxMethods) {
      fail("{}: expected at most {} methods, found another thing or more", path, kMaxMethods);
    }
    for (const json& method : methods) record.methods.push_back(take_method(method, path));
    std::ranges::stable_sort(record.methods, std::greater(), &EvaluatedMethod::accuracy);
    record.verdict = verdict_of(value);
    if (!record.methods.empty()) {
      take_confusion(methods, value.value("classes", json()), record);
    }
  } catch (const json::exception&) {
    fail(
        "{}: expected dataset, shots, trials, seed and methods as evaluate --json writes them, "
        "found something else",
        path);
  }
  return record;
}

}  // namespace metaplastic
