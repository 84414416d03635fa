// The axis of a chart: a range, round ticks in it, and where a value lies.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct Axis {
  double low = 0, high = 1;  // low < high, both finite; of a logarithmic axis both above 0
  bool is_log = false;
  std::vector<double> ticks;        // ascending, within [low, high]
  std::vector<std::string> labels;  // one per tick

  // 0 at low, 1 at high; clamped to that range.
  double share(double value) const;
};

struct AxisOptions {
  int max_ticks = 6;     // at least 2
  bool whole = false;    // ticks are whole numbers
  bool grow_low = true;  // the ends move outwards to ticks
  bool grow_high = true;
};

// Ticks are multiples of 1, 2 or 5 times a power of ten. Any numbers are taken: a range without
// extent is widened, and ends beyond 1e100 are cut there.
Axis linear_axis(double low, double high, const AxisOptions& options = {});
// Ticks at 1, 2 and 5 times powers of ten, or at powers of ten alone where the range is wide; the
// ends move outwards to ticks. Ends at or below 0 become 1e-12.
Axis log_axis(double low, double high);

}  // namespace metaplastic
