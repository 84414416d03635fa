// The prepared inputs themselves.
#pragma once

#include <memory>

#include "eval/method.h"

namespace metaplastic {

std::unique_ptr<FeatureMethod> raw_method();

}  // namespace metaplastic
