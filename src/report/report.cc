#include "report/report.h"

#include <fmt/format.h>

#include "eval/encoder_file.h"
#include "io/atomic_file.h"
#include "report/html.h"
#include "report/sections.h"
#include "report/style.h"

namespace metaplastic {
namespace {

ReportInputs read_inputs(const ReportOptions& options) {
  ReportInputs inputs;
  inputs.run = read_run(options.run);
  if (!options.evaluate.empty()) inputs.evaluation = read_evaluation(options.evaluate);
  if (!options.encoder.empty()) inputs.encoder = load_encoder(options.encoder);
  inputs.encoder_path = options.encoder;
  inputs.command = options.command;
  return inputs;
}

// The policy keeps the promise that the page asks the network for nothing, whatever is in it.
std::string head_html(const RunRecord& run) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\" />\n"
      "<title>Meta-training run {}</title>\n<style>{}</style>\n</head>\n",
      escape(run.folder), kStyleSheet);
}

std::string header_html(const RunRecord& run, const std::vector<Section>& sections) {
  std::string out = fmt::format(
      "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header>\n"
      "<h1>Meta-training run</h1>\n<div class=\"path\">{}</div>\n"
      "<nav aria-label=\"Contents\"><ul>\n",
      escape(run.folder));
  for (const Section& section : sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, escape(section.title));
  }
  out += "</ul></nav>\n</header>\n<main id=\"content\">\n";
  if (run.notes.empty()) return out;
  out += "<div class=\"notice\" role=\"note\">";
  for (const std::string& note : run.notes) out += paragraph(note);
  return out + "</div>\n";
}

}  // namespace

std::string report_page(const ReportOptions& options, std::vector<std::string>* notes) {
  const ReportInputs inputs = read_inputs(options);
  const RunRecord& run = inputs.run;
  const std::vector<Section> sections = {
      summary_section(inputs),    evaluation_section(inputs.evaluation),
      training_section(run),      validation_section(run),
      rule_section(run),          filters_section(inputs),
      config_section(run.config), provenance_section(inputs)};
  std::string page = head_html(run) + header_html(run, sections);
  for (const Section& section : sections) {
    page +=
        fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                    section.id, escape(section.title), section.html);
  }
  page += "</main>\n<footer>Written by metaplastic " METAPLASTIC_VERSION
          ". This page holds everything it shows and asks the network for nothing.</footer>\n"
          "</body>\n</html>\n";
  if (notes) *notes = run.notes;
  return page;
}

std::vector<std::string> write_report(const ReportOptions& options) {
  std::vector<std::string> notes;
  const std::string page = report_page(options, &notes);
  write_file_atomically(options.out, page);
  return notes;
}

}  // namespace metaplastic
