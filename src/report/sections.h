// The sections of the page, each a <section> with a heading; "" where there is nothing to show and
// nothing to say about it.
#pragma once

#include <optional>
#include <string>

#include "apply/encoder.h"
#include "report/evaluation_record.h"
#include "report/experiment_record.h"
#include "report/run_record.h"

namespace metaplastic {

// What the page is made of.
struct ReportInputs {
  std::optional<RunRecord> run;
  std::vector<ExperimentRecord> experiments;
  std::optional<EvaluationRecord> evaluation;
  std::optional<Encoder> encoder;
  std::string encoder_path;
  std::string command;
};

struct Section {
  std::string id, title;
  std::string html;  // below the heading
};

Section summary_section(const ReportInputs& inputs);  // of a page with a run
Section training_section(const RunRecord& run);
Section validation_section(const RunRecord& run);
Section rule_section(const RunRecord& run);
Section evaluation_section(const std::optional<EvaluationRecord>& evaluation);
Section filters_section(const ReportInputs& inputs);
Section config_section(const MetaConfig& config);
Section provenance_section(const ReportInputs& inputs);
Section experiment_section(const ExperimentRecord& record);

// "<p>..</p>" of plain text.
std::string paragraph(const std::string& text);
// A picture with its twin for dark pages; both are data URIs.
std::string picture_html(const std::string& title, const std::string& alt, const std::string& light,
                         const std::string& dark);
// Rows of term and description, plain text.
std::string definitions_html(const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace metaplastic
