#include "meta/meta_config.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "meta/conv_model.h"

namespace metaplastic {
namespace {

void check_order(const char* low_name, int low, const char* high_name, int high) {
  if (low > high) {
    fail("config: expected {} <= {}, found {} and {}; lower the first or raise the second",
         low_name, high_name, low, high);
  }
}

// "64-32" to {64, 32}.
std::vector<int> parse_widths(const std::string& text) {
  constexpr int kMaxWidth = 4096;
  std::vector<int> widths;
  const char* at = text.data();
  const char* end = at + text.size();
  for (;;) {
    int width = 0;
    const auto [next, error] = std::from_chars(at, end, width);
    if (error != std::errc() || width < 1 || width > kMaxWidth) break;
    widths.push_back(width);
    if (next == end) return widths;
    if (*next != '-') break;
    at = next + 1;
  }
  fail(
      "config: expected widths from 1 to {} joined by - in validation.further_hidden, such as "
      "64-32, found {}",
      kMaxWidth, quote_text(text));
}

void check_estimator(const MetaConfig& config) {
  const bool of_whole = config.truncation.judged_state == "mean" || config.truncation.stops;
  if (of_whole && config.truncation.min_K < config.inner.max_T) {
    fail(
        "config: expected truncations of whole trajectories with truncation.{}, found "
        "truncation.min_K = {} and inner.max_T = {}",
        config.truncation.stops ? "stops" : "judged_state = \"mean\"", config.truncation.min_K,
        config.inner.max_T);
  }
  if (config.estimator.largest_adjoint > 0 &&
      (config.estimator.name != "backprop-es" || !config.rule.has_settings())) {
    fail(
        "config: expected estimator.name = \"backprop-es\" and a rule with settings with "
        "estimator.largest_adjoint, found {} and rule.settings = {}",
        quote_text(config.estimator.name), quote_text(config.rule.settings));
  }
  if (config.estimator.name == "mixed" && config.estimator.pairs < 2) {
    fail(
        "config: expected estimator.pairs of 2 or more for the mixed estimator, whose weights are "
        "variances over pairs, found {}",
        config.estimator.pairs);
  }
}

// A layer below learns by the theta of its trajectory's start, which no checkpoint keeps.
void check_stacks(const MetaConfig& config) {
  if (config.inner.stack_share > 0 && config.truncation.min_K < config.inner.max_T) {
    fail(
        "config: expected truncation.min_K of at least inner.max_T with inner.stack_share, so that "
        "trajectories are whole, found {} and {}",
        config.truncation.min_K, config.inner.max_T);
  }
  if (config.inner.stack_share > 0 && config.inner.conv_share == 0)
    fail("config: expected inner.conv_share above 0 with inner.stack_share, found 0");
  if (config.validation.stack_share > 0 && config.validation.conv.empty())
    fail("config: expected layers in validation.conv with validation.stack_share, found none");
}

void check_readout_of(const ValidationConfig& validation) {
  if (validation.stops && validation.readout == "objective") {
    fail(
        "config: expected validation.readout = best or evaluate with validation.stops, found "
        "objective");
  }
  if (validation.readout != "objective" && validation.num_probes < 2) {
    fail(
        "config: expected validation.num_probes of 2 or more for validation.readout = \"{}\", "
        "which chooses on half of them, found {}",
        validation.readout, validation.num_probes);
  }
}

}  // namespace

std::vector<std::vector<int>> validation_widths(const ValidationConfig& config) {
  std::vector<std::vector<int>> models = {config.hidden};
  for (const std::string& text : config.further_hidden) models.push_back(parse_widths(text));
  return models;
}

InnerSettings MetaConfig::inner_settings() const {
  return {inner.inner_lr,      inner.weight_std,          inner.bias_std,
          inner.init,          inner.inner_batch.front(), validation.inner_steps,
          inner.phi_mean_share};
}

void MetaConfig::validate() const {
  rule.validate("config");
  check_order("inner.min_layers", inner.min_layers, "inner.max_layers", inner.max_layers);
  check_order("inner.min_units", inner.min_units, "inner.max_units", inner.max_units);
  check_order("inner.min_features", inner.min_features, "inner.max_features", inner.max_features);
  check_order("inner.min_window", inner.min_window, "inner.max_window", inner.max_window);
  check_conv_models(*this);
  check_stacks(*this);
  check_order("inner.min_T", inner.min_T, "inner.max_T", inner.max_T);
  check_order("truncation.min_K", truncation.min_K, "truncation.max_K", truncation.max_K);
  check_order("inner.min_rows", inner.min_rows, "inner.max_rows", inner.max_rows);
  if (inner.max_rows > 0 && inner.min_rows < 2)
    fail("config: expected inner.min_rows of 2 or more with inner.max_rows, found {}",
         inner.min_rows);
  const ThetaLayout layout(rule);
  for (const std::string& name : outer.trained) {
    if (std::ranges::find(layout.entries(), name, &ThetaEntry::name) != layout.entries().end())
      continue;
    std::string names;
    for (const ThetaEntry& entry : layout.entries())
      names += (names.empty() ? "" : ", ") + std::string(entry.name);
    fail("config: expected names of this rule's tensors in outer.trained ({}), found {}", names,
         quote_text(name));
  }
  if (inner.activations.empty())
    fail("config: expected at least one name in inner.activations, found none");
  if (inner.inner_batch.empty())
    fail("config: expected at least one size in inner.inner_batch, found none");
  if (validation.activations.empty())
    fail("config: expected at least one name in validation.activations, found none");
  check_readout_of(validation);
  if (truncation.joint_readout && truncation.judged_layers == "top") {
    fail(
        "config: expected truncation.judged_layers \"best\" or \"all\" with "
        "truncation.joint_readout, found \"top\"; change either");
  }
  if (truncation.loss == "cross-entropy" && tasks.augment.augmented_share > 0) {
    fail(
        "config: expected tasks.augment.augmented_share = 0 with truncation.loss = "
        "\"cross-entropy\", which judges classes alone, found {}",
        tasks.augment.augmented_share);
  }
  check_estimator(*this);
  rule.require_top_units(inner.min_features, "inner.min_features");
  rule.require_top_units(inner.max_features, "inner.max_features");
  for (const std::vector<int>& widths : validation_widths(validation)) {
    if (widths.empty() || widths.size() > kMaxLayers) {
      fail("config: expected 1 to {} widths in validation.hidden, found {}", kMaxLayers,
           widths.size());
    }
    rule.require_top_units(widths.back(), "validation.hidden, its last width");
  }
}

}  // namespace metaplastic
