#include "meta/meta_config.h"

#include "base/error.h"

namespace metaplastic {
namespace {

void check_order(const char* low_name, int low, const char* high_name, int high) {
  if (low > high) {
    fail("config: expected {} <= {}, found {} and {}; lower the first or raise the second",
         low_name, high_name, low, high);
  }
}

}  // namespace

void MetaConfig::validate() const {
  check_order("inner.min_layers", inner.min_layers, "inner.max_layers", inner.max_layers);
  check_order("inner.min_units", inner.min_units, "inner.max_units", inner.max_units);
  check_order("inner.min_features", inner.min_features, "inner.max_features", inner.max_features);
  check_order("inner.min_T", inner.min_T, "inner.max_T", inner.max_T);
  check_order("truncation.min_K", truncation.min_K, "truncation.max_K", truncation.max_K);
  if (inner.activations.empty())
    fail("config: expected at least one name in inner.activations, found none");
  if (inner.inner_batch.empty())
    fail("config: expected at least one size in inner.inner_batch, found none");
  if (validation.activations.empty())
    fail("config: expected at least one name in validation.activations, found none");
  if (estimator.name == "mixed" && estimator.pairs < 2) {
    fail(
        "config: expected estimator.pairs of 2 or more for the mixed estimator, whose weights are "
        "variances over pairs, found {}",
        estimator.pairs);
  }
  if (validation.hidden.empty() || validation.hidden.size() > kMaxLayers) {
    fail("config: expected 1 to {} widths in validation.hidden, found {}", kMaxLayers,
         validation.hidden.size());
  }
  rule.require_top_units(inner.min_features, "inner.min_features");
  rule.require_top_units(inner.max_features, "inner.max_features");
  rule.require_top_units(validation.hidden.back(), "validation.hidden, its last width");
}

}  // namespace metaplastic
