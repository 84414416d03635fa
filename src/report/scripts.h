// The scripts of the page, as they lie in the program: the chart library and what calls it.
#pragma once

#include <string>
#include <string_view>

namespace metaplastic {

// Vega, Vega-Lite and Vega-Embed (third_party/vega, BSD-3-Clause), ready for a <script> element.
std::string_view chart_library();
// page.js.
std::string_view page_script();

// "'sha256-...'", which lets a Content-Security-Policy allow exactly this script.
std::string policy_hash(std::string_view script);

}  // namespace metaplastic
