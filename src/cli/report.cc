// metaplastic report: a page about a run.
#include "report/report.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/serve_page.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

constexpr int kMaxFollowSeconds = 3600;
constexpr int kServeRefreshSeconds = 10;
constexpr int kMaxPort = 65535;

struct ReportFlags {
  ReportOptions options;
  std::optional<int> follow, serve;
  bool quiet = false;
};

std::string command_line(const ReportOptions& options, const std::optional<int>& serve) {
  std::string line =
      "metaplastic report" + (options.run.empty() ? "" : " " + shell_word(options.run)) +
      (serve ? fmt::format(" --serve {}", *serve) : " --out " + shell_word(options.out));
  if (!options.encoder.empty()) line += " --model " + shell_word(options.encoder);
  if (!options.evaluate.empty()) line += " --evaluate " + shell_word(options.evaluate);
  if (!options.experiments.empty()) line += " --experiments " + shell_word(options.experiments);
  return line;
}

// Writes the page of a run that goes on again and again, until a signal. A browser that shows it
// loads it anew as often; the last page stays as it is.
int follow(ReportOptions options, Progress& progress) {
  while (!stop_requested()) {
    write_report(options);
    progress.update(fmt::format("{} written; Ctrl-C ends this", options.out));
    const Stopwatch watch;
    while (!stop_requested() && watch.seconds() < options.refresh_seconds) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  options.refresh_seconds = 0;
  write_report(options);
  return stopped("the page shows what there was then");
}

// A page that is made anew for each visit. What is wrong with the files shows before anything is
// served.
int serve(const ReportOptions& options, int port) {
  report_page(options);
  serve_page([&] { return report_page(options); }, port,
             [](int bound_port) {
               fmt::print("http://127.0.0.1:{}/\n", bound_port);
               std::fflush(stdout);
             });
  return stopped("nothing was written");
}

CommandFiles files_of(const ReportOptions& options) {
  CommandFiles files;
  files.reads("RUN_DIR", options.run);
  files.reads("--model", options.encoder);
  files.reads("--evaluate", options.evaluate);
  files.reads("--experiments", options.experiments);
  files.writes("--out", options.out, {".html", ".htm"});
  return files;
}

int run_report(const ReportFlags& flags) {
  ReportOptions options = flags.options;
  if (options.out.empty() == !flags.serve) {
    fail("report: expected one of --out FILE and --serve PORT, found {}; give one",
         flags.serve ? "both" : "neither");
  }
  files_of(options).check();
  options.command = command_line(options, flags.serve);
  if (flags.serve) {
    options.refresh_seconds = flags.follow.value_or(kServeRefreshSeconds);
    return serve(options, *flags.serve);
  }
  if (flags.follow) {
    options.refresh_seconds = *flags.follow;
    Progress progress(flags.quiet);
    return follow(options, progress);
  }
  const std::vector<std::string> notes = write_report(options);
  Progress progress(flags.quiet);
  for (const std::string& line : notes) progress.note(line);
  return kExitOk;
}

}  // namespace

Action add_report(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  app.add_option("run", flags->options.run,
                 "folder that train wrote; may be left out with --experiments")
      ->type_name("RUN_DIR");
  app.add_option("--out", flags->options.out, "the page, one HTML file")->type_name("FILE");
  app.add_option("--model", flags->options.encoder,
                 "encoder that apply wrote, to show its first-layer filters")
      ->type_name("FILE");
  app.add_option("--evaluate", flags->options.evaluate,
                 "what evaluate --json wrote, to show its comparison")
      ->type_name("FILE");
  app.add_option("--experiments", flags->options.experiments,
                 "folder that experiment wrote, to show its charts")
      ->type_name("DIR");
  add_whole(app, "--follow", flags->follow, 1, kMaxFollowSeconds,
            "write the page every so many seconds until a signal; an open browser reloads it");
  add_whole(app, "--serve", flags->serve, 0, kMaxPort,
            "instead of --out: serve the page to browsers of this machine at this port (0: a free "
            "one) until a signal; the page reloads every --follow seconds (10)");
  app.add_flag("--quiet", flags->quiet, "no notes on stderr");
  return [flags] { return run_report(*flags); };
}

}  // namespace metaplastic
