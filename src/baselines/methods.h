// The methods of evaluate by name. A new baseline: one file in this folder and one row in
// methods.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/learned_method.h"
#include "eval/method.h"

namespace metaplastic {

// learned, random, raw, pca.
const std::vector<std::string>& method_names();

// One method per name, in that order. The rule is what "learned" applies; `options` also give
// "random" its base model; readout is for both. Throws Error for an unknown name (with the nearest
// one) or a name twice.
std::vector<std::unique_ptr<FeatureMethod>> make_methods(const std::vector<std::string>& names,
                                                         const Rule& rule,
                                                         const ApplyOptions& options,
                                                         Readout readout = Readout::kBestLayer);

}  // namespace metaplastic
