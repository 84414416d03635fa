// The report of a meta-training run, of experiments, or of both: one HTML file that asks the
// network for nothing. A script in it draws the charts; without one, the tables hold the same
// numbers.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct ReportOptions {
  std::string run;          // the folder that train wrote; "": none, then there are experiments
  std::string out;          // the page
  std::string encoder;      // an encoder file, for its filters; "": none
  std::string evaluate;     // what evaluate --json wrote; "": none
  std::string experiments;  // a folder that experiment wrote; "": none
  std::string command;      // as typed, to be shown on the page; "": not shown
  int refresh_seconds = 0;  // the page loads itself again after so long; 0: it does not
};

// The page as text: a function of the files alone. Throws Error, naming the file, when one is
// missing or damaged; a run that goes on, or has no rule yet, is fine. `notes`, if given, takes one
// line per thing left out.
std::string report_page(const ReportOptions& options, std::vector<std::string>* notes = nullptr);

// Writes the page atomically. Returns the notes.
std::vector<std::string> write_report(const ReportOptions& options);

}  // namespace metaplastic
