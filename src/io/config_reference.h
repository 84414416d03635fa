// The options of a config as a reference for people and editors, from the same declarations that
// parse them. markdown_table (config.h) is the third form. Pass a default config: its values are
// the defaults shown.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "io/config.h"

namespace metaplastic {

namespace config_detail {
std::string commented_toml(std::span<const Option> options);
nlohmann::json options_schema(std::span<const Option> options, const std::string& title);
}  // namespace config_detail

// A complete config file: above each option a comment with its meaning, range and paper value.
template <class Config>
std::string commented_toml(const Config& config) {
  Config copy = config;
  return config_detail::commented_toml(options_of(copy));
}

// A JSON schema (draft 7) of the config's files. Editors that read "#:schema FILE" lines in TOML
// complete and check options with it.
template <class Config>
nlohmann::json options_schema(const Config& config, const std::string& title) {
  Config copy = config;
  return config_detail::options_schema(options_of(copy), title);
}

}  // namespace metaplastic
