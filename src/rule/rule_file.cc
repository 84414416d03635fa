#include "rule/rule_file.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "io/json_text.h"
#include "io/safetensors.h"

namespace metaplastic {
namespace {

constexpr const char* kKind = "rule";

nlohmann::json parse_metadata(const TensorFile& file, const std::string& key) {
  nlohmann::json value = parse_json(file.require_metadata(key));
  if (value.is_discarded())
    fail("{}: expected JSON in metadata '{}', found other text; the file is damaged", file.source,
         key);
  return value;
}

}  // namespace

void save_rule(const std::string& path, const Rule& rule) {
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
  file.metadata["sizes"] = to_json(rule.sizes).dump();
  nlohmann::json inner = to_json(rule.inner);
  if (rule.inner.init == InnerSettings{}.init) inner.erase("init");  // older programs refuse it
  file.metadata["inner"] = inner.dump();
  file.metadata["provenance"] = rule.provenance.dump();
  write_safetensors(path, file);
}

Rule load_rule(const std::string& path) {
  const TensorFile file = read_safetensors(path);
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
  const ThetaLayout layout(rule.sizes);
  rule.theta.resize(static_cast<std::size_t>(layout.size()));
  for (const ThetaEntry& entry : layout.entries()) {
    const std::array<std::int64_t, 2> shape = {entry.rows, entry.cols};
    const Tensor& tensor = file.require("theta." + std::string(entry.name), DType::kF32, shape);
    const auto values = tensor.as<float>();
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
      fail("{}: expected finite numbers in tensor 'theta.{}', found others; use another rule", path,
           entry.name);
    }
    std::copy(values.begin(), values.end(), rule.theta.begin() + entry.offset);
  }
  return rule;
}

}  // namespace metaplastic
