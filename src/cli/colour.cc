#include "cli/colour.h"

#include <unistd.h>

#include <cstdlib>

namespace metaplastic {

bool has_colour() {
  static const bool kHasColour = [] {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
           terminal != nullptr && std::string_view(terminal) != "dumb";
  }();
  return kHasColour;
}

std::string coloured(std::string_view text, Colour colour) {
  if (!has_colour()) return std::string(text);
  const std::string_view code = colour == Colour::kError ? "\033[1;31m" : "\033[1;33m";
  return std::string(code) + std::string(text) + "\033[0m";
}

}  // namespace metaplastic
