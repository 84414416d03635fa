// metaplastic report: a page about a run.
#include "report/report.h"

#include <memory>

#include "cli/commands.h"
#include "cli/progress.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

struct ReportFlags {
  ReportOptions options;
  bool quiet = false;
};

std::string command_line(const ReportOptions& options) {
  std::string line =
      "metaplastic report " + shell_word(options.run) + " --out " + shell_word(options.out);
  if (!options.encoder.empty()) line += " --model " + shell_word(options.encoder);
  if (!options.evaluate.empty()) line += " --evaluate " + shell_word(options.evaluate);
  return line;
}

int run_report(const ReportFlags& flags) {
  ReportOptions options = flags.options;
  options.command = command_line(options);
  const std::vector<std::string> notes = write_report(options);
  Progress progress(flags.quiet);
  for (const std::string& line : notes) progress.note(line);
  return kExitOk;
}

}  // namespace

Action add_report(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  app.add_option("run", flags->options.run, "folder that train wrote")
      ->required()
      ->type_name("RUN_DIR");
  app.add_option("--out", flags->options.out, "the page, one HTML file")
      ->required()
      ->type_name("FILE");
  app.add_option("--model", flags->options.encoder,
                 "encoder that apply wrote, to show its first-layer filters")
      ->type_name("FILE");
  app.add_option("--evaluate", flags->options.evaluate,
                 "what evaluate --json wrote, to show its comparison")
      ->type_name("FILE");
  app.add_flag("--quiet", flags->quiet, "no notes on stderr");
  return [flags] { return run_report(*flags); };
}

}  // namespace metaplastic
