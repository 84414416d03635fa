#include "apply/fit_encoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "apply/augmented_images.h"
#include "apply/view_whitening.h"
#include "apply/window_rows.h"
#include "apply/window_whitening.h"
#include "base/error.h"
#include "base/sample.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Features that the next group learns from are kept in memory up to this size.
constexpr std::int64_t kMaxHeldBytes = 1'000'000'000;
// Groups below the last one draw weights and batches by seeds of their own.
constexpr std::uint64_t kGroupStream = 1'000'000;
constexpr std::uint64_t kViewRowsStream = std::uint64_t{1} << 34;  // of Purpose::kInnerBatch

using Layers = std::vector<EncoderLayer>;

// Each ends before a conv layer or the first dense one. The first may be pools alone.
std::vector<Layers> groups_of(const Layers& layers) {
  std::vector<Layers> groups;
  for (std::size_t n = 0; n < layers.size(); ++n) {
    const LayerKind kind = layers[n].spec.kind;
    const bool goes_on = kind == LayerKind::kPool ||
                         (kind == LayerKind::kDense && n > 0 && layers[n - 1].spec.kind == kind);
    if (n == 0 || !goes_on) groups.emplace_back();
    groups.back().push_back(layers[n]);
  }
  return groups;
}

std::shared_ptr<const RowSource> rows_through(std::shared_ptr<const RowSource> rows, Layers layers,
                                              Unary activation, int num_threads) {
  Encoder encoder;
  encoder.activation = activation;
  encoder.layers = std::move(layers);
  const std::int64_t U = encoder.layers.back().out.size();
  const bool has_weights = encoder.num_layers() > 0;
  if (!has_weights || rows->num_rows() * U * std::int64_t{sizeof(float)} > kMaxHeldBytes) {
    return std::make_shared<LayerRows>(std::move(rows), std::move(encoder.layers), activation);
  }
  std::vector<float> features;
  features.reserve(static_cast<std::size_t>(rows->num_rows() * U));
  encode_rows(
      encoder, *rows, Readout{},
      [&](std::span<const float> block, std::int64_t) {
        features.insert(features.end(), block.begin(), block.end());
      },
      num_threads);
  return rows_of(std::move(features), static_cast<int>(U));
}

// The last group's rows, where they are kept features of layers below it that it does not change.
std::shared_ptr<const RowSource> kept_places(const Foundation& foundation) {
  const LayerSpec& first = foundation.last.front().spec;
  const bool is_kept = dynamic_cast<const LayerRows*>(foundation.rows.get()) == nullptr;
  const bool takes_them = first.kind == LayerKind::kDense && !first.whiten;
  return takes_them && is_kept && !foundation.below.empty() ? foundation.rows : nullptr;
}

// What a group learns from.
struct GroupRows {
  std::shared_ptr<const RowSource> rows;
  std::shared_ptr<const WindowWhitening> whitening;  // of its windows; or nothing
  std::shared_ptr<const RowSource> partners;         // a second view of each row; or nothing
};

// `views`: another view of everything below, or nothing.
GroupRows rows_for(const Layers& group, std::shared_ptr<const RowSource> below,
                   std::shared_ptr<const RowSource> views, const FitOptions& options) {
  const EncoderLayer& conv = group.front();
  if (conv.spec.kind != LayerKind::kConv) return {std::move(below), nullptr, std::move(views)};
  GroupRows group_rows{std::make_shared<WindowRows>(std::move(below), conv), nullptr, nullptr};
  if (views) group_rows.partners = std::make_shared<WindowRows>(std::move(views), conv);
  const std::uint64_t seed = options.training.seed;
  if (options.views == ViewKind::kPlaces) {
    group_rows.partners = std::make_shared<OtherPlaces>(
        group_rows.rows, std::int64_t{conv.out.height} * conv.out.width, seed);
  }
  if (!conv.spec.whiten) return group_rows;
  group_rows.whitening =
      std::make_shared<const WindowWhitening>(fit_window_whitening(*group_rows.rows, seed));
  for (auto* rows : {&group_rows.rows, &group_rows.partners}) {
    if (*rows) *rows = std::make_shared<WhitenedRows>(*rows, group_rows.whitening);
  }
  return group_rows;
}

