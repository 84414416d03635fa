// The rule, what it is worth with few labels, and the filters that it makes.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "chart/filters.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"
#include "rule/theta.h"

namespace metaplastic {
namespace {

constexpr int kFilterColumns = 8;

double mix_of(const ThetaLayout& layout, const std::vector<float>& theta, std::size_t term) {
  return theta[static_cast<std::size_t>(layout[ThetaName::kMix].offset) + term];
}

std::string filters_html(const Filters& filters, const std::string& title, const std::string& alt) {
  return picture_html(title, alt, data_uri(filters_png(filters, kFilterColumns, Theme::kLight)),
                      data_uri(filters_png(filters, kFilterColumns, Theme::kDark)));
}

std::string filters_note(const Encoder& encoder, const Filters& trained) {
  const ImageShape image = seen_shape(encoder);
  std::string text = fmt::format(
      "The incoming weights of {} of the {} units in the first layer, as images of "
      "{}\u00A0\u00D7\u00A0{} pixels. "
      "Orange: the pixel excites the unit; blue: it inhibits; each image is scaled by its largest "
      "weight.",
      trained.tiles.size(), encoder.weights_of(1).spec.units, image.height, image.width);
  if (encoder.preprocess.permutation_seed) {
    text += " The encoder sees its inputs shuffled; here they are back in their places.";
  }
  if (image.channels > 1) text += " Colour channels are averaged.";
  if (trained.height != image.height || trained.width != image.width) {
    text += fmt::format(" Shown at {}\u00A0\u00D7\u00A0{}.", trained.height, trained.width);
  }
  return paragraph(text);
}

// Percent of each true class.
Table confusion_table(const EvaluationRecord& evaluation) {
  const std::vector<std::string>& names = evaluation.class_names;
  Table table{fmt::format("{}: percent of each true class (row) that is taken for each class",
                          evaluation.confused_method),
              {"true class"},
              {},
              {0}};
  for (const std::string& name : names) table.head.push_back(name);
  for (std::size_t r = 0; r < names.size(); ++r) {
    const auto first = evaluation.confusion.begin() + static_cast<std::ptrdiff_t>(r * names.size());
    const auto last = first + static_cast<std::ptrdiff_t>(names.size());
    const auto total = static_cast<double>(std::accumulate(first, last, std::int64_t{0}));
    std::vector<std::string> row = {names[r]};
    for (auto count = first; count != last; ++count) {
      row.push_back(fixed(total > 0 ? 100 * static_cast<double>(*count) / total : 0, 0));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Section rule_section(const RunRecord& run) {
  Section section{"rule", "The rule", ""};
  if (!run.rule) {
    section.html = paragraph("The run has written neither a rule nor a checkpoint yet.");
    return section;
  }
  const RuleRecord& record = *run.rule;
  const ThetaLayout layout(record.rule.sizes);
  section.html = paragraph(fmt::format(
      "{}: {}, outer step {}. Rule: {}; {} parameters. The proposed change of a "
      "weight is a mix of {} terms; these are the learned weights of the mix.",
      record.file,
      record.is_best ? "the best rule on held-out tasks" : "the running average of the rule",
      grouped(record.outer_step), describe(layout.sizes()), grouped(layout.size()),
      layout.num_terms()));
  BarChart chart;
  chart.id = "mix-chart";
  chart.title = "Weight of each term";
  chart.x_title = "weight in the mix";
  const bool has_start = !record.initial_theta.empty();
  if (has_start) chart.mark_name = "where it started";
  Table table{"Weight of each term", {"term", "weight"}, {}, {}};
  if (has_start) table.head.emplace_back("start");
  const std::vector<std::string_view> names = term_names(layout);
  std::size_t largest = 0;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const double weight = mix_of(layout, record.rule.theta, k);
    if (std::abs(weight) > std::abs(mix_of(layout, record.rule.theta, largest))) largest = k;
    ChartBar bar{std::string(names[k]), weight, kNoValue, true, std::nullopt};
    table.rows.push_back({bar.name, fixed(weight, 5)});
    if (has_start) {
      bar.mark = mix_of(layout, record.initial_theta, k);
      table.rows.back().push_back(fixed(*bar.mark, 5));
    }
    chart.bars.push_back(std::move(bar));
  }
  chart.description =
      fmt::format("Bar chart of {} weights. The largest in size is {} with {}.", names.size(),
                  names[largest], fixed(mix_of(layout, record.rule.theta, largest), 3));
  section.html += "<div class=\"charts\">\n" + figure_html(bar_figure(chart)) +
                  "<div class=\"beside\">\n" + table_html(table) + "</div></div>\n";
  return section;
}

Section evaluation_section(const std::optional<EvaluationRecord>& evaluation) {
  Section section{"few-labels", "With few labels", ""};
  if (!evaluation) {
    section.html = paragraph(
        "Not given. Run evaluate with --json FILE, then this report with --evaluate FILE, to see "
        "the comparison of methods here.");
    return section;
  }
  section.html = paragraph(fmt::format(
      "Linear classifiers on each method's features of {}: {} labels per class, mean of {} draws "
      "with the standard error over the draws, seed {}. Layer, stopping point and penalty are "
      "chosen on validation draws.",
      evaluation->dataset, grouped(evaluation->shots), grouped(evaluation->trials),
      evaluation->seed));
  BarChart chart;
  chart.id = "few-labels-chart";
  chart.as_dots = true;
  chart.title = "Accuracy by method";
  chart.x_title = "accuracy";
  chart.description = "Dots with error bars, the most accurate first.";
  Table table{"Accuracy by method",
              {"method", "accuracy", "seconds", "steps", "chosen on validation draws"},
              {},
              {4}};
  for (const EvaluatedMethod& method : evaluation->methods) {
    chart.bars.push_back({method.name, method.accuracy, method.standard_error,
                          method.name == "learned", std::nullopt});
    chart.description +=
        fmt::format(" {}: {}.", method.name, with_error(method.accuracy, method.standard_error, 3));
    table.rows.push_back({method.name, with_error(method.accuracy, method.standard_error, 4),
                          fixed(method.seconds, 1), method.steps, method.settings});
  }
  section.html += "<div class=\"charts\">\n" + figure_html(bar_figure(chart)) +
                  "<div class=\"beside\">\n" + table_html(table) + "</div></div>\n";
  if (!evaluation->verdict.empty()) section.html += paragraph(evaluation->verdict + ".");
  if (!evaluation->confusion.empty()) section.html += table_html(confusion_table(*evaluation));
  return section;
}

Section filters_section(const ReportInputs& inputs) {
  Section section{"filters", "First-layer filters", ""};
  if (!inputs.encoder) {
    section.html = paragraph(
        "Not given. Run apply with --model FILE, then this report with the same --model FILE, to "
        "see the filters here.");
    return section;
  }
  const Encoder& encoder = *inputs.encoder;
  const Filters trained = trained_filters(encoder);
  if (trained.tiles.empty()) {
    section.html =
        paragraph(fmt::format("The inputs of {} are no image ({}), so its weights make no picture.",
                              inputs.encoder_path, kind_name(encoder.preprocess.kind)));
    return section;
  }
  section.html = filters_note(encoder, trained);
  const auto alt = [&](const Filters& filters, const char* which) {
    return fmt::format(
        "{} filters of the {} encoder, {} in a row. Neighbouring weights correlate by {} on "
        "average.",
        filters.tiles.size(), which, kFilterColumns, fixed(smoothness(filters), 2));
  };
  section.html += "<div class=\"charts\">\n";
  section.html += filters_html(
      trained,
      fmt::format("After {} inner steps on {}", encoder.record.inner_steps, encoder.record.data),
      alt(trained, "trained"));
  const Filters untrained = untrained_filters(encoder);
  if (!untrained.tiles.empty()) {
    section.html += filters_html(untrained, "The same units before", alt(untrained, "untrained"));
  }
  section.html += "</div>\n";
  std::string text =
      fmt::format("Neighbouring weights correlate by {} on average", fixed(smoothness(trained), 2));
  if (!untrained.tiles.empty()) {
    text += fmt::format(", before training by {}", fixed(smoothness(untrained), 2));
  }
  section.html += paragraph(text + "; noise gives 0.");
  return section;
}

}  // namespace metaplastic
