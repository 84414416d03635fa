// metaplastic bench: how fast an inner step, a truncation and the data are on this machine.
#include "bench/bench.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "bench/measure.h"
#include "bench/step_case.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "io/json_lines.h"
#include "rule/cost.h"

namespace metaplastic {
namespace {

struct BenchFlags {
  std::string json, dump, serve;
  BenchOptions options;
  bool quiet = false;
};

// One timed run per line of standard input: step (forward + adjoint), forward or sgemm. Answers
// in milliseconds; first of all the operations of a step. For bench/compare and the perf gate.
int serve_case(const std::string& name) {
  // It waits for lines and has nothing to save: a signal ends it at once.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  const StepCase& step_case = find_step_case(name);
  StepRunner<float> runner(step_case, make_step_inputs(step_case));
  SgemmReference sgemm;
  const auto stages = count_step(step_case.architecture, step_case.sizes, step_case.B);
  std::printf("ready %.0f %s\n", 3 * total_flops(stages), std::string(simd_name()).c_str());
  std::fflush(stdout);
  for (std::string word; std::getline(std::cin, word);) {
    const Stopwatch watch;
    if (word == "step") {
      runner.forward_adjoint();
    } else if (word == "forward") {
      runner.forward();
    } else if (word == "sgemm") {
      sgemm.run();
    } else {
      fail("--serve-case: expected lines that say step, forward or sgemm, found {}",
           quote_text(word));
    }
    std::printf("%.6f\n", 1e3 * watch.seconds());
    std::fflush(stdout);
  }
  return kExitOk;
}

CommandFiles files_of(const BenchFlags& flags) {
  CommandFiles files;
  files.writes("--json", flags.json, {".json"});
  files.writes("--dump", flags.dump, {".safetensors"});
  return files;
}

int run_bench_command(const BenchFlags& flags) {
  files_of(flags).check();
  if (!flags.serve.empty()) return serve_case(flags.serve);
  if (!flags.dump.empty()) {
    if (flags.options.cases.size() != 1) fail("--dump: expected --case with the case to write");
    dump_step_case(flags.options.cases[0], flags.dump);
    return kExitOk;
  }
  Progress progress(flags.quiet);
  BenchOptions options = flags.options;
  options.should_stop = stop_requested;
  const nlohmann::json result =
      run_bench(options, [&](const std::string& line) { progress.update(line); });
  progress.finish();
  std::fputs(bench_table(result).c_str(), stdout);
  if (!flags.json.empty()) write_json_atomically(flags.json, result);
  return kExitOk;
}

}  // namespace

Action add_bench(CLI::App& app) {
  constexpr int kMaxCopies = 256, kMaxRepeats = 10'000;
  auto flags = std::make_shared<BenchFlags>();
  app.add_option("--json", flags->json, "also write the result as JSON")->type_name("FILE");
  add_whole(app, "--threads", flags->options.num_threads, 1, kMaxCopies, "copies side by side");
  add_whole(app, "--repeats", flags->options.repeats, 3, kMaxRepeats, "most rounds of a case");
  app.add_option_function<std::string>(
         "--case", [flags](const std::string& name) { flags->options.cases = {name}; },
         "only this case (default all, and the data paths)")
      ->type_name("NAME");
  app.add_option("--dump", flags->dump, "write inputs and results of --case, time nothing")
      ->type_name("FILE");
  app.add_option("--serve-case", flags->serve, "run a step of a case per line of standard input")
      ->type_name("NAME");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_bench_command(*flags); };
}

}  // namespace metaplastic
