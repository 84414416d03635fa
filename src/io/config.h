// Options, declared once. A config struct names its members in one function,
//
//   template <class Visitor> void visit(Visitor& v) {
//     v("outer_lr", outer_lr, Range{1e-7, 1.0}, "Adam step size", "3e-4");
//     v("activation", activation, Choices{"relu", "tanh"}, "of the base model");
//     v.section("rule", rule);
//   }
//
// and from that come loading, overrides, saving, JSON, the docs table and every error line.
// The member's initial value is the default. Declare an option here only if it is read somewhere.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace metaplastic {

// Smallest and largest allowed value, both inclusive; of a list, of each element. Numbers must
// be finite in any case.
struct Range {
  double low = 0;
  double high = 0;
};

// The allowed values of a string; of a list of strings, of each element.
struct Choices {
  Choices() = default;
  Choices(std::initializer_list<const char*> values) : names(values.begin(), values.end()) {}
  explicit Choices(std::vector<std::string> values) : names(std::move(values)) {}

  std::vector<std::string> names;
};

using OptionTarget = std::variant<bool*, int*, std::int64_t*, std::uint64_t*, float*, double*,
                                  std::string*, std::vector<int>*, std::vector<float>*,
                                  std::vector<double>*, std::vector<std::string>*>;

// One declared option, bound to the member it sets.
struct Option {
  std::string name;  // dotted: "rule.channels"
  OptionTarget target;
  std::optional<Range> range;
  std::vector<std::string> choices;  // empty: any string
  std::string help;
  std::string paper;  // the paper's value, "" when it has none
};

// The visitor that `visit` functions are written for: lists the options of a config.
class OptionCollector {
 public:
  template <class T>
  void operator()(std::string_view name, T& member, std::string_view help,
                  std::string_view paper = {}) {
    add(name, &member, std::nullopt, {}, help, paper);
  }
  template <class T>
  void operator()(std::string_view name, T& member, Range range, std::string_view help,
                  std::string_view paper = {}) {
    static_assert(!std::is_same_v<T, bool> && !std::is_same_v<T, std::string> &&
                      !std::is_same_v<T, std::vector<std::string>>,
                  "a Range is for numbers");
    add(name, &member, range, {}, help, paper);
  }
  template <class T>
  void operator()(std::string_view name, T& member, Choices choices, std::string_view help,
                  std::string_view paper = {}) {
    static_assert(std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>,
                  "Choices are for strings");
    add(name, &member, std::nullopt, std::move(choices.names), help, paper);
  }

  template <class Section>
  void section(std::string_view name, Section& members) {
    const std::string outside = prefix_;
    prefix_ += std::string(name) + ".";
    members.visit(*this);
    prefix_ = outside;
  }

  std::vector<Option> take() { return std::move(options_); }

 private:
  // A name declared twice is a programming error.
  void add(std::string_view name, OptionTarget target, std::optional<Range> range,
           std::vector<std::string> choices, std::string_view help, std::string_view paper);

  std::string prefix_;
  std::vector<Option> options_;
};

// The options of a config, in the order of declaration, bound to `config`.
template <class Config>
std::vector<Option> options_of(Config& config) {
  OptionCollector collector;
  config.visit(collector);
  return collector.take();
}

namespace config_detail {
// `source` starts every error line: a file name, "command line", ...
void load_toml(std::span<Option> options, std::string_view text, const std::string& source);
void load_json(std::span<Option> options, const nlohmann::json& values, const std::string& source);
void apply_overrides(std::span<Option> options, std::span<const std::string> assignments,
                     const std::string& source);
std::string to_toml(std::span<const Option> options);
nlohmann::json to_json(std::span<const Option> options);
std::string markdown_table(std::span<const Option> options);
std::string read_config_file(const std::string& path);

// Runs `change` on the options of a copy, so that an Error leaves the config as it was.
template <class Config, class Change>
void change_config(Config& config, const Change& change) {
  Config changed = config;
  std::vector<Option> options = options_of(changed);
  change(std::span<Option>(options));
  config = std::move(changed);
}
}  // namespace config_detail

// Sets what the text names and leaves the rest. Throws Error, with source and line, for a syntax
// error, an unknown name (with the nearest valid one), a wrong type, a value out of range.
template <class Config>
void load_toml(std::string_view text, const std::string& source, Config& config) {
  config_detail::change_config(
      config, [&](std::span<Option> options) { config_detail::load_toml(options, text, source); });
}

template <class Config>
void load_toml_file(const std::string& path, Config& config) {
  load_toml(config_detail::read_config_file(path), path, config);
}

// The same from JSON as to_json writes it (what checkpoints and rules carry).
template <class Config>
void load_json(const nlohmann::json& values, const std::string& source, Config& config) {
  config_detail::change_config(config, [&](std::span<Option> options) {
    config_detail::load_json(options, values, source);
  });
}

// Applies "dotted.name=value" words: numbers, true/false, strings with or without quotes, lists as
// [64,64] or 64,64. A name given twice is an Error.
template <class Config>
void apply_overrides(std::span<const std::string> assignments, Config& config,
                     const std::string& source = "command line") {
  config_detail::change_config(config, [&](std::span<Option> options) {
    config_detail::apply_overrides(options, assignments, source);
  });
}

// Canonical text: every option, sections after plain options, floats as the shortest decimal that
// reads back to the same bits. load_toml(to_toml(c)) gives c again.
template <class Config>
std::string to_toml(const Config& config) {
  Config copy = config;
  return config_detail::to_toml(options_of(copy));
}

// Gives nlohmann::json; its full header is needed only where this is called.
template <class Config>
auto to_json(const Config& config) {
  Config copy = config;
  return config_detail::to_json(options_of(copy));
}

// Throws Error when a value set in code is not finite, out of range or not among the choices.
template <class Config>
void validate_config(const Config& config, const std::string& source = "config") {
  Config copy = config;
  std::vector<Option> options = options_of(copy);
  config_detail::load_json(options, config_detail::to_json(options), source);
}

// One row per option: name, the value in `config` (pass a default one), range or choices, help,
// the paper's value.
template <class Config>
std::string markdown_table(const Config& config) {
  Config copy = config;
  return config_detail::markdown_table(options_of(copy));
}

template <class Config>
std::vector<std::string> option_names() {
  Config config;
  std::vector<std::string> names;
  for (const Option& option : options_of(config)) names.push_back(option.name);
  return names;
}

}  // namespace metaplastic
