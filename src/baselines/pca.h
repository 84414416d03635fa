// Principal components of the training rows, 16 to 128 of them.
#pragma once

#include <memory>

#include "eval/method.h"

namespace metaplastic {

std::unique_ptr<FeatureMethod> pca_method();

}  // namespace metaplastic
