// The wish to stop: SIGTERM and SIGINT set a flag that long loops read between units of work.
// A second signal of these kinds ends the process at once, for a user who cannot wait. SIGUSR1 sets
// the flag, too, however often it comes: launchers of ranks pass it on and kill nobody.
#pragma once

namespace metaplastic {

// Call once from main, before threads start. Without it the signals keep their default action.
void install_stop_handlers();

// True from the first signal on (or after request_stop). Cheap, and safe from any thread.
bool stop_requested();

// The signal that asked for the stop; 0 when none did.
int stop_signal();

// Sets the flag without a signal (time budgets, tests).
void request_stop();

// Clears the flag and arms the handlers' first-signal behaviour again (tests).
void clear_stop();

}  // namespace metaplastic
