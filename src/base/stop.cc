#include "base/stop.h"

#include <atomic>
#include <csignal>

#include "base/error.h"

namespace metaplastic {
namespace {

std::atomic<bool> stop_flag{false};
std::atomic<int> signal_number{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may only touch lock-free atomics");

void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // Writes of a checkpoint in progress go on rather than fail with EINTR.
  action.sa_flags = SA_RESTART;
  METAPLASTIC_CHECK(sigaction(number, &action, nullptr) == 0);
}

// Restoring the default action is what makes the second signal deadly; sigaction is
// async-signal-safe, and so are lock-free atomics.
extern "C" void handle_stop(int number) {
  signal_number.store(number);
  stop_flag.store(true);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

bool handlers_installed = false;

}  // namespace

void install_stop_handlers() {
  install(SIGTERM, handle_stop);
  install(SIGINT, handle_stop);
  install(SIGUSR1, handle_stop);
  handlers_installed = true;
}

bool stop_requested() { return stop_flag.load(std::memory_order_relaxed); }

int stop_signal() { return signal_number.load(); }

void request_stop() { stop_flag.store(true); }

void clear_stop() {
  stop_flag.store(false);
  signal_number.store(0);
  if (handlers_installed) install_stop_handlers();
}

}  // namespace metaplastic