// The group as the base model that a rule trains.
BaseModel model_of(const Layers& group, Unary activation) {
  BaseModel model{{}, group.front().spec.units, activation};
  for (std::size_t n = 1; n < group.size() && group[n].spec.has_weights(); ++n) {
    model.hidden.push_back(model.features);
    model.features = group[n].spec.units;
  }
  return model;
}

// The group with trained weights.
Layers with_weights(Layers group, const Layers& trained) {
  for (std::size_t n = 0; n < trained.size(); ++n) {
    group[n].W = trained[n].W;
    group[n].b = trained[n].b;
  }
  return group;
}

bool whitens_by_views(const Layers& group) {
  return group.front().spec.kind == LayerKind::kDense && group.front().spec.whiten;
}

// Dense layers that whiten: what they learn from instead. `below` makes `rows` of the images.
GroupRows whitened_by_views(const GroupRows& group, const std::shared_ptr<const RowSource>& images,
                            const Foundation& below, const FitOptions& options) {
  if (below.preprocess.kind == DataKind::kSignal) {
    fail("layers: expected images for a dense layer that whitens, found signals; leave it out");
  }
  const ApplyOptions& training = options.training;
  Random random(training.seed, Purpose::kInnerBatch, kViewRowsStream);
  const auto drawn = std::make_shared<const std::vector<std::int64_t>>(
      sorted_sample(random, images->num_rows(), kMaxViewRows));
  const auto augmented = std::make_shared<PickedRows>(
      std::make_shared<AugmentedImages>(images, below.preprocess.output_image, training.seed),
      drawn);
  const auto views =
      rows_through(augmented, below.below, training.model.activation, training.num_threads);
  GroupRows whitened;
  whitened.whitening = std::make_shared<const WindowWhitening>(
      fit_view_whitening(PickedRows(group.rows, drawn), *views));
  whitened.rows = whiten_rows(*group.rows, *whitened.whitening);
  if (group.partners) whitened.partners = whiten_rows(*group.partners, *whitened.whitening);
  return whitened;
}

int num_steps(const FoundRule& rule, const FitOptions& options) {
  return options.training.inner_steps.value_or(rule.rule.inner.inner_steps);
}

// Why the progress counts to more steps than a rule takes. Nothing for a single group.
std::string describe_groups(const std::vector<Layers>& groups, int steps) {
  const auto learning = std::ranges::count_if(
      groups, [](const Layers& group) { return group.front().spec.has_weights(); });
  if (learning < 2) return "";
  return fmt::format("; {} groups, one after the other, {} inner steps each", learning, steps);
}

void say_layers(const Preprocess& preprocess, const std::vector<LayerSpec>& specs,
                const std::vector<Layers>& groups, int steps, const FitOptions& options) {
  if (!options.on_note) return;
  options.on_note(describe(preprocess));
  options.on_note("layers: " + layers_text(specs) + describe_groups(groups, steps));
}

Applied train_group(const FoundRule& rule, const Layers& group, const GroupRows& rows,
                    ApplyOptions options, int steps_before, int steps_after) {
  options.model = model_of(group, options.model.activation);
  options.partners = rows.partners;
  if (const EncoderLayer& first = group.front(); first.spec.kind == LayerKind::kConv)
    options.num_examples =
        rows.rows->num_rows() / (std::int64_t{first.out.height} * first.out.width);
  if (const auto on_step = options.on_step) {
    options.on_step = [=](int step, int steps) {
      on_step(steps_before + step, steps_before + steps + steps_after);
    };
  }
  Applied applied = apply_rule(rule.rule, *rows.rows, options);
  for (Encoder& encoder : applied.encoders) {
    encoder.activation = options.model.activation;
    encoder.layers = with_weights(group, encoder.layers);
    if (group.front().spec.sparse) make_sparse(encoder.layers.front());
    if (rows.whitening) {
      rows.whitening->fold_into(encoder.layers.front());
      if (group.front().window_offset != 0) centre_weights(encoder.layers.front());
    }
  }
  return applied;
}

