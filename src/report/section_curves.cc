// Curves over outer steps: meta-training and meta-validation.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chart/series.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxTableRows = 20;
constexpr std::size_t kSmoothingShare = 20;     // the window is about a twentieth of the run
constexpr std::size_t kMaxFamilies = 10;        // as many as the page has colours
constexpr std::size_t kMaxRawValidations = 60;  // more of them are noise to the eye; smoothed

using StepNumber = double StepRecord::*;

std::vector<Point> points_of(const std::vector<StepRecord>& steps, StepNumber number) {
  std::vector<Point> points;
  for (const StepRecord& step : steps) {
    points.push_back({static_cast<double>(step.outer_step), step.*number, kNoValue});
  }
  return points;
}

double mean_of(const std::vector<StepRecord>& steps, std::size_t first, std::size_t end,
               StepNumber number) {
  double sum = 0;
  int count = 0;
  for (std::size_t n = first; n < end; ++n) {
    if (!std::isfinite(steps[n].*number)) continue;
    sum += steps[n].*number;
    ++count;
  }
  return count == 0 ? kNoValue : sum / count;
}

// The window on either side of a step.
std::size_t smoothing_reach(std::size_t num_steps) {
  return std::clamp<std::size_t>(num_steps / (2 * kSmoothingShare), 1, 500);
}

std::string trend(const std::vector<Point>& smooth, int decimals) {
  const auto is_value = [](const Point& p) { return std::isfinite(p.y); };
  const auto first = std::ranges::find_if(smooth, is_value);
  const auto last = std::find_if(smooth.rbegin(), smooth.rend(), is_value);
  if (first == smooth.end()) return "No finite value yet.";
  return fmt::format("Smoothed, it goes from {} at outer step {:.0f} to {} at outer step {:.0f}.",
                     fixed(first->y, decimals), first->x, fixed(last->y, decimals), last->x);
}

LineChart step_chart(const RunRecord& run, const std::string& id, const std::string& title,
                     const std::string& y_title, StepNumber number) {
  LineChart chart;
  chart.id = id;
  chart.title = title;
  chart.x_title = "outer step";
  chart.y_title = y_title;
  const std::vector<Point> raw = points_of(run.steps, number);
  const std::size_t reach = smoothing_reach(raw.size());
  const std::vector<Point> smooth = smoothed(raw, reach);
  chart.lines.push_back({"each outer step", raw, LineStyle::kFaint, false});
  chart.lines.push_back(
      {fmt::format("mean of {}", 2 * reach + 1), smooth, LineStyle::kBold, false});
  chart.description = "Line chart over outer steps. " + trend(smooth, 3);
  return chart;
}

Table step_table(const RunRecord& run) {
  Table table;
  table.caption = "Meta-training, means over stretches of outer steps";
  table.head = {"outer steps",   "meta-loss",     "accuracy",
                "gradient norm", "inner steps/s", "non-finite"};
  const std::size_t num_steps = run.steps.size();
  const std::size_t num_rows = std::min(num_steps, kMaxTableRows);
  for (std::size_t r = 0; r < num_rows; ++r) {
    const std::size_t first = r * num_steps / num_rows, end = (r + 1) * num_steps / num_rows;
    const std::int64_t low = run.steps[first].outer_step, high = run.steps[end - 1].outer_step;
    const auto mean = [&](StepNumber number) { return mean_of(run.steps, first, end, number); };
    table.rows.push_back({low == high ? grouped(low) : grouped(low) + " to " + grouped(high),
                          fixed(mean(&StepRecord::meta_loss), 4),
                          fixed(mean(&StepRecord::accuracy), 4),
                          fixed(mean(&StepRecord::gradient_norm), 3),
                          fixed(mean(&StepRecord::inner_steps) / mean(&StepRecord::seconds), 0),
                          fixed(100 * mean(&StepRecord::non_finite_share), 1) + " %"});
  }
  return table;
}

