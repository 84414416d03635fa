// What every chart has around it: heading, legend, and words for those who do not see it.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct FigureFrame {
  std::string id;  // unique on the page
  std::string title, description;
  double width = 0, height = 0;  // of the drawing, in its own units
};

struct LegendEntry {
  std::string name;
  std::string svg;  // the sample, 26 x 12
};

// `svg` is the inside of the drawing. The description is read out by screen readers.
std::string figure_html(const FigureFrame& frame, const std::string& svg,
                        const std::vector<LegendEntry>& legend);

}  // namespace metaplastic
