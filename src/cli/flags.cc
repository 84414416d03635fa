#include "cli/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

constexpr int kMaxSteps = 1'000'000;
constexpr int kMaxBatch = 4096;
constexpr int kMaxSide = 4096;

std::vector<int> parse_widths(const std::string& flag, const std::string& text) {
  std::vector<int> widths;
  for (const std::string& part : parse_list(flag, text)) {
    widths.push_back(static_cast<int>(parse_whole(flag, part, 1, kMaxUnits)));
  }
  if (widths.size() >= kMaxLayers) {
    fail("{}: expected at most {} widths, found {}; the top layer's is --features", flag,
         kMaxLayers - 1, widths.size());
  }
  return widths;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

}  // namespace

std::int64_t parse_whole(const std::string& flag, const std::string& text, std::int64_t low,
                         std::int64_t high, const std::string& or_else) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || rest != end || value < low || value > high) {
    fail("{}: expected a whole number from {} to {}{}, found {}", flag, low, high, or_else,
         quote_text(text));
  }
  return value;
}

double parse_real(const std::string& flag, const std::string& text, double low, double high) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || rest != end || !std::isfinite(value) || value < low || value > high) {
    fail("{}: expected a number from {} to {}, found {}", flag, low, high, quote_text(text));
  }
  return value;
}

std::vector<std::string> parse_list(const std::string& flag, const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    parts.push_back(text.substr(start, comma - start));
    if (parts.back().empty()) {
      fail("{}: expected values with commas between them, found {}; write them as a,b,c", flag,
           quote_text(text));
    }
    start = comma + 1;
  }
  return parts;
}

void add_whole(CLI::App& app, const std::string& flag, std::optional<int>& value, int low, int high,
               const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&value, flag, low, high](const std::string& text) {
           value = static_cast<int>(parse_whole(flag, text, low, high));
         },
         help)
      ->type_name("N");
}

void add_whole(CLI::App& app, const std::string& flag, int& value, int low, int high,
               const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&value, flag, low, high](const std::string& text) {
           value = static_cast<int>(parse_whole(flag, text, low, high));
         },
         fmt::format("{} (default {})", help, value))
      ->type_name("N");
}

void add_seed(CLI::App& app, std::optional<std::uint64_t>& seed, const std::string& help) {
  app.add_option_function<std::string>(
         "--seed",
         [&seed](const std::string& text) {
           seed = static_cast<std::uint64_t>(
               parse_whole("--seed", text, 0, std::numeric_limits<std::int64_t>::max()));
         },
         help + " (default 0)")
      ->type_name("S");
}

void add_base_model(CLI::App& app, ApplyOptions& options) {
  add_whole(app, "--steps", options.inner_steps, 1, kMaxSteps,
            "inner steps (default: as the rule is evaluated)");
  app.add_option_function<std::string>(
         "--hidden",
         [&options](const std::string& text) {
           options.model.hidden =
               text == "none" ? std::vector<int>{} : parse_widths("--hidden", text);
         },
         fmt::format("widths of the hidden layers, or none (default {})",
                     fmt::join(options.model.hidden, ",")))
      ->type_name("U,U,...");
  add_whole(app, "--features", options.model.features, 1, kMaxUnits, "width of the top layer");
  app.add_option_function<std::string>(
         "--activation",
         [&options](const std::string& text) {
           options.model.activation = activation_from_name(text);
         },
         fmt::format("one of {} (default {})", join_names(activation_names()),
                     activation_name(options.model.activation)))
      ->type_name("NAME");
  add_whole(app, "--inner-batch", options.inner_batch, 2, kMaxBatch,
            "rows per inner step (default: as the rule was meta-trained)");
  app.add_option_function<std::string>(
         "--least-weight",
         [&options](const std::string& text) {
           options.least_weight = parse_real("--least-weight", text, 0, kMostLeastWeight);
         },
         fmt::format("leave out terms of the rule whose weight is at most this share of the "
                     "largest (default 0, and {} for more than {} inputs)",
                     kLeastWeightOfWide, kWideInputs))
      ->type_name("SHARE");
}