std::uint64_t seed_of_group(std::uint64_t seed, std::size_t groups_above) {
  if (groups_above == 0) return seed;
  return Random(seed, Purpose::kPhiInit, kGroupStream + groups_above).next_u32();
}

ApplyOptions options_below(const FitOptions& options, std::size_t groups_above) {
  ApplyOptions below = options.training;
  below.seed = seed_of_group(below.seed, groups_above);
  below.start.reset();
  below.snapshots.clear();
  below.pool.reset();
  return below;
}

// A network's layers up to its dense ones, which are the last group.
Foundation previous_foundation(const Encoder& previous, std::shared_ptr<const RowSource> rows,
                               const FitOptions& options) {
  Foundation foundation;
  check_goes_on(previous);
  foundation.preprocess = previous.preprocess;
  foundation.scale_rows = scale_rows(*rows);
  const auto first = previous.layers.begin() + static_cast<std::ptrdiff_t>(previous.first_dense());
  METAPLASTIC_CHECK(first != previous.layers.end());
  foundation.below.assign(previous.layers.begin(), first);
  foundation.last.assign(first, previous.layers.end());
  foundation.rows = std::move(rows);
  if (!foundation.below.empty()) {
    foundation.rows = rows_through(foundation.rows, foundation.below, previous.activation,
                                   options.training.num_threads);
  }
  return foundation;
}

// The offset of the windows of the first layer that has some; false where none has.
bool prepare_windows(Layers& layers, bool is_signal, const FitOptions& options) {
  const auto conv = std::ranges::find(layers, LayerKind::kConv,
                                      [](const EncoderLayer& layer) { return layer.spec.kind; });
  if (conv != layers.end()) {
    conv->window_offset = is_signal ? kSignalWindowOffset : kWindowOffset;
    return true;
  }
  if (options.views) {
    fail("views: expected a layer that sees places, found dense layers alone; leave it out");
  }
  return false;
}

// The same images moved or mirrored, where the second views are made so; else nullptr.
std::shared_ptr<const RowSource> moved_images(const std::shared_ptr<const RowSource>& rows,
                                              const ImageShape& input, bool is_signal,
                                              const FitOptions& options) {
  const bool mirrored = options.views == ViewKind::kMirrors;
  if (!mirrored && options.views != ViewKind::kShifts) return nullptr;
  if (is_signal) {
    fail("views: expected neighbours or places for signals, found views of images; leave it out");
  }
  return std::make_shared<ViewedImages>(rows, input, mirrored, options.training.seed);
}

}  // namespace

void check_goes_on(const Encoder& previous) {
  const std::size_t first = previous.first_dense();
  if (first == previous.layers.size() || !previous.layers[first].spec.whiten) return;
  fail(
      "layers: expected an encoder to go on from without 'whiten' in a dense layer, found '{}'; "
      "train a new one, or give other layers",
      layer_text(previous.layers[first].spec));
}

std::uint64_t first_seed(const Encoder& encoder) {
  std::vector<Layers> groups = groups_of(encoder.layers);
  if (!groups.front().front().spec.has_weights()) groups.erase(groups.begin());
  return seed_of_group(encoder.record.seed, groups.size() - 1);
}

