// The conformance checks of src/comm under MPI. tests/ranks_test.py starts it by mpirun.
#include <cstdio>
#include <exception>

#include "comm/comm_conformance.h"
#include "comm/launch.h"

int main() {
  using namespace metaplastic;
  try {
    const auto launch = find_launch();
    require(launch.has_value(), "expected to be started by mpirun");
    const auto comm = join_launch(
        *launch, 60, [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
    require(comm->rank() == launch->rank && comm->size() == launch->size,
            "the launcher's variables and MPI disagree");
    check_conformance(*comm);
    std::printf("rank %d of %d conforms\n", comm->rank(), comm->size());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpi_conformance: %s\n", error.what());
    return 1;
  }
}
