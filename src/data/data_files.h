// Which files a data SPEC reads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_form.h"

namespace metaplastic {

// Files of a SPEC; of a folder of images or texts, the files in it that are read; of named data,
// the folder that holds it. Throws Error for a SPEC that is none; what cannot be read is passed
// over here, and refused when it is loaded.
std::vector<std::string> data_files(std::string_view spec, std::span<const DataForm> forms);

// A SPEC without the folders that absolute paths begin with, e.g. "npy:x.npy,image=8x8" for
// "npy:/home/me/x.npy,image=8x8": for files that are given to others.
std::string without_folders(std::string_view spec);

}  // namespace metaplastic
