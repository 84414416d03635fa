// Flags with ranges, and error lines that name the nearest valid flag.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/fit_encoder.h"
#include "apply/image_views.h"

namespace metaplastic {

inline constexpr int kMaxThreads = 1024;

// Each throws Error, naming the flag and the range, when the text is no such number.
// or_else: what else the flag takes, for the error line.
std::int64_t parse_whole(const std::string& flag, const std::string& text, std::int64_t low,
                         std::int64_t high, const std::string& or_else = "");
double parse_real(const std::string& flag, const std::string& text, double low, double high);
// "a,b,c"; empty parts are an Error.
std::vector<std::string> parse_list(const std::string& flag, const std::string& text);

void add_whole(CLI::App& app, const std::string& flag, int& value, int low, int high,
               const std::string& help);
void add_whole(CLI::App& app, const std::string& flag, std::optional<int>& value, int low, int high,
               const std::string& help);
// --seed N, 0 to 2^63 - 1.
void add_seed(CLI::App& app, std::optional<std::uint64_t>& seed, const std::string& help);

// The flags that apply and evaluate share: --steps, --hidden, --features, --activation,
// --inner-batch. max_steps bounds --steps.
void add_base_model(CLI::App& app, ApplyOptions& options);
// --layers mlp|images|signals|SPEC.
void add_layers(CLI::App& app, std::optional<LayerChoice>& layers);
// --views
void add_views(CLI::App& app, std::optional<ViewKind>& views);
// Throws Error where --layers names all layers and --hidden or --features others.
void check_layers_alone(const CLI::App& app, const std::optional<LayerChoice>& layers);
// --resize and --resize-method
void add_resize(CLI::App& app, ResizeChoice& resize);

// --data SPEC, required; the forms of a SPEC follow the flags in the help.
void add_data(CLI::App& app, std::string& spec, const std::string& help);

// --layer, --with-input. Without either, what `usual` says.
struct ReadoutFlags {
  std::optional<int> layer;
  bool with_input = false;
  Readout over(const Readout& usual) const;
};
void add_readout(CLI::App& app, ReadoutFlags& flags, const std::string& usual);

// Throws Error for a flag that the subcommand does not have (with the nearest one) and for a flag
// whose value is missing. Run before CLI11 parses, whose lines lack both.
void check_flags(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace metaplastic
