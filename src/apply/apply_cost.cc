#include "apply/apply_cost.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "apply/encoder.h"
#include "apply/second_views.h"
#include "apply/training_rows.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "io/atomic_file.h"
#include "rule/convert_theta.h"
#include "rule/inner_step.h"

namespace metaplastic {
namespace {

constexpr double kGiB = 1 << 30;
constexpr double kUnusualBytes = kGiB, kUnusualSeconds = 300;
constexpr int kWidest = 1024;  // of a layer that is tried at its own width

// Memory and time of one inner step at these widths.
ApplyCost try_step(const Rule& rule, const UsedPart& used, const Architecture& architecture,
                   int batch, bool is_narrower) {
  const int num_examples = rule.sizes.num_views() * batch;
  Random random(0, Purpose::kInnerBatch);
  std::vector<float> x(static_cast<std::size_t>(architecture.num_inputs()) *
                       static_cast<std::size_t>(num_examples));
  for (float& value : x) value = random.normal();
  const std::vector<float> phi =
      make_phi<float>(architecture, rule.inner.phi_init(), Random(0, Purpose::kPhiInit));
  const StepSettings<float> settings{static_cast<float>(rule.inner.inner_lr), 0.0f};
  Tape<float> tape;
  if (is_narrower) tape.keep_from(0);  // as a step at the whole width does
  ApplyCost cost;
  // The first time, memory is new and slow.
  for (int run = 0; run < 2; ++run) {
    const Stopwatch watch;
    tape.reset(false);
    inner_step(tape, theta_leaves(tape, used.layout, used.theta.data()),
               phi_leaves(tape, architecture, phi.data()), architecture.activation,
               tape.constant(x.data(), architecture.num_inputs(), 1, num_examples), settings);
    cost.seconds = watch.seconds();
  }
  cost.bytes = static_cast<double>(tape.arena().peak_bytes());
  return cost;
}

// The cost has a part for each unit and one for each weight, both linear in the width of a layer
// whose neighbours stay. So wide layers are added in turn; their slope was measured at narrow
// neighbours and grows with those.
ApplyCost step_cost(const Rule& rule, const Architecture& architecture, int batch,
                    double least_weight) {
  const UsedPart used = used_part(ThetaLayout(rule.sizes), rule.theta, least_weight);
  Architecture narrow = architecture;
  for (int& width : narrow.widths) width = std::min(width, kWidest);
  const bool is_narrower = narrow.widths != architecture.widths;
  const ApplyCost base = try_step(rule, used, narrow, batch, is_narrower);
  ApplyCost total = base;
  for (std::size_t l = 0; l < narrow.widths.size(); ++l) {
    const double missing = architecture.widths[l] - narrow.widths[l];
    if (missing <= 0) continue;
    Architecture wider = narrow;
    wider.widths[l] += kWidest;
    const ApplyCost more = try_step(rule, used, wider, batch, is_narrower);
    double around = 0, tried = 0;
    if (l > 0) {
      around += architecture.widths[l - 1];
      tried += narrow.widths[l - 1];
    }
    if (l + 1 < narrow.widths.size()) {
      around += narrow.widths[l + 1];
      tried += narrow.widths[l + 1];
    }
    const double times = missing / kWidest * around / tried;
    total.bytes += std::max(0.0, more.bytes - base.bytes) * times;
    total.seconds += std::max(0.0, more.seconds - base.seconds) * times;
  }
  return total;
}

// A number in a file that the kernel makes up; -1 where there is none.
double number_in(const std::string& path) {
  try {
    const std::string text = read_text_file(path, 4096);
    double value = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} ? value : -1;
  } catch (const Error&) {
    return -1;
  }
}

std::string size_text(double bytes) {
  return bytes < kGiB ? fmt::format("{:.0f} MiB", bytes / (1 << 20))
                      : fmt::format("{:.1f} GiB", bytes / kGiB);
}

std::string time_text(double seconds) {
  return seconds < 90     ? fmt::format("{:.0f} seconds", seconds)
         : seconds < 5400 ? fmt::format("{:.0f} minutes", seconds / 60)
                          : fmt::format("{:.1f} hours", seconds / 3600);
}

}  // namespace

ApplyCost estimate_apply_cost(const Rule& rule, const Architecture& architecture,
                              std::int64_t num_rows, int batch, int num_steps,
                              double least_weight) {
  ApplyCost cost = step_cost(rule, architecture, batch, least_weight);
  cost.seconds *= num_steps;
  const double inputs = architecture.num_inputs(), rows = static_cast<double>(num_rows);
  const int widest = *std::ranges::max_element(architecture.widths);
  const double widest_layer =
      *std::max_element(architecture.widths.begin() + 1, architecture.widths.end());
  const double statistics_rows = static_cast<double>(std::min(num_rows, kMaxStatisticsRows));
  const bool has_pool = rule.sizes.has_neighbours();
  const double pool_rows =
      has_pool ? std::min(rows, static_cast<double>(pool_size(architecture.num_inputs()))) : 0;
  const double values =
      6.0 * static_cast<double>(
                architecture.phi_size())  // phi, its mean and an earlier one; W; copies
      + statistics_rows * (inputs + 2 * widest_layer)  // read, and two layers of them
      + 2.0 * static_cast<double>(encode_block_rows(widest)) * widest  // lower and upper block
      + (2.0 + rule.sizes.num_views()) * batch * inputs  // as rows, as columns, their views
      + 3 * pool_rows * inputs;
  cost.bytes += sizeof(float) * values;
  return cost;
}

double memory_limit() {
  double limit =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const double group = number_in(file); group > 0) limit = std::min(limit, group);
  }
  return limit;
}

std::string check_apply_cost(const ApplyCost& cost, const Architecture& architecture, int batch,
                             int num_steps, double limit) {
  const std::string what = fmt::format(
      "{} inputs, layers of {} and batches of {} rows", architecture.num_inputs(),
      fmt::join(architecture.widths.begin() + 1, architecture.widths.end(), ","), batch);
  if (cost.bytes > limit) {
    fail(
        "apply: expected to need at most the {} of memory that there are, found about {} for {}; "
        "use fewer columns, smaller images, a smaller inner batch or narrower layers",
        size_text(limit), size_text(cost.bytes), what);
  }
  if (cost.bytes < kUnusualBytes && cost.seconds < kUnusualSeconds) return "";
  return fmt::format("apply: {} inner step{} of {} will take about {} of memory and {}", num_steps,
                     num_steps == 1 ? "" : "s", what, size_text(cost.bytes),
                     time_text(cost.seconds));
}

}  // namespace metaplastic
