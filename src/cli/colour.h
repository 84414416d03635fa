// Colour on stderr, where it is a terminal that has it; NO_COLOR (no-color.org) switches it off.
#pragma once

#include <string>
#include <string_view>

namespace metaplastic {

enum class Colour { kError, kWarning };

bool has_colour();
// The text, coloured where stderr has colour.
std::string coloured(std::string_view text, Colour colour);

}  // namespace metaplastic
