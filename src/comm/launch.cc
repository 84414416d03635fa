#include "comm/launch.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace metaplastic {
namespace {

std::optional<int> number(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, code] = std::from_chars(text, end, value);
  if (code != std::errc{} || rest != end || value < 0) return std::nullopt;
  return value;
}

// srun sets these for each task of a step; sbatch does not.
int tasks_of_slurm_step(const Environment& environment) {
  return number(environment, "SLURM_STEP_NUM_TASKS").value_or(1);
}

}  // namespace

std::optional<Launch> find_launch(const Environment& environment) {
  const auto get = [&](const char* name) { return number(environment, name); };
  Launch launch;
  if (get("OMPI_COMM_WORLD_RANK") && get("OMPI_COMM_WORLD_SIZE")) {
    launch = {"mpirun", *get("OMPI_COMM_WORLD_RANK"), *get("OMPI_COMM_WORLD_SIZE"),
              get("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(1)};
  } else if (get("PMIX_RANK") && environment("PMIX_NAMESPACE") != nullptr) {
    launch = {"srun", *get("PMIX_RANK"), get("SLURM_STEP_NUM_TASKS").value_or(1),
              get("SLURM_NTASKS_PER_NODE").value_or(1)};
  } else if (get("PMI_RANK") && get("PMI_SIZE")) {
    launch = {"mpiexec", *get("PMI_RANK"), *get("PMI_SIZE"), get("MPI_LOCALNRANKS").value_or(1)};
  } else if (tasks_of_slurm_step(environment) > 1) {
    fail(
        "srun started {} copies of the program without a way to find one another; use srun "
        "--mpi=pmix (srun --mpi=list shows what there is)",
        tasks_of_slurm_step(environment));
  } else {
    return std::nullopt;
  }
  return launch;
}

std::optional<Launch> find_launch() {
  return find_launch([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace metaplastic
