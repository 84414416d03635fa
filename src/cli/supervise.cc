#include "cli/supervise.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "cli/commands.h"
#include "io/json_text.h"
#include "io/safetensors.h"

namespace metaplastic {
namespace {

// Attempts in a row without a new checkpoint before giving up, and the pauses between them.
constexpr int kMaxFailures = 5;
constexpr double kFirstPause = 1, kLongestPause = 60;
constexpr double kPoll = 0.05;
// A launcher that outlives the run by so long waits for ranks that it cannot reach any more.
constexpr double kLauncherGrace = 10;

void nap(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

std::string checkpoint_of(const Supervised& run) { return run.out + "/checkpoint.safetensors"; }

// -1: there is none.
std::int64_t saved_step(const Supervised& run) {
  if (!std::filesystem::exists(checkpoint_of(run))) return -1;
  const TensorFile file = read_safetensors(checkpoint_of(run));
  const auto state = parse_json(file.require_metadata("run"));
  return state.is_object() ? state.value("outer_step", std::int64_t{-1}) : -1;
}

// Whether a process trains in the folder: it holds the lock of meta/run_folder.h.
bool is_training(const Supervised& run) {
  const int lock = open((run.out + "/.lock").c_str(), O_RDWR | O_CLOEXEC);
  if (lock < 0) return false;
  const bool taken = flock(lock, LOCK_EX | LOCK_NB) != 0;
  close(lock);
  return taken;
}

pid_t start(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C reaches the supervisor alone, which passes it on once.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int problem = posix_spawnp(&child, argv[0], nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (problem != 0) {
    fail("--launch: expected a program that can be started, found '{}' ({})", words[0],
         std::strerror(problem));
  }
  return child;
}

// mpirun and srun pass SIGUSR1 on to the ranks, which stop, saved. SIGTERM they take as a wish to
// kill, a second or so after it.
int stop_signal_for(const Supervised& run) {
  if (run.launcher.empty()) return SIGTERM;
  const std::string name = std::filesystem::path(run.launcher[0]).filename();
  const bool passes_on = name.starts_with("mpirun") || name.starts_with("mpiexec") ||
                         name.starts_with("orterun") || name == "srun";
  return passes_on ? SIGUSR1 : SIGTERM;
}

// Waits for the child; passes a stop on to it; ends a launcher that outlives its run.
int wait_for(pid_t child, const Supervised& run) {
  bool passed_on = false, has_trained = false;
  double idle_since = -1, looked = 0;
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) return status;
    if (stop_requested() && !std::exchange(passed_on, true)) kill(child, stop_signal_for(run));
    nap(kPoll);
    const double now = steady_seconds();
    if (run.launcher.empty() || now - looked < 1) continue;
    looked = now;
    const bool training = is_training(run);
    has_trained |= training;
    if (training || !has_trained) {
      idle_since = -1;
    } else if (idle_since < 0) {
      idle_since = now;
    } else if (now - idle_since > kLauncherGrace) {
      kill(-child, SIGKILL);
    }
  }
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  // What shells and launchers say of a process that a signal ended.
  if (code > 128) return fmt::format("was ended by signal {}", code - 128);
  return fmt::format("ended with status {}", code);
}

std::vector<std::string> command_of(const Supervised& run, bool resume, double seconds_gone) {
  std::vector<std::string> words = run.launcher;
  words.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  words.insert(words.end(), run.arguments.begin(), run.arguments.end());
  if (resume) words.emplace_back("--resume");
  if (run.minutes > 0) {
    words.emplace_back("--minutes");
    words.push_back(fmt::format("{}", std::max(1e-3, run.minutes - seconds_gone / 60)));
  }
  return words;
}

}  // namespace

int supervise(const Supervised& run, Progress& progress) {
  const Stopwatch watch;
  int failures = 0;
  std::int64_t last_step = -1;
  for (bool resume = run.resume;;) {
    const int status = wait_for(start(command_of(run, resume, watch.seconds())), run);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == kExitOk || code == kExitUser || code == kExitStopped) return code;
    if (stop_requested()) return stopped("the run's last checkpoint is there, go on with --resume");
    while (is_training(run)) nap(kPoll);  // a rank that has not yet noticed
    const std::int64_t step = saved_step(run);
    failures = step > last_step ? 1 : failures + 1;
    last_step = step;
    if (failures >= kMaxFailures) {
      progress.warn(
          fmt::format("the run {}; {} attempts in a row brought no new checkpoint, giving up",
                      describe(status), failures));
      return kExitInternal;
    }
    const double pause = std::min(kLongestPause, kFirstPause * (1 << (failures - 1)));
    progress.warn(fmt::format(
        "the run {}; starting it again {} in {} s", describe(status),
        step < 0 ? std::string("from the beginning") : fmt::format("from outer step {}", step),
        pause));
    resume = step >= 0;
    const Stopwatch pausing;
    while (pausing.seconds() < pause && !stop_requested()) nap(kPoll);
    if (stop_requested()) return stopped("the run's last checkpoint is there, go on with --resume");
  }
}

std::vector<std::string> split_words(const std::string& flag, const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  bool any = false;
  for (const char c : text) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      any = true;
    } else if (c == ' ' || c == '\t') {
      if (any || !word.empty()) words.push_back(std::exchange(word, {}));
      any = false;
    } else {
      word += c;
    }
  }
  if (quote != '\0') fail("{}: expected a closing {} in '{}'", flag, quote, text);
  if (any || !word.empty()) words.push_back(word);
  return words;
}

}  // namespace metaplastic
