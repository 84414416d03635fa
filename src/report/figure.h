// A chart on the page: heading, drawing, and its numbers as a table for those who do not see it.
#pragma once

#include <string>

#include "chart/chart.h"

namespace metaplastic {

// A <figure> with heading and specification; page.js draws it.
std::string figure_html(const Figure& figure);

}  // namespace metaplastic
