// How one option's value is read from JSON and shown as text; the inside of config.h.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "io/config.h"

namespace metaplastic::config_detail {

// Sets the option; `where` ("file:line" or a source) starts the error line.
void set_option(Option& option, const nlohmann::json& value, const std::string& where);

// A value of a file under its dotted name, with the place that error lines name. A section
// without members is an empty object.
struct ConfigLeaf {
  std::string name;
  nlohmann::json value;
  std::string where;
};
void set_leaves(std::span<Option> options, const std::vector<ConfigLeaf>& leaves);

// "outer" and "lr" of "outer.lr"; a plain option's section is "".
std::string section_of(std::string_view name);
std::string leaf_of(std::string_view name);
// All sections in the order of their first option. "" comes first: in TOML a key behind a [section]
// line belongs to that section.
std::vector<std::string> sections_of(std::span<const Option> options);

// The value as JSON. A float becomes the double whose shortest decimal is the float's.
nlohmann::json value_to_json(const Option& option);

// The value as TOML (and, but for integers above 2^63, JSON) text on one line.
std::string value_to_toml(const Option& option);

// "an integer in [1, 8]", "one of relu, tanh", ...: completes "expected ...".
std::string describe_expected(const Option& option);

// "[1, 8]", "relu, tanh" or "" for the docs table.
std::string describe_range(const Option& option);

bool is_list(const Option& option);
bool is_text(const Option& option);  // a string or a list of strings

}  // namespace metaplastic::config_detail
