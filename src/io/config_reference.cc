#include "io/config_reference.h"

#include <fmt/format.h>

#include <type_traits>

#include "io/config_value.h"

namespace metaplastic::config_detail {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kCommentWidth = 98;

// Text as lines of comments, broken between words.
std::string comment_lines(const std::string& text) {
  std::string lines, line;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string word = text.substr(start, end - start);
    if (!line.empty() && line.size() + 1 + word.size() > kCommentWidth) {
      lines += "# " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    start = end + 1;
  }
  return line.empty() ? lines : lines + "# " + line + "\n";
}

// Only | has a meaning inside a table's cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string code(const std::string& text) { return text.empty() ? "" : "`" + cell(text) + "`"; }

template <class T>
Json type_schema() {
  if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return {{"type", {"integer", "string"}}, {"minimum", 0}};  // a string above 2^63 - 1
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else {
    return {{"type", "array"}, {"items", type_schema<typename T::value_type>()}};
  }
}

Json option_schema(const Option& option) {
  Json schema = std::visit(
      [](const auto* target) {
        return type_schema<std::remove_cv_t<std::remove_pointer_t<decltype(target)>>>();
      },
      option.target);
  Json& element = is_list(option) ? schema["items"] : schema;
  if (!option.choices.empty()) element["enum"] = option.choices;
  if (option.range) {
    element["minimum"] = option.range->low;
    element["maximum"] = option.range->high;
  }
  schema["default"] = value_to_json(option);
  schema["description"] =
      option.help + (option.paper.empty() ? "" : " (paper: " + option.paper + ")");
  return schema;
}

Json section_schema() {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
}

}  // namespace

std::string commented_toml(std::span<const Option> options) {
  std::string text;
  for (const std::string& section : sections_of(options)) {
    if (!section.empty()) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const Option& option : options) {
      if (section_of(option.name) != section) continue;
      std::string meaning = option.help;
      if (const std::string range = describe_range(option); !range.empty())
        meaning += "; allowed: " + range;
      if (!option.paper.empty()) meaning += "; paper: " + option.paper;
      text += comment_lines(meaning) +
              fmt::format("{} = {}\n", leaf_of(option.name), value_to_toml(option));
    }
  }
  return text;
}

// One heading per section, one row per option.
std::string markdown_table(std::span<const Option> options) {
  std::string text;
  for (const std::string& section : sections_of(options)) {
    std::string rows;
    for (const Option& option : options) {
      if (section_of(option.name) != section) continue;
      rows += fmt::format("| `{}` | {} | {} | {} | {} |\n", leaf_of(option.name),
                          code(value_to_toml(option)), cell(describe_range(option)),
                          cell(option.help), cell(option.paper));
    }
    if (rows.empty()) continue;
    if (!section.empty()) text += fmt::format("{}## [{}]\n\n", text.empty() ? "" : "\n", section);
    text += "| option | default | range | meaning | paper |\n|---|---|---|---|---|\n" + rows;
  }
  return text;
}

Json options_schema(std::span<const Option> options, const std::string& title) {
  Json schema = section_schema();
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = title;
  for (const Option& option : options) {
    Json* section = &schema;
    std::string_view name = option.name;
    for (std::size_t dot; (dot = name.find('.')) != std::string_view::npos;) {
      Json& inner = (*section)["properties"][std::string(name.substr(0, dot))];
      if (inner.is_null()) inner = section_schema();
      section = &inner;
      name.remove_prefix(dot + 1);
    }
    (*section)["properties"][std::string(name)] = option_schema(option);
  }
  return schema;
}

}  // namespace metaplastic::config_detail