std::vector<std::string> family_names(const RunRecord& run) {
  std::vector<std::string> names;
  for (const ValidationRecord& record : run.validations) {
    for (const auto& [name, accuracy] : record.by_family) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

double family_accuracy(const ValidationRecord& record, const std::string& name) {
  const auto found = record.by_family.find(name);
  return found == record.by_family.end() ? kNoValue : found->second;
}

LineChart validation_chart(const RunRecord& run) {
  LineChart chart;
  chart.id = "validation-chart";
  chart.title = "Accuracy on held-out tasks";
  chart.x_title = "outer step";
  chart.y_title = "accuracy";
  Line learned{"rule, \u00B1 standard error", {}, LineStyle::kBold, true};
  Line random{"random encoder", {}, LineStyle::kDashed, false};
  for (const ValidationRecord& record : run.validations) {
    const auto x = static_cast<double>(record.outer_step);
    learned.points.push_back({x, record.accuracy, record.standard_error});
    random.points.push_back({x, record.random_accuracy, kNoValue});
  }
  const ValidationRecord& last = run.validations.back();
  chart.description = fmt::format(
      "Line chart over outer steps with a band of one standard error. At the last validation, "
      "outer "
      "step {}: {}, random encoder {}.",
      last.outer_step, with_error(last.accuracy, last.standard_error, 3),
      fixed(last.random_accuracy, 3));
  // One validation makes no line: a short one shows the level of the random encoder.
  if (random.points.size() == 1) {
    Point before = random.points[0];
    before.x = 0;
    random.points.insert(random.points.begin(), before);
  }
  chart.lines = {learned, random};
  if (learned.points.size() > kMaxRawValidations) {
    const std::size_t reach = smoothing_reach(learned.points.size());
    Line smooth{fmt::format("mean of {}", 2 * reach + 1), smoothed(learned.points, reach),
                LineStyle::kBold, false};
    chart.lines[0].style = LineStyle::kFaint;
    chart.lines.push_back(std::move(smooth));
  }
  return chart;
}

LineChart family_chart(const RunRecord& run, const std::vector<std::string>& names) {
  LineChart chart;
  chart.id = "family-chart";
  chart.title = "The same by family of tasks";
  chart.x_title = "outer step";
  chart.y_title = "accuracy";
  chart.description = "Line chart over outer steps, one line per family of tasks. Last values:";
  for (std::size_t f = 0; f < std::min(names.size(), kMaxFamilies); ++f) {
    Line line{names[f], {}, LineStyle::kBold, true};
    for (const ValidationRecord& record : run.validations) {
      line.points.push_back(
          {static_cast<double>(record.outer_step), family_accuracy(record, names[f]), kNoValue});
    }
    chart.description +=
        fmt::format("{} {} {}", f == 0 ? "" : ",", names[f], fixed(line.points.back().y, 3));
    if (line.points.size() > kMaxRawValidations) {
      const std::size_t reach = smoothing_reach(line.points.size());
      line.points = smoothed(line.points, reach);
      chart.y_title = fmt::format("accuracy, mean of {}", 2 * reach + 1);
    }
    chart.lines.push_back(std::move(line));
  }
  chart.description += ".";
  return chart;
}

Table validation_table(const RunRecord& run, const std::vector<std::string>& names) {
  Table table;
  table.head = {"outer step", "accuracy", "random encoder", "meta-loss"};
  table.head.insert(table.head.end(), names.begin(), names.end());
  const std::size_t count = run.validations.size();
  const std::size_t num_rows = std::min(count, kMaxTableRows);
  table.caption = num_rows == count ? "Every meta-validation"
                                    : fmt::format("{} of {} meta-validations", num_rows, count);
  for (std::size_t r = 0; r < num_rows; ++r) {
    // Evenly spread, the last one included.
    const ValidationRecord& record = run.validations[(r + 1) * count / num_rows - 1];
    std::vector<std::string> row = {grouped(record.outer_step),
                                    with_error(record.accuracy, record.standard_error, 4),
                                    fixed(record.random_accuracy, 4), fixed(record.meta_loss, 4)};
    for (const std::string& name : names) row.push_back(fixed(family_accuracy(record, name), 4));
    table.rows.push_back(row);
  }
  return table;
}

}  // namespace

Section training_section(const RunRecord& run) {
  Section section{"training", "Meta-training", ""};
  if (run.steps.empty()) {
    section.html = paragraph("No outer step is finished yet.");
    return section;
  }
  section.html = paragraph(
      "What each update of the rule saw on its own training tasks: a probe fitted on a few "
      "labelled "
      "examples is judged on others while the rule trains an encoder. Every outer step meets other "
      "tasks at other points of their training, so the raw curves are noisy.");
  section.html += "<div class=\"charts\">\n";
  section.html += figure_html(line_figure(step_chart(
      run, "loss-chart", "Meta-loss, lower is better", "meta-loss", &StepRecord::meta_loss)));
  section.html += figure_html(line_figure(step_chart(run, "accuracy-chart", "Accuracy of the probe",
                                                     "accuracy", &StepRecord::accuracy)));
  LineChart gradient = step_chart(run, "gradient-chart", "Norm of the meta-gradient",
                                  "norm, log scale", &StepRecord::gradient_norm);
  gradient.is_y_log = true;
  const double clip = run.config.outer.clip_gradient;
  Line limit{fmt::format("clipped above {}", clip), {}, LineStyle::kDashed, false};
  for (const std::int64_t x : {run.steps.front().outer_step, run.steps.back().outer_step}) {
    limit.points.push_back({static_cast<double>(x), clip, kNoValue});
  }
  gradient.lines.push_back(limit);
  section.html += figure_html(line_figure(gradient));
  section.html += figure_html(line_figure(step_chart(
      run, "speed-chart", "Speed", "inner steps per second", &StepRecord::inner_steps_per_second)));
  section.html += "</div>\n" + folded_table_html("These curves as a table", step_table(run));
  return section;
}

Section validation_section(const RunRecord& run) {
  Section section{"validation", "Held-out tasks", ""};
  const ValidationConfig& config = run.config.validation;
  if (run.validations.empty()) {
    section.html = paragraph(
        fmt::format("No meta-validation yet: the first comes at outer step {}.", config.every));
    return section;
  }
  section.html = paragraph(
      fmt::format("Meta-validation: {} tasks of classes that meta-training never sees, the same "
                  "ones each time, "
                  "{} inner steps on a base model of {} units. The random encoder is the same base "
                  "model before "
                  "its first inner step. The rule with the best value is kept as rule.safetensors.",
                  config.num_tasks, config.inner_steps, fmt::join(config.hidden, "-")));
  const std::vector<std::string> names = family_names(run);
  section.html += "<div class=\"charts\">\n" + figure_html(line_figure(validation_chart(run)));
  if (!names.empty()) section.html += figure_html(line_figure(family_chart(run, names)));
  section.html += "</div>\n";
  if (names.size() > kMaxFamilies) {
    section.html += paragraph(fmt::format("The chart shows {} of {} families; the table has all.",
                                          kMaxFamilies, names.size()));
  }
  section.html += folded_table_html("These curves as a table", validation_table(run, names));
  return section;
}

}  // namespace metaplastic
