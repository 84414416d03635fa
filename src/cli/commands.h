// The subcommands of the program: each file declares its flags and returns what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace metaplastic {

constexpr int kExitOk = 0;
constexpr int kExitInternal = 1;
constexpr int kExitUser = 2;
constexpr int kExitStopped = 3;

// Runs a parsed subcommand; returns the exit status. Throws Error for what the user can fix.
using Action = std::function<int()>;

Action add_train(CLI::App& app);
Action add_apply(CLI::App& app);
Action add_embed(CLI::App& app);
Action add_export(CLI::App& app);
Action add_import(CLI::App& app);
Action add_classify(CLI::App& app);
Action add_predict(CLI::App& app);
Action add_evaluate(CLI::App& app);
Action add_inspect(CLI::App& app);
Action add_experiment(CLI::App& app);
Action add_report(CLI::App& app);
Action add_bench(CLI::App& app);
Action add_completion(CLI::App& app);
Action add_manual(CLI::App& app);
Action add_classical(CLI::App& app);

// Prints that a signal ended the work and what became of it; returns kExitStopped.
int stopped(const char* what_next);

}  // namespace metaplastic
