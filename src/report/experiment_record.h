// What `experiment` wrote, read back for the report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "chart/chart.h"

namespace metaplastic {

struct ExperimentPicture {
  std::string title, alt;
  std::string light, dark;  // PNG files as data URIs
};

struct ExperimentRecord {
  std::string file, name, claim, finding, command;
  std::vector<Figure> figures;
  std::vector<ExperimentPicture> pictures;
  std::vector<std::string> columns;            // of the table
  std::vector<std::vector<std::string>> rows;  // cells as text
  std::vector<bool> is_text;                   // [columns]
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::string>> facts;  // seed, rule, commit, settings
};

// Every experiment among FOLDER/*.json, by file name. Throws Error when the folder has none, or
// one of them is damaged; JSON files of other programs are passed over.
std::vector<ExperimentRecord> read_experiments(const std::string& folder);

}  // namespace metaplastic
