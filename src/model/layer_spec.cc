#include "model/layer_spec.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "model/mlp.h"

namespace metaplastic {
namespace {

const std::vector<std::string> kPoolNames = {"mean", "max", "root"};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::optional<int> whole(std::string_view text, int low, int high) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || rest != end || value < low || value > high) return {};
  return value;
}

// The words of one layer, read from the left.
class Words {
 public:
  explicit Words(std::string_view layer) : layer_(layer) {
    for (const std::string_view word : split(layer, " \t")) {
      if (!word.empty()) words_.push_back(word);
    }
  }
  bool empty() const { return at_ == words_.size(); }
  std::string_view peek() const { return empty() ? "" : words_[at_]; }
  bool take(std::string_view word) {
    if (peek() != word) return false;
    ++at_;
    return true;
  }
  int number(const char* what, int low, int high) {
    const auto value = whole(peek(), low, high);
    if (!value) refuse(fmt::format("{} from {} to {}", what, low, high));
    ++at_;
    return *value;
  }
  // HxW, or N for a signal.
  void extent(const char* what, LayerSpec& layer) {
    const std::vector<std::string_view> sides = split(peek(), "x");
    const auto last = whole(sides.back(), 1, kMaxWindow);
    const auto first = sides.size() == 1 ? std::optional<int>(1) : whole(sides[0], 1, kMaxWindow);
    if (sides.size() > 2 || !last || !first) {
      refuse(fmt::format("{} such as 7x7, or 7 for signals, of sides 1 to {}", what, kMaxWindow));
    }
    layer.is_line = sides.size() == 1;
    layer.height = *first;
    layer.width = *last;
    ++at_;
  }
  [[noreturn]] void refuse(const std::string& expected, const std::string& hint = "") const {
    fail("layers: expected {} in {}, found {}{}", expected, quote_text(layer_),
         empty() ? "nothing more" : quote_text(peek()), hint);
  }

 private:
  std::string_view layer_;
  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
};

void take_pool_kind(Words& words, LayerSpec& layer) {
  for (std::size_t n = 0; n < kPoolNames.size(); ++n) {
    if (words.take(kPoolNames[n])) layer.pool = static_cast<PoolKind>(n);
  }
}

LayerSpec parse_layer(std::string_view text) {
  static const std::vector<std::string> kKinds = {"dense", "conv", "pool"};
  Words words(text);
  LayerSpec layer;
  if (words.take("dense")) {
    layer.units = words.number("units", 1, kMaxUnits);
    layer.whiten = words.take("whiten");
  } else if (words.take("conv")) {
    layer.kind = LayerKind::kConv;
    layer.units = words.number("units", 1, kMaxUnits);
    words.extent("a window", layer);
    if (words.take("stride")) layer.stride = words.number("a stride", 1, kMaxWindow);
    if (words.take("padding")) layer.padding = words.number("a padding", 0, kMaxWindow);
    layer.whiten = words.take("whiten");
    layer.sparse = words.take("sparse");
  } else if (words.take("pool")) {
    layer.kind = LayerKind::kPool;
    layer.by_size = words.take("size");
    words.extent(layer.by_size ? "a window" : "a grid of places", layer);
    if (layer.by_size) {
      layer.stride = layer.width;
      if (words.take("stride")) layer.stride = words.number("a stride", 1, kMaxWindow);
    }
    take_pool_kind(words, layer);
  } else {
    words.refuse(fmt::format("one of {}", join_names(kKinds)),
                 words.empty() ? "" : did_you_mean(words.peek(), kKinds));
  }
  if (!words.empty()) words.refuse("no further word");
  return layer;
}

std::string extent_text(const LayerSpec& layer) {
  return layer.is_line ? fmt::format("{}", layer.width)
                       : fmt::format("{}x{}", layer.height, layer.width);
}

void check_line(const LayerSpec& layer, const ImageShape& in) {
  if (!layer.is_line || in.height == 1) return;
  fail(
      "layers: expected a window of height and width in '{}', found one side; images of {} x {} "
      "need one such as {}x{}",
      layer_text(layer), in.height, in.width, layer.width, layer.width);
}

int steps_along(const LayerSpec& layer, int size, int window) {
  const int room = size - window;
  if (room < 0) {
    fail(
        "layers: expected a window that fits '{}' into {} places, found one of {}; use a smaller "
        "window",
        layer_text(layer), size, window);
  }
  return room / layer.stride + 1;
}

ImageShape conv_shape(const LayerSpec& layer, const ImageShape& in) {
  check_line(layer, in);
  return {steps_along(layer, in.height + 2 * padding_down(layer, in), layer.height),
          steps_along(layer, in.width + 2 * layer.padding, layer.width), layer.units};
}

