// The program: picks the subcommand, turns errors into one line and an exit status.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "base/stopped.h"
#include "base/text.h"
#include "cli/colour.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "comm/launch.h"
#include "experiments/build_commit.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

struct Command {
  const char* name;
  const char* help;
  Action (*add)(CLI::App&);
  bool hidden = false;
};

// The order of the help text.
constexpr Command kCommands[] = {
    {"train", "meta-train a rule", add_train},
    {"apply", "train an encoder on unlabelled data with a rule, write the features", add_apply},
    {"embed", "features of new data by an encoder", add_embed},
    {"export", "write an encoder as an ONNX model", add_export},
    {"import", "read the rule of the paper's authors from their checkpoint", add_import},
    {"classify", "predict rows without a label from all rows and a few labels", add_classify},
    {"predict", "classes of new data by an encoder that classify wrote", add_predict},
    {"evaluate", "compare the features of several methods with few labels", add_evaluate},
    {"experiment", "measure one claim of the paper, write numbers and charts", add_experiment},
    {"report", "write a page about a run", add_report},
    {"inspect", "show what a rule, encoder or checkpoint holds", add_inspect},
    {"bench", "time inner steps and data on this machine, against its sgemm", add_bench},
    {"completion", "print a script that completes commands in a shell", add_completion},
    {"manual", "print a manual page", add_manual, true},
    {"classical", "write the hand-set rules", add_classical, true},
};

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (!command.hidden) names.emplace_back(command.name);
  }
  return names;
}

std::string version_text() {
  return fmt::format("metaplastic {} (commit {}, SIMD {})", METAPLASTIC_VERSION, build_commit(),
                     simd_name());
}

// CLI11 would say what is missing before it says which word it does not know.
void check_command(const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = command_names();
  if (arguments.empty()) {
    fail("expected a command ({}), found none; see metaplastic --help", join_names(names));
  }
  const std::string& word = arguments[0];
  const std::vector<std::string> flags = {"--help", "--version", "-h"};
  if (std::ranges::find(flags, word) != flags.end()) return;
  if (word.starts_with("-")) fail("unknown flag {}{}", quote_text(word), did_you_mean(word, flags));
  for (const Command& command : kCommands) {
    if (word == command.name) return;
  }
  fail("unknown command {}{}", quote_text(word), did_you_mean(word, names));
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

int run(const std::vector<std::string>& arguments) {
  check_command(arguments);
  CLI::App app("Meta-learns neuron-local update rules, and applies them to unlabelled data.",
               "metaplastic");
  app.set_version_flag("--version", version_text, "version, commit and SIMD target of the program");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* subcommand = app.add_subcommand(command.name, command.help);
    if (command.hidden) subcommand->group("");
    actions.emplace_back(subcommand, command.add(*subcommand));
    if (arguments[0] == command.name) {
      check_flags(*subcommand, {arguments.begin() + 1, arguments.end()});
    }
  }
  try {
    // CLI11 takes the words from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    fail("{}: {}; see metaplastic {} --help", arguments[0], one_line(error.what()), arguments[0]);
  }
  for (const auto& [subcommand, action] : actions) {
    if (subcommand->parsed()) return action();
  }
  METAPLASTIC_CHECK(false);
  return kExitInternal;
}

int report(const char* kind, const std::string& line, int status) {
  std::fprintf(stderr, "%s %s%s\n", coloured("metaplastic:", Colour::kError).c_str(), kind,
               one_line(line).c_str());
  return status;
}

// What the user can fix is the same for all ranks of a job: rank 0 says it once.
bool speaks_for_the_job() {
  try {
    const auto launch = find_launch();
    return !launch || launch->rank == 0;
  } catch (const Error&) {
    return true;
  }
}

// Blocks of some megabytes come and go in every stage of a command. What the system takes back
// after each of them it has to clear for the next one, which is a tenth of a short command's time.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

// OpenBLAS would start a thread per core when it is loaded, and each would spin for 25 ms; it is
// called with one thread (src/tensor/blas.cc).
void start_no_blas_threads() { setenv("OPENBLAS_NUM_THREADS", "1", 1); }

}  // namespace

int stopped(const char* what_next) {
  return report("", fmt::format("stopped by signal {}; {}", stop_signal(), what_next),
                kExitStopped);
}

}  // namespace metaplastic

int main(int argc, char** argv) {
  using namespace metaplastic;
  keep_freed_memory();
  start_no_blas_threads();
  install_stop_handlers();
  try {
    const int status = run({argv + 1, argv + argc});
    // What was printed may have been lost: a full disk behind stdout shows here.
    if (std::fflush(stdout) != 0)
      return report("", "standard output: cannot be written", kExitUser);
    return status;
  } catch (const Error& error) {
    return speaks_for_the_job() ? report("", error.what(), kExitUser) : kExitUser;
  } catch (const Stopped&) {
    return stopped("nothing was written");
  } catch (const std::bad_alloc&) {
    return report("internal error: ", "out of memory", kExitInternal);
  } catch (const std::exception& error) {
    return report("internal error: ", error.what(), kExitInternal);
  }
}
