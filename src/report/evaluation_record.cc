#include "report/evaluation_record.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 26;
constexpr std::size_t kMaxMethods = 200;

json parse(const std::string& path) {
  const std::string text = read_text_file(path, kMaxBytes);
  json value = parse_json(text);
  if (!value.is_object()) {
    fail("{}: expected the JSON object that evaluate --json writes, found other text", path);
  }
  return value;
}

std::string settings_text(const json& settings) {
  if (!settings.is_object()) return "";
  std::string text;
  for (const auto& [key, value] : settings.items()) {
    if (key == "validation_accuracy") continue;
    text +=
        fmt::format("{}{}\u00A0{}", text.empty() ? "" : ", ", key,
                    value.is_string() ? value.get<std::string>()
                                      : value.dump(-1, ' ', false, json::error_handler_t::replace));
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
  } catch (const json::exception&) {
    fail(
        "{}: expected dataset, shots, trials, seed and methods as evaluate --json writes them, "
        "found something else",
        path);
  }
  return record;
}

}  // namespace metaplastic
