// All forms that `--data SPEC` may name: files (data/data_form.h), and the task families of images
// and signals (family_rows.h), each a labelled sample of its held-out classes.
#pragma once

#include <span>
#include <string_view>

#include "data/data_form.h"
#include "data/dataset.h"

namespace metaplastic {

std::span<const DataForm> data_forms();
// load_dataset with data_forms().
Dataset load_data(std::string_view spec);

}  // namespace metaplastic
