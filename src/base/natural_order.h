// The order of names in which people count: 1, 2, 10.
#pragma once

#include <string_view>

namespace metaplastic {

// Runs of digits compare as numbers, everything else by bytes. Names that differ only in leading
// zeros (1, 01) compare by bytes, so that the order is total. Where all numbers have the same
// number of digits it is the order of the bytes.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace metaplastic
