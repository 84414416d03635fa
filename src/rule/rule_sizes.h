// The sizes and the form of a rule: what a rule file and the section [rule] of a config say of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/config.h"

namespace metaplastic {

constexpr int kNumViewFeatures = 2;  // inputs of the hidden network that tell of a second view

// The sizes and the form of a rule. Files carry them; they fix theta's layout.
struct RuleSizes {
  std::string preset = "compact";
  int C = 24;                         // channels of the hidden state
  int D = 12;                         // channels of delta
  int G = 4;                          // channels of a readout
  int top_units = 32;                 // metz2019: the width of the top layer, which theta fits
  std::string v_step = "shared";      // V takes W's step, or has readouts and a mix of its own
  std::string backward = "learned";   // errors travel through V, or through W (transposed)
  std::string locality = "layer";     // what a neuron may know: its layer, or itself alone
  std::string bias_mean = "lowered";  // where biases go: down, anywhere, or to a share
  std::string views = "one";       // what a step shows of an example: itself, or a second view too
  std::string network = "hidden";  // what readouts are made of; none: terms without readouts alone
  std::string settings = "fixed";  // whether theta holds settings of the step, and follows the data
  int trait_units = 16;            // settings "traits": hidden units of the network of traits
  std::string metric = "chosen";   // who says how much the distance metric whitens
  // The factor of the mix, where a rule file has one of its own; else default_mix_gain(). No
  // option of a config.
  std::optional<double> own_mix_gain = std::nullopt;

  template <class Visitor>
  void visit(Visitor& v) {
    v("preset", preset, Choices{"compact", "metz2019"}, "architecture of the rule", "metz2019");
    v("C", C, Range{1, 128}, "channels of the hidden state", "64");
    v("D", D, Range{1, 64}, "channels of the signal sent down", "32");
    v("G", G, Range{1, 16}, "channels of a readout", "4");
    v("top_units", top_units, Range{2, 256},
      "units of the top layer, of metz2019 alone: its top-down network has a weight for each pair",
      "32");
    v("v_step", v_step, Choices{"shared", "separate"},
      "step of the backward weights V: W's, or one of their own readouts and mix", "separate");
    v("backward", backward, Choices{"learned", "transposed"},
      "weights that carry signals down: V, or the forward weights W", "learned");
    v("locality", locality, Choices{"layer", "neuron"},
      "what a neuron sees besides its synapses: statistics of its layer, or nothing", "layer");
    v("bias_mean", bias_mean, Choices{"lowered", "free", "homeostatic"},
      "where steps may take the mean bias of a layer: down alone; up and down and twice as far; or "
      "that, and each bias towards where its unit answers to few examples",
      "free");
    v("views", views, Choices{"one", "two", "neighbours"},
      "an inner step shows each example alone, with a noisy copy of it, or with a near example",
      "two");
    v("network", network, Choices{"hidden", "none"},
      "hidden: a hidden network makes readouts for the terms; none: only terms without readouts, "
      "which cost a tenth",
      "hidden");
    v("settings", settings, Choices{"fixed", "trained", "traits"},
      "step size, growth of weights, pace and share of homeostasis, noise and length of walks: "
      "fixed; numbers of theta; or, as the mix, numbers of theta plus the output of a network that "
      "reads traits of the unlabelled data",
      "fixed");
    v("trait_units", trait_units, Range{1, 256},
      "hidden units of the network of traits (settings = \"traits\")", "");
    v("metric", metric, Choices{"chosen", "trained"},
      "how much the distance metric of second views whitens: as walks over the unlabelled data "
      "remember best, or as a setting of theta says",
      "");
  }
  bool is_metz2019() const { return preset == "metz2019"; }
  // Whether a permutation of the inputs changes more than the order of W's rows.
  bool reads_input_order() const { return is_metz2019(); }
  bool has_v_step() const { return v_step == "separate"; }
  bool is_local() const { return locality == "neuron"; }
  bool has_free_bias() const { return bias_mean != "lowered"; }
  bool is_homeostatic() const { return bias_mean == "homeostatic"; }
  bool has_two_views() const { return views != "one"; }
  bool has_neighbours() const { return views == "neighbours"; }
  int num_views() const { return has_two_views() ? 2 : 1; }
  bool has_network() const { return network != "none"; }
  bool has_settings() const { return settings != "fixed"; }
  bool reads_traits() const { return settings == "traits"; }
  bool has_trained_metric() const { return metric == "trained"; }
  int num_view_features() const { return has_two_views() ? kNumViewFeatures : 0; }
  bool is_plain_compact() const {
    return !is_metz2019() && !has_v_step() && !is_local() && backward == "learned";
  }
  double default_mix_gain() const;
  double mix_gain() const { return own_mix_gain.value_or(default_mix_gain()); }
  // Throws Error for options that exclude each other; `what` names where they come from.
  void validate(std::string_view what) const;
  // Throws Error when theta does not fit a top layer of so many units; `what` names the width.
  void require_top_units(int units, std::string_view what) const;
  bool operator==(const RuleSizes&) const = default;
};

// "preset compact, C 24, D 12, G 4", and the options that differ from the preset's usual ones.
std::string describe(const RuleSizes& sizes);

}  // namespace metaplastic
