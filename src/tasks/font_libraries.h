// FreeType and fontconfig, which are loaded when the first font is looked for.
#pragma once

#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include FT_BBOX_H
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "base/system_library.h"

namespace metaplastic {

struct FreeType {
  SystemLibrary library{METAPLASTIC_FREETYPE_FILE};
  decltype(FT_Done_Face)* done_face = library["FT_Done_Face"];
  decltype(FT_Done_FreeType)* done_freetype = library["FT_Done_FreeType"];
  decltype(FT_DivFix)* div_fix = library["FT_DivFix"];
  decltype(FT_Get_Char_Index)* get_char_index = library["FT_Get_Char_Index"];
  decltype(FT_Init_FreeType)* init_freetype = library["FT_Init_FreeType"];
  decltype(FT_Load_Glyph)* load_glyph = library["FT_Load_Glyph"];
  decltype(FT_New_Face)* new_face = library["FT_New_Face"];
  decltype(FT_Outline_Get_BBox)* outline_get_bbox = library["FT_Outline_Get_BBox"];
  decltype(FT_Outline_Get_Bitmap)* outline_get_bitmap = library["FT_Outline_Get_Bitmap"];
  decltype(FT_Outline_Transform)* outline_transform = library["FT_Outline_Transform"];
  decltype(FT_Outline_Translate)* outline_translate = library["FT_Outline_Translate"];
  decltype(FT_Select_Charmap)* select_charmap = library["FT_Select_Charmap"];
};

struct Fontconfig {
  SystemLibrary library{METAPLASTIC_FONTCONFIG_FILE};
  decltype(FcConfigDestroy)* config_destroy = library["FcConfigDestroy"];
  decltype(FcFontList)* font_list = library["FcFontList"];
  decltype(FcFontSetDestroy)* font_set_destroy = library["FcFontSetDestroy"];
  decltype(FcInitLoadConfigAndFonts)* init_load_config_and_fonts =
      library["FcInitLoadConfigAndFonts"];
  decltype(FcObjectSetBuild)* object_set_build = library["FcObjectSetBuild"];
  decltype(FcObjectSetDestroy)* object_set_destroy = library["FcObjectSetDestroy"];
  decltype(FcPatternAddBool)* pattern_add_bool = library["FcPatternAddBool"];
  decltype(FcPatternCreate)* pattern_create = library["FcPatternCreate"];
  decltype(FcPatternDestroy)* pattern_destroy = library["FcPatternDestroy"];
  decltype(FcPatternGetBool)* pattern_get_bool = library["FcPatternGetBool"];
  decltype(FcPatternGetInteger)* pattern_get_integer = library["FcPatternGetInteger"];
  decltype(FcPatternGetString)* pattern_get_string = library["FcPatternGetString"];
};

const FreeType& freetype();
const Fontconfig& fontconfig();

}  // namespace metaplastic
