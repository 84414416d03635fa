#include "io/config.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/config_value.h"

namespace metaplastic {

void OptionCollector::add(std::string_view name, OptionTarget target, std::optional<Range> range,
                          std::vector<std::string> choices, std::string_view help,
                          std::string_view paper) {
  Option option{prefix_ + std::string(name), target, range, std::move(choices), std::string(help),
                std::string(paper)};
  METAPLASTIC_CHECK(!range || range->low <= range->high);
  METAPLASTIC_CHECK(std::none_of(options_.begin(), options_.end(),
                                 [&](const Option& other) { return other.name == option.name; }));
  options_.push_back(std::move(option));
}

namespace config_detail {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} << 24;

// Names that are spelt right but in the wrong section come first.
std::string suggest(std::span<const Option> options, const std::string& name) {
  std::vector<std::string> names, same_leaf;
  for (const Option& option : options) {
    names.push_back(option.name);
    if (leaf_of(option.name) == leaf_of(name)) same_leaf.push_back(option.name);
  }
  return did_you_mean(name, same_leaf.empty() ? names : same_leaf);
}

void collect_leaves(const Json& section, const std::string& prefix, const std::string& source,
                    std::vector<ConfigLeaf>& leaves) {
  for (const auto& [key, value] : section.items()) {
    if (value.is_object() && !value.empty()) {
      collect_leaves(value, prefix + key + ".", source, leaves);
    } else {
      leaves.push_back({prefix + key, value, source});
    }
  }
}

// Sets options by name, each at most once.
class Setter {
 public:
  explicit Setter(std::span<Option> options) : options_(options) {
    for (const Option& option : options) {
      for (std::string s = section_of(option.name); !s.empty(); s = section_of(s)) {
        sections_.insert(s);
      }
    }
  }

  Option& find(const std::string& name, const std::string& where) {
    for (Option& option : options_) {
      if (option.name == name) return option;
    }
    if (sections_.count(name) != 0) {
      fail("{}: expected a section for '{}', found a single value", where, name);
    }
    fail("{}: unknown option {}{}", where, quote_text(name), suggest(options_, name));
  }

  void set(const std::string& name, const Json& value, const std::string& where) {
    Option& option = find(name, where);
    if (!names_set_.insert(name).second) fail("{}: {} is given twice; keep one", where, name);
    set_option(option, value, where);
  }

  void check_section(const std::string& name, const std::string& where) const {
    if (sections_.count(name) != 0) return;
    for (const Option& option : options_) {
      if (option.name == name) {
        fail("{}: {}: expected {}, found a section", where, name, describe_expected(option));
      }
    }
    const std::vector<std::string> names(sections_.begin(), sections_.end());
    fail("{}: unknown section {}{}", where, quote_text(name), did_you_mean(name, names));
  }

 private:
  std::span<Option> options_;
  std::set<std::string> sections_;
  std::set<std::string> names_set_;
};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What is not UTF-8 could not be written to a TOML or JSON file.
bool is_utf8(std::string_view text) {
  try {
    static_cast<void>(Json(text).dump());
  } catch (const Json::exception&) {
    return false;
  }
  return true;
}

bool is_enclosed(std::string_view text, char open, char close) {
  return text.size() >= 2 && text.front() == open && text.back() == close;
}

// A word of the shell: JSON if it reads as JSON and the option is no string, else the word itself.
Json parse_word(std::string_view word, bool wants_text) {
  if (is_enclosed(word, '\'', '\'')) return Json(word.substr(1, word.size() - 2));
  if (wants_text && !is_enclosed(word, '"', '"')) return Json(word);
  Json value = Json::parse(word, nullptr, false);
  return value.is_discarded() ? Json(word) : value;
}

// Lists whose elements need no quotes: the quick form [a,b] or a,b. An element that holds a comma
// has to be written as a JSON list.
Json parse_override(const Option& option, std::string_view text) {
  if (!is_list(option)) return parse_word(text, is_text(option));
  const bool enclosed = is_enclosed(text, '[', ']');
  if (enclosed) {
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_discarded()) return value;
    text = trim(text.substr(1, text.size() - 2));
  }
  Json list = Json::array();
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    list.push_back(parse_word(trim(text.substr(0, comma)), is_text(option)));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return list;
}

}  // namespace

std::string section_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : std::string(name.substr(0, dot));
}

std::string leaf_of(std::string_view name) { return std::string(name.substr(name.rfind('.') + 1)); }

std::vector<std::string> sections_of(std::span<const Option> options) {
  std::vector<std::string> sections{""};
  for (const Option& option : options) {
    const std::string section = section_of(option.name);
    if (std::find(sections.begin(), sections.end(), section) == sections.end())
      sections.push_back(section);
  }
  return sections;
}

void set_leaves(std::span<Option> options, const std::vector<ConfigLeaf>& leaves) {
  Setter setter(options);
  for (const ConfigLeaf& leaf : leaves) {
    if (leaf.value.is_object()) {
      setter.check_section(leaf.name, leaf.where);
    } else {
      setter.set(leaf.name, leaf.value, leaf.where);
    }
  }
}

void load_json(std::span<Option> options, const Json& values, const std::string& source) {
  if (!values.is_object()) fail("{}: expected a section of options, found another value", source);
  std::vector<ConfigLeaf> leaves;
  collect_leaves(values, "", source, leaves);
  set_leaves(options, leaves);
}

void apply_overrides(std::span<Option> options, std::span<const std::string> assignments,
                     const std::string& source) {
  Setter setter(options);
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      fail("{}: expected key=value, found {}", source, quote_text(assignment));
    }
    const std::string name(trim(std::string_view(assignment).substr(0, equals)));
    const std::string_view text = trim(std::string_view(assignment).substr(equals + 1));
    if (!is_utf8(text))
      fail("{}: {}: expected UTF-8, found {}", source, printable(name), quote_text(text));
    setter.set(name, parse_override(setter.find(name, source), text), source);
  }
}

std::string to_toml(std::span<const Option> options) {
  std::string text;
  for (const std::string& section : sections_of(options)) {
    if (!section.empty()) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const Option& option : options) {
      if (section_of(option.name) != section) continue;
      text += fmt::format("{} = {}\n", leaf_of(option.name), value_to_toml(option));
    }
  }
  return text;
}

Json to_json(std::span<const Option> options) {
  Json result = Json::object();
  for (const Option& option : options) {
    Json* section = &result;
    std::string_view name = option.name;
    for (std::size_t dot; (dot = name.find('.')) != std::string_view::npos;) {
      section = &(*section)[std::string(name.substr(0, dot))];
      name.remove_prefix(dot + 1);
    }
    (*section)[std::string(name)] = value_to_json(option);
  }
  return result;
}

std::string read_config_file(const std::string& path) {
  return read_text_file(path, kMaxConfigBytes);
}

}  // namespace config_detail
}  // namespace metaplastic
