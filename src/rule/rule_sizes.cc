#include "rule/rule_sizes.h"

#include <cmath>

#include "base/error.h"
#include "rule/constants.h"

namespace metaplastic {

double RuleSizes::default_mix_gain() const {
  const double n = is_local() ? kRule.mix_terms_local : kRule.mix_terms;
  return is_metz2019() ? 1 / (n * std::sqrt(n)) : kRule.mix_gain / std::sqrt(n);
}

void RuleSizes::require_top_units(int units, std::string_view what) const {
  if (!is_metz2019() || is_local() || units == top_units) return;
  fail(
      "{}: expected {}, the top layer that this metz2019 rule was made for (rule.top_units), found "
      "{}; ask for a top layer of {} units",
      what, top_units, units, top_units);
}

void RuleSizes::validate(std::string_view what) const {
  if (is_metz2019() && (!has_network() || has_settings())) {
    fail(
        "{}: expected rule.network 'hidden' and rule.settings 'fixed' for metz2019, found '{}' and "
        "'{}'; use the preset compact",
        what, network, settings);
  }
  if (has_trained_metric() && (!has_settings() || !has_neighbours())) {
    fail(
        "{}: expected rule.metric 'chosen' for a rule of settings '{}' and views '{}', found "
        "'trained'; use settings 'traits' and views 'neighbours'",
        what, settings, views);
  }
  if (!has_two_views() || is_plain_compact()) return;
  fail(
      "{}: expected rule.views 'one' for a rule of {}, found '{}', which compact alone has, with "
      "v_step 'shared', backward 'learned' and locality 'layer'",
      what, describe(*this), views);
}

std::string describe(const RuleSizes& sizes) {
  std::string text =
      fmt::format("preset {}, C {}, D {}, G {}", sizes.preset, sizes.C, sizes.D, sizes.G);
  const RuleSizes usual;
  if (sizes.is_metz2019()) text += fmt::format(", top layer of {} units", sizes.top_units);
  if (sizes.v_step != usual.v_step) text += ", v_step " + sizes.v_step;
  if (sizes.backward != usual.backward) text += ", backward " + sizes.backward;
  if (sizes.locality != usual.locality) text += ", locality " + sizes.locality;
  if (sizes.bias_mean != usual.bias_mean) text += ", bias_mean " + sizes.bias_mean;
  if (sizes.views != usual.views) text += ", views " + sizes.views;
  if (sizes.network != usual.network) text += ", network " + sizes.network;
  if (sizes.has_settings()) text += ", settings " + sizes.settings;
  if (sizes.reads_traits()) text += fmt::format(" ({} units)", sizes.trait_units);
  if (sizes.has_trained_metric()) text += ", metric trained";
  if (sizes.own_mix_gain) text += fmt::format(", mix gain {}", *sizes.own_mix_gain);
  return text;
}

}  // namespace metaplastic
