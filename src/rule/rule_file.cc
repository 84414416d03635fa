#include "rule/rule_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "rule/convert_theta.h"
#include "rule/layout_file.h"
#include "rule/rule_settings.h"

namespace metaplastic {
namespace {

constexpr const char* kKind = "rule";
constexpr const char* kVersionKey = "rule_version";
constexpr int kPlainVersion = 2, kVersionWithoutNetwork = 3;

int version_of(const RuleSizes& sizes) {
  if (sizes.has_settings()) return kRuleVersion;
  return sizes.has_network() ? kPlainVersion : kVersionWithoutNetwork;
}

nlohmann::json parse_metadata(const TensorFile& file, const std::string& key) {
  nlohmann::json value = parse_json(file.require_metadata(key));
  if (value.is_discarded())
    fail("{}: expected JSON in metadata '{}', found other text; the file is damaged", file.source,
         key);
  return value;
}

// The gain of a file of version 2; an own one only where it differs from the usual.
void take_gain(const TensorFile& file, RuleSizes& sizes) {
  const auto version = file.metadata.find(kVersionKey);
  if (version == file.metadata.end()) return;
  bool known = false;
  for (int number = kPlainVersion; number <= kRuleVersion; ++number)
    known = known || version->second == std::to_string(number);
  if (!known) {
    fail("{}: expected a rule of version 1 to {}, found {}; use a newer program", file.source,
         kRuleVersion, quote_text(version->second));
  }
  const nlohmann::json gain = parse_json(file.require_metadata("mix_gain"));
  if (!gain.is_number() || !std::isfinite(gain.get<double>())) {
    fail(
        "{}: expected a finite number in metadata 'mix_gain', found another value; the file is "
        "damaged",
        file.source);
  }
  if (gain.get<double>() != sizes.default_mix_gain()) sizes.own_mix_gain = gain.get<double>();
}

// theta as it stands in the file.
std::vector<float> read_theta(const TensorFile& file, const ThetaLayout& layout) {
  std::vector<float> theta(static_cast<std::size_t>(layout.size()));
  for (const ThetaEntry& entry : layout.entries()) {
    const std::array<std::int64_t, 2> shape = {entry.rows, entry.cols};
    const Tensor& tensor = file.require("theta." + std::string(entry.name), DType::kF32, shape);
    const auto values = tensor.as<float>();
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
      fail("{}: expected finite numbers in tensor 'theta.{}', found others; use another rule",
           file.source, entry.name);
    }
    std::copy(values.begin(), values.end(), theta.begin() + entry.offset);
  }
  return theta;
}

}  // namespace

TensorFile rule_tensors(const Rule& rule) {
  const ThetaLayout layout(rule.sizes);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rule.theta.size()) == layout.size());
  TensorFile file;
  for (const ThetaEntry& entry : layout.entries()) {
    const std::span<const float> values(rule.theta.data() + entry.offset,
                                        static_cast<std::size_t>(entry.size()));
    file.tensors.push_back(
        make_tensor("theta." + std::string(entry.name), {entry.rows, entry.cols}, values));
  }
  file.metadata["kind"] = kKind;
  const int version = version_of(rule.sizes);
  file.metadata[kVersionKey] = std::to_string(version);
  file.metadata[kTermsKey] = terms_metadata(layout);
  file.metadata["mix_gain"] = nlohmann::json(rule.sizes.mix_gain()).dump();
  nlohmann::json sizes = to_json(rule.sizes);
  if (version == kPlainVersion) {  // older programs refuse what they do not know
    for (const char* name : {"network", "settings", "trait_units", "metric"}) sizes.erase(name);
  } else {
    file.metadata[kConditionsKey] = conditions_metadata(layout);
  }
  file.metadata["sizes"] = sizes.dump();
  nlohmann::json inner = to_json(rule.inner);
  if (rule.inner.init == InnerSettings{}.init) inner.erase("init");  // older programs refuse it
  file.metadata["inner"] = inner.dump();
  file.metadata["provenance"] = rule.provenance.dump();
  return file;
}

std::set<int> stopping_points(int inner_steps) {
  std::set<int> stops;
  for (const int part : {64, 16, 4, 1}) stops.insert(std::max(1, inner_steps / part));
  return stops;
}

void save_rule(const std::string& path, const Rule& rule) {
  write_safetensors(path, rule_tensors(rule));
}

Rule load_rule(const std::string& path) { return rule_from_tensors(read_safetensors(path)); }

Rule rule_from_tensors(const TensorFile& file) {
  const std::string& path = file.source;
  const auto kind = file.metadata.find("kind");
  if (kind == file.metadata.end() || kind->second != kKind) {
    fail("{}: expected a rule, found {}; give a file that train wrote as rule.safetensors", path,
         kind == file.metadata.end() ? "a tensor file of another program"
                                     : "a file of kind " + quote_text(kind->second));
  }
  Rule rule;
  load_json(parse_metadata(file, "sizes"), path, rule.sizes);
  rule.sizes.validate(path);
  load_json(parse_metadata(file, "inner"), path, rule.inner);
  rule.provenance = parse_metadata(file, "provenance");
  take_gain(file, rule.sizes);
  const ThetaLayout from = layout_in_file(file, rule.sizes), to(rule.sizes);
  const std::vector<float> theta = read_theta(file, from);
  check_terms(from, theta, to, path);
  rule.theta = convert_theta(from, theta, to);
  complete_settings(from, to, rule.inner, rule.theta);
  return rule;
}

}  // namespace metaplastic
