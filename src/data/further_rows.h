// Rows of a second data set behind the training rows of a first one: more to learn from.
#pragma once

#include "data/dataset.h"

namespace metaplastic {

// `data` with the rows of `more` between its training and its test rows, without labels. Columns
// are matched by name, and categories and words of either are kept. Throws Error where the kinds,
// columns or image sizes differ.
Dataset with_further_rows(const Dataset& data, const Dataset& more);

}  // namespace metaplastic
