#include "report/report.h"

#include <fmt/format.h>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "io/atomic_file.h"
#include "report/html.h"
#include "report/scripts.h"
#include "report/sections.h"
#include "report/style.h"

namespace metaplastic {
namespace {

ReportInputs read_inputs(const ReportOptions& options) {
  ReportInputs inputs;
  if (options.run.empty() && options.experiments.empty() && options.evaluate.empty() &&
      options.encoder.empty()) {
    fail(
        "report: expected a run folder, --experiments, --evaluate or --model, found none of them; "
        "give one");
  }
  if (!options.run.empty()) inputs.run = read_run(options.run);
  if (!options.evaluate.empty()) inputs.evaluation = read_evaluation(options.evaluate);
  if (!options.encoder.empty()) inputs.encoder = load_encoder(options.encoder);
  if (!options.experiments.empty()) inputs.experiments = read_experiments(options.experiments);
  inputs.encoder_path = options.encoder;
  inputs.command = options.command;
  return inputs;
}

std::vector<Section> sections_of(const ReportInputs& inputs) {
  std::vector<Section> sections;
  if (inputs.run) {
    const RunRecord& run = *inputs.run;
    sections = {summary_section(inputs), evaluation_section(inputs.evaluation),
                training_section(run),   validation_section(run),
                rule_section(run),       filters_section(inputs)};
  } else {
    if (inputs.evaluation) sections.push_back(evaluation_section(inputs.evaluation));
    if (inputs.encoder) sections.push_back(filters_section(inputs));
  }
  for (const ExperimentRecord& record : inputs.experiments) {
    sections.push_back(experiment_section(record));
  }
  if (inputs.run) sections.push_back(config_section(inputs.run->config));
  sections.push_back(provenance_section(inputs));
  return sections;
}

struct Heading {
  std::string title, path;
};

Heading heading_of(const ReportOptions& options) {
  if (!options.run.empty()) return {"Meta-training run", options.run};
  if (options.evaluate.empty() && options.encoder.empty()) {
    return {"Experiments", options.experiments};
  }
  return {"Results", options.evaluate.empty() ? options.encoder : options.evaluate};
}

// The policy keeps the promise that the page asks the network for nothing, whatever is in it, and
// that only the program's own scripts run.
std::string head_html(const ReportOptions& options) {
  const Heading heading = heading_of(options);
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src {} {}\" />\n",
      policy_hash(chart_library()), policy_hash(page_script()));
  if (options.refresh_seconds > 0) {
    out += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\" />\n", options.refresh_seconds);
  }
  return out + fmt::format("<title>{} {}</title>\n<style>{}</style>\n</head>\n",
                           escape(heading.title), escape(heading.path), kStyleSheet);
}

std::string header_html(const ReportOptions& options, const ReportInputs& inputs,
                        const std::vector<Section>& sections) {
  const Heading heading = heading_of(options);
  std::string out = fmt::format(
      "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header>\n"
      "<h1>{}</h1>\n<div class=\"path\">{}</div>\n"
      "<nav aria-label=\"Contents\"><ul>\n",
      escape(heading.title), escape(heading.path));
  for (const Section& section : sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, escape(section.title));
  }
  out += "</ul></nav>\n</header>\n<main id=\"content\">\n<noscript><div class=\"notice\">" +
         paragraph("The charts need JavaScript; the tables below them hold the same numbers.") +
         "</div></noscript>\n";
  if (!inputs.run || inputs.run->notes.empty()) return out;
  out += "<div class=\"notice\" role=\"note\">";
  for (const std::string& note : inputs.run->notes) out += paragraph(note);
  return out + "</div>\n";
}

std::string script_html(std::string_view script) {
  return fmt::format("<script>{}</script>\n", script);
}

}  // namespace

std::string report_page(const ReportOptions& options, std::vector<std::string>* notes) {
  const ReportInputs inputs = read_inputs(options);
  const std::vector<Section> sections = sections_of(inputs);
  std::string page = head_html(options) + header_html(options, inputs, sections);
  for (const Section& section : sections) {
    page +=
        fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                    section.id, escape(section.title), section.html);
  }
  page += "</main>\n<footer>Written by metaplastic " METAPLASTIC_VERSION
          ". This page holds everything it shows and asks the network for nothing.</footer>\n";
  page += script_html(chart_library()) + script_html(page_script()) + "</body>\n</html>\n";
  if (notes && inputs.run) *notes = inputs.run->notes;
  return page;
}

std::vector<std::string> write_report(const ReportOptions& options) {
  std::vector<std::string> notes;
  const std::string page = report_page(options, &notes);
  write_file_atomically(options.out, page);
  return notes;
}

}  // namespace metaplastic
