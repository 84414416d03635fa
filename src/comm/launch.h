// Whether a launcher (mpirun, srun, ...) started this process as one rank of several.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "comm/comm.h"

namespace metaplastic {

struct Launch {
  std::string launcher;  // "mpirun", "srun", ...
  int rank = 0;
  int size = 1;
  int ranks_here = 1;  // on this machine, as far as the launcher says
};

using Environment = std::function<const char*(const char* name)>;

// Reads the launcher's environment variables; nothing when the program was started by itself. MPI
// is not touched: what needs no ranks never pays for it.
// Throws Error when a launcher started several copies that cannot find one another.
std::optional<Launch> find_launch();
std::optional<Launch> find_launch(const Environment& environment);

// A rank of which nothing was heard for timeout_seconds is lost. The first of the others to notice
// calls on_lost with a line that says so and ends all ranks, itself included, with status 1: the
// job cannot go on, and must not hang. Throws Error in a build without MPI, and where MPI does not
// start.
std::unique_ptr<Comm> join_launch(const Launch& launch, double timeout_seconds,
                                  std::function<void(const std::string& line)> on_lost);

// "Open MPI v4.1.4 ..." of the library this program runs with; "" in a build without MPI.
std::string mpi_library();

}  // namespace metaplastic