ImageShape pool_shape(const LayerSpec& layer, const ImageShape& in) {
  check_line(layer, in);
  if (layer.by_size) {
    return {steps_along(layer, in.height, layer.height), steps_along(layer, in.width, layer.width),
            in.channels};
  }
  if (layer.height > in.height || layer.width > in.width) {
    fail(
        "layers: expected at most {} x {} places in '{}', the size of what is below it; use a "
        "smaller grid",
        in.height, in.width, layer_text(layer));
  }
  return {layer.height, layer.width, in.channels};
}

}  // namespace

std::string layer_text(const LayerSpec& layer) {
  if (layer.kind == LayerKind::kDense)
    return fmt::format("dense {}{}", layer.units, layer.whiten ? " whiten" : "");
  std::string text;
  if (layer.kind == LayerKind::kConv) {
    text = fmt::format("conv {} {}", layer.units, extent_text(layer));
    if (layer.stride != 1) text += fmt::format(" stride {}", layer.stride);
    if (layer.padding != 0) text += fmt::format(" padding {}", layer.padding);
    if (layer.whiten) text += " whiten";
    if (layer.sparse) text += " sparse";
    return text;
  }
  text = fmt::format("pool {}{}", layer.by_size ? "size " : "", extent_text(layer));
  if (layer.by_size && layer.stride != layer.width) text += fmt::format(" stride {}", layer.stride);
  if (layer.pool != PoolKind::kRoot) text += " " + kPoolNames[static_cast<std::size_t>(layer.pool)];
  return text;
}

std::string layers_text(std::span<const LayerSpec> layers) {
  std::string text;
  for (const LayerSpec& layer : layers) text += (text.empty() ? "" : ", ") + layer_text(layer);
  return text;
}

std::vector<LayerSpec> parse_layers(std::string_view text) {
  std::vector<LayerSpec> layers;
  for (const std::string_view part : split(text, ",")) layers.push_back(parse_layer(part));
  const auto weights = std::ranges::count_if(layers, &LayerSpec::has_weights);
  if (weights < 1 || weights > kMaxLayers || layers.size() > kMaxStack) {
    fail("layers: expected 1 to {} layers of units, and at most {} in all, found {} of {}",
         kMaxLayers, kMaxStack, weights, layers.size());
  }
  for (std::size_t n = 0; n < layers.size(); ++n) {
    const bool above_places = n > 0 && layers[n - 1].kind != LayerKind::kDense;
    if (layers[n].kind == LayerKind::kDense && layers[n].whiten && !above_places) {
      fail("layers: expected '{}' right above a conv layer or pool; leave out whiten elsewhere",
           layer_text(layers[n]));
    }
  }
  for (std::size_t n = 1; n < layers.size(); ++n) {
    if (layers[n].kind == LayerKind::kDense || layers[n - 1].kind != LayerKind::kDense) continue;
    fail("layers: expected only dense layers above '{}', found '{}'; a dense layer has no places",
         layer_text(layers[n - 1]), layer_text(layers[n]));
  }
  return layers;
}

std::vector<ImageShape> layer_shapes(std::span<const LayerSpec> layers, const ImageShape& input) {
  std::vector<ImageShape> shapes = {input};
  for (const LayerSpec& layer : layers) {
    const ImageShape& in = shapes.back();
    ImageShape out{1, 1, layer.units};
    if (layer.kind == LayerKind::kConv) out = conv_shape(layer, in);
    if (layer.kind == LayerKind::kPool) out = pool_shape(layer, in);
    shapes.push_back(out);
  }
  return shapes;
}

std::vector<PoolCell> pool_cells(const LayerSpec& pool, int size, bool is_down) {
  const int side = is_down ? pool.height : pool.width;
  std::vector<PoolCell> cells;
  if (pool.by_size) {
    for (int begin = 0; begin + side <= size; begin += pool.stride)
      cells.push_back({begin, begin + side});
    return cells;
  }
  for (int i = 0; i < side; ++i) cells.push_back({i * size / side, (i + 1) * size / side});
  return cells;
}

int padding_down(const LayerSpec& conv, const ImageShape& in) {
  return in.height == 1 && conv.height == 1 ? 0 : conv.padding;
}

std::int64_t window_size(const LayerSpec& layer, const ImageShape& in) {
  if (layer.kind == LayerKind::kDense) return in.size();
  return std::int64_t{layer.height} * layer.width * in.channels;
}

}  // namespace metaplastic
