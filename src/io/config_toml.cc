// TOML text to options. The one file that compiles the TOML parser.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "base/error.h"
#include "base/text.h"
#include "io/config_value.h"

namespace metaplastic::config_detail {
namespace {

using Json = nlohmann::json;

std::string at_line(const std::string& source, const toml::node& node) {
  return fmt::format("{}:{}", source, node.source().begin.line);
}

Json node_to_json(const toml::node& node, const std::string& where) {
  if (const auto* value = node.as_boolean()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* list = node.as_array()) {
    Json result = Json::array();
    for (const toml::node& element : *list) result.push_back(node_to_json(element, where));
    return result;
  }
  if (node.is_table()) return Json::object();
  fail("{}: expected a number, a string, true, false or a list, found a date or time", where);
}

void collect_leaves(const toml::table& table, const std::string& prefix, const std::string& source,
                    std::vector<ConfigLeaf>& leaves) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string where = at_line(source, node);
    if (const toml::table* section = node.as_table(); section != nullptr && !section->empty()) {
      collect_leaves(*section, name + ".", source, leaves);
    } else {
      leaves.push_back({name, node_to_json(node, where), where});
    }
  }
}

}  // namespace

void load_toml(std::span<Option> options, std::string_view text, const std::string& source) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    fail("{}:{}: expected TOML: {}", source, error.source().begin.line,
         printable(error.description(), 200));
  }
  std::vector<ConfigLeaf> leaves;
  collect_leaves(parsed.table(), "", source, leaves);
  set_leaves(options, leaves);
}

}  // namespace metaplastic::config_detail
