// Where the files that come with the program lie: shipped rules and small data sets.
#pragma once

#include <filesystem>
#include <vector>

namespace metaplastic {

// Folders to look in, best first: METAPLASTIC_SHARE alone when it is set; else share/metaplastic
// beside the folder of the program (installed), share/ beside the library that holds this code (a
// Python package), the checkout that the program was built in, the checkout this was compiled from.
// A folder holds digits.npz and rules/; a checkout has them in share/ and in rules/.
std::vector<std::filesystem::path> share_folders();

}  // namespace metaplastic
