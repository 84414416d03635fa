// The ranks of one run: how the others are set up, live and end. Rank 0 leads (meta/trainer.h).
#pragma once

#include "meta/protocol.h"

namespace metaplastic {

// Sends each other rank its trajectories, and waits until all are ready.
// saved: the trajectories of a checkpoint, of which those of the others are moved away; empty: a
// fresh start.
// Throws Error, naming the rank, when one runs another program or draws from other tasks.
void set_up_ranks(Comm& comm, const MetaConfig& config, std::uint64_t seed,
                  std::vector<Slot>& saved, const std::vector<std::string>& tasks);

// Throws what a rank reported, as the kind of error it was there.
[[noreturn]] void rethrow(const Comm& comm, const Message& error);

// Tells the other ranks to end.
void quit_ranks(Comm& comm);

// The life of a rank other than 0, from its setup to the end of the run. Throws LostRank; what else
// goes wrong is told to rank 0, which ends the run with it.
void serve_rank(Comm& comm, int num_threads);

}  // namespace metaplastic