Foundation fit_foundation(const FoundRule& rule, Preprocess preprocess,
                          std::shared_ptr<const RowSource> training_rows,
                          const FitOptions& options) {
  if (options.previous != nullptr) {
    return previous_foundation(*options.previous, std::move(training_rows), options);
  }
  check_suits(rule.rule.sizes, options.training);
  const LayerChoice choice = options.layers.value_or(LayerChoice{});
  ImageShape input{1, 1, training_rows->num_features()};
  const bool is_signal = preprocess.kind == DataKind::kSignal;
  if (preprocess.kind == DataKind::kImage || is_signal) input = preprocess.output_image;
  Foundation foundation;
  const Unary activation = options.training.model.activation;
  const std::vector<LayerSpec> specs = chosen_layers(choice, preprocess, options.training.model);
  Layers layers = empty_layers(specs, input);
  check_layer(options.readout,
              static_cast<int>(std::ranges::count_if(specs, &LayerSpec::has_weights)));
  const bool sees_windows = prepare_windows(layers, is_signal, options);
  const std::vector<Layers> groups = groups_of(layers);
  say_layers(preprocess, specs, groups, num_steps(rule, options), options);
  foundation.preprocess = std::move(preprocess);
  foundation.scale_rows = scale_rows(*training_rows);
  foundation.rows = std::move(training_rows);
  const std::shared_ptr<const RowSource> images = foundation.rows;
  std::shared_ptr<const RowSource> views;
  if (sees_windows) views = moved_images(foundation.rows, input, is_signal, options);
  for (std::size_t g = 0; g + 1 < groups.size(); ++g) {
    Layers trained = groups[g];
    if (groups[g].front().spec.has_weights()) {
      const std::size_t above = groups.size() - 1 - g;
      Applied applied =
          train_group(rule, groups[g], rows_for(groups[g], foundation.rows, views, options),
                      options_below(options, above), foundation.steps_below,
                      static_cast<int>(above) * num_steps(rule, options));
      foundation.steps_below += num_steps(rule, options);
      trained = std::move(applied.encoders.back().layers);
      const std::string name = layer_text(groups[g].front().spec) + ": ";
      for (std::string& line : applied.notes) foundation.notes.push_back(name + line);
      for (std::string& line : applied.health.warnings()) foundation.notes.push_back(name + line);
    }
    foundation.rows =
        rows_through(foundation.rows, trained, activation, options.training.num_threads);
    if (views)
      views = rows_through(std::move(views), trained, activation, options.training.num_threads);
    std::ranges::move(trained, std::back_inserter(foundation.below));
  }
  foundation.last = groups.back();
  GroupRows last = rows_for(groups.back(), foundation.rows, views, options);
  if (whitens_by_views(groups.back())) last = whitened_by_views(last, images, foundation, options);
  foundation.rows = std::move(last.rows);
  foundation.whitening = std::move(last.whitening);
  foundation.partners = std::move(last.partners);
  return foundation;
}

Applied fit_last_group(const FoundRule& rule, const Foundation& foundation,
                       const FitOptions& options) {
  Applied applied = train_group(rule, foundation.last,
                                {foundation.rows, foundation.whitening, foundation.partners},
                                options.training, foundation.steps_below, 0);
  for (Encoder& encoder : applied.encoders) {
    encoder.preprocess = foundation.preprocess;
    encoder.layers.insert(encoder.layers.begin(), foundation.below.begin(), foundation.below.end());
    encoder.record.rule = rule.name;
    encoder.record.rule_sha256 = rule.sha256;
    encoder.record.data = foundation.data;
    encoder.readout = options.readout;
  }
  Encoder& last = applied.encoders.back();
  last.input_scales = fit_input_scales(last, foundation.scale_rows);
  for (float& scale : last.input_scales) scale *= applied.inputs;
  applied.places = kept_places(foundation);
  applied.notes.insert(applied.notes.begin(), foundation.notes.begin(), foundation.notes.end());
  return applied;
}

Applied fit_encoder(const FoundRule& rule, const Dataset& data, const FitOptions& options) {
  FitOptions chosen = options;
  if (!chosen.layers) chosen.layers = default_layer_choice(data, rule.rule.sizes);
  Preprocess preprocess =
      options.previous != nullptr
          ? options.previous->preprocess
          : fit_preprocess(data, preprocess_options(data, options.resize, *chosen.layers));
  const auto prepared = prepare_rows(preprocess, data);
  Foundation foundation =
      fit_foundation(rule, std::move(preprocess),
                     std::make_shared<SliceRows>(prepared, 0, data.first_test_row), chosen);
  foundation.data = data.name;
  return fit_last_group(rule, foundation, chosen);
}

}  // namespace metaplastic
