// Theta from one layout to another: rule files of other programs, other views, unused parts left
// out.
#pragma once

#include <span>
#include <vector>

#include "rule/theta.h"

namespace metaplastic {

// theta of one layout as theta of another, of the same C, D and G: the mix and the readouts by the
// names of their terms, settings and traits by their names, other matrices row by row. What `to`
// has beyond `from` is 0, but settings of one row for all kinds of examples become those of each.
// A term that `to` does not have is left out.
std::vector<float> convert_theta(const ThetaLayout& from, std::span<const float> theta,
                                 const ThetaLayout& to);

// A rule as it is applied, without what its weights make no use of.
struct UsedPart {
  ThetaLayout layout;
  std::vector<float> theta;  // [layout.size()]
};
// Leaves out terms whose weight is at most `least` times the largest of the mix, with their
// readouts, and the networks where no term and no bias reads the hidden state. With least = 0 an
// inner step of what is left has the same bits; else it differs by about the share left out, as
// terms are of unit size. Not for meta-training: a weight of 0 has a gradient.
UsedPart used_part(const ThetaLayout& layout, std::span<const float> theta, double least = 0);

}  // namespace metaplastic