void add_layers(CLI::App& app, std::optional<LayerChoice>& layers) {
  app.add_option_function<std::string>(
         "--layers", [&layers](const std::string& text) { layers = parse_layer_choice(text); },
         "layers of the network: mlp, images, signals, or all of them such as 'conv 128 7x7, pool "
         "3x3, "
         "dense 128' (default: images where rows are images of 8x8 and more, else mlp)")
      ->type_name("SPEC");
}

void add_views(CLI::App& app, std::optional<ViewKind>& views) {
  app.add_option_function<std::string>(
         "--views", [&views](const std::string& text) { views = view_kind_from_name(text); },
         fmt::format("second views of images, for layers that see places: {} (default "
                     "neighbours)",
                     join_names(view_kind_names())))
      ->type_name("NAME");
}

void check_layers_alone(const CLI::App& app, const std::optional<LayerChoice>& layers) {
  if (!layers || layers->form != LayerForm::kSpec) return;
  for (const char* flag : {"--hidden", "--features"}) {
    if (app.count(flag) == 0) continue;
    fail("--layers: expected all layers in it, found {} beside it; leave {} out", flag, flag);
  }
}

void add_resize(CLI::App& app, ResizeChoice& resize) {
  add_whole(app, "--resize", resize.side, 0, kMaxSide,
            fmt::format("side that images are resized to; 0 keeps their size (default: {0}, and "
                        "{1} without conv layers, where they are larger)",
                        kMaxKeptSide, kDefaultSide));
  app.add_option_function<std::string>(
         "--resize-method",
         [&resize](const std::string& name) { resize.method = resize_method_from_name(name); },
         "how: 'area', the mean of the pixels under each new one (default), or 'subsample', every "
         "n-th pixel as in the paper's released code")
      ->type_name("NAME");
}

void add_data(CLI::App& app, std::string& spec, const std::string& help) {
  app.add_option("--data", spec, help)->required()->type_name("SPEC");
  std::string forms;
  for (const std::string& notation : data_spec_notations(data_forms()))
    forms += "  " + notation + "\n";
  app.footer("SPEC is one of (docs/formats.md has the details; a comma in a file name is \\,):\n" +
             forms);
}

Readout ReadoutFlags::over(const Readout& usual) const {
  if (!layer && !with_input) return usual;
  return {.layer = layer.value_or(usual.layer), .with_input = with_input};
}

void add_readout(CLI::App& app, ReadoutFlags& flags, const std::string& usual) {
  app.add_option_function<std::string>(
         "--layer",
         [&flags](const std::string& text) { flags.layer = parse_readout("--layer", text).layer; },
         fmt::format("layer that features are read from: a number from 1 up, top, or all side by "
                     "side (default {})",
                     usual))
      ->type_name("LAYER");
  app.add_flag("--with-input", flags.with_input,
               "put the prepared inputs before the features, scaled to vary as much");
}

void check_flags(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = flag_names(app);
  for (std::size_t n = 0; n < arguments.size(); ++n) {
    const std::string& argument = arguments[n];
    if (argument == "--") return;
    if (argument.size() < 2 || argument[0] != '-') continue;
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (std::ranges::find(names, name) == names.end()) {
      fail("{}: unknown flag {}{}", app.get_name(), quote_text(name), did_you_mean(name, names));
    }
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option == nullptr || option->get_expected_min() == 0 || equals != std::string::npos)
      continue;
    if (n + 1 == arguments.size() || arguments[n + 1].starts_with("--")) {
      fail("{}: expected a value after {}, found {}; see metaplastic {} --help", app.get_name(),
           name, n + 1 == arguments.size() ? "none" : quote_text(arguments[n + 1]), app.get_name());
    }
    ++n;
  }
}

}  // namespace metaplastic
