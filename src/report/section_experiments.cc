// One section per experiment: claim, finding, charts, pictures, the numbers and how they were made.
#include <fmt/format.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

namespace metaplastic {

Section experiment_section(const ExperimentRecord& record) {
  Section section{"experiment-" + record.name, "Experiment: " + record.name, ""};
  section.html = paragraph("Claim: " + record.claim) + paragraph("Found: " + record.finding);
  for (const std::string& note : record.notes) section.html += paragraph("Note: " + note + ".");
  section.html += "<div class=\"charts\">\n";
  for (const Figure& figure : record.figures) section.html += figure_html(figure);
  for (const ExperimentPicture& picture : record.pictures) {
    section.html += picture_html(picture.title, picture.alt, picture.light, picture.dark);
  }
  section.html += "</div>\n";
  Table table{fmt::format("{}: every number", record.name), record.columns, record.rows, {}};
  for (std::size_t c = 0; c < record.is_text.size(); ++c) {
    if (record.is_text[c]) table.text_columns.push_back(c);
  }
  section.html += folded_table_html("These charts as a table", table);
  Table facts{fmt::format("{}: how it was made", record.name), {"what", "value"}, {}, {1}};
  for (const auto& [what, value] : record.facts) facts.rows.push_back({what, value});
  section.html += folded_table_html("Settings, seed and commit", facts);
  section.html += "<pre tabindex=\"0\"><code>" + escape(record.command) + "</code></pre>\n";
  return section;
}

}  // namespace metaplastic
