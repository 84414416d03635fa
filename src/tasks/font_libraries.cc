#include "tasks/font_libraries.h"

namespace metaplastic {

const FreeType& freetype() {
  static const FreeType kLibrary;
  return kLibrary;
}

const Fontconfig& fontconfig() {
  static const Fontconfig kLibrary;
  return kLibrary;
}

}  // namespace metaplastic
