#include "meta/initial_theta.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "rule/classical.h"
#include "rule/convert_theta.h"
#include "rule/rule_file.h"
#include "rule/rule_settings.h"

namespace metaplastic {
namespace {

// A rule as the start of one with a network, settings or traits that it lacks: they begin at
// random and do not act yet. What the sizes do not have is left out.
Rule grown_rule(const Rule& rule, const RuleSizes& sizes, std::uint64_t seed) {
  RuleSizes like = rule.sizes;
  like.network = sizes.network, like.settings = sizes.settings;
  like.trait_units = sizes.trait_units, like.metric = sizes.metric;
  if (rule.sizes == sizes || !(like == sizes)) return rule;
  const ThetaLayout from(rule.sizes), to(sizes);
  Rule grown =
      make_classical_rule(sizes.has_neighbours() ? "agree-neighbours" : "hebb", sizes, seed);
  const std::vector<float> kept = convert_theta(from, rule.theta, to);
  for (int n = 0; n < kNumTheta; ++n) {
    const auto name = static_cast<ThetaName>(n);
    if (!to.has(name) || (!from.has(name) && name != ThetaName::kMix)) continue;
    std::copy_n(kept.begin() + to[name].offset, to[name].size(),
                grown.theta.begin() + to[name].offset);
  }
  return grown;
}

}  // namespace

std::vector<float> initial_theta(const MetaConfig& config, std::uint64_t seed) {
  const std::string& name = config.outer.init_rule;
  const ThetaLayout layout(config.rule);
  const InnerSettings inner = config.inner_settings();
  if (name == "random") {
    std::vector<float> theta = random_theta(layout, seed);
    set_random_settings(layout, inner, seed, theta);
    return theta;
  }
  if (is_classical_rule(name)) {
    std::vector<float> theta = make_classical_rule(name, config.rule, seed).theta;
    set_usual_settings(layout, inner, theta);
    return theta;
  }
  if (!std::filesystem::exists(name)) {
    std::string known = "random";
    for (const ClassicalRule& rule : classical_rules()) known += ", " + rule.name;
    fail("outer.init_rule: expected {} or a rule file, found '{}'", known, name);
  }
  Rule rule = load_rule(name);
  rule.sizes.bias_mean = config.rule.bias_mean;  // theta fits either, and goes on from there
  if (config.rule.has_two_views() && rule.sizes.is_plain_compact() &&
      rule.sizes.views != config.rule.views)
    rule = with_views(rule, config.rule.views, static_cast<float>(config.outer.init_mix_share));
  const bool has_settings = rule.sizes.has_settings();
  rule = grown_rule(rule, config.rule, seed);
  if (!has_settings && rule.sizes == config.rule) set_usual_settings(layout, inner, rule.theta);
  if (!(rule.sizes == config.rule)) {
    fail("{}: expected a rule of {}, found {}; change the [rule] section", name,
         describe(config.rule), describe(rule.sizes));
  }
  return std::move(rule.theta);
}

std::vector<float> known_start(const MetaConfig& config, std::uint64_t seed) {
  const std::string& name = config.outer.init_rule;
  if (name != "random" && !is_classical_rule(name)) return {};
  return initial_theta(config, seed);
}

}  // namespace metaplastic
