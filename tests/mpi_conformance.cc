// The conformance checks of src/comm under MPI (tests/ranks_test.py), and two measurements that the
// cluster model is fed with (bench/cluster/measure.py). All but --reduce is started by mpirun.
//
// usage: mpi_conformance [--ping | --reduce P]
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "comm/comm_conformance.h"
#include "comm/launch.h"
#include "meta/adam.h"
#include "meta/outer_update.h"
#include "meta/protocol.h"

namespace {

using namespace metaplastic;

// Seconds there and back between ranks 0 and 1, per size; one JSON line each.
void ping(Comm& comm) {
  for (std::size_t size = 64; size <= (std::size_t{1} << 22); size *= 4) {
    const std::vector<std::byte> bytes = pattern(size, 1);
    const int rounds = size < 100'000 ? 200 : 40;
    std::vector<double> seconds;
    for (int i = 0; i < rounds && comm.rank() < 2; ++i) {
      const Stopwatch watch;
      if (comm.rank() == 0) comm.send(1, 1, bytes);
      must_receive(comm);
      if (comm.rank() == 1) comm.send(0, 1, bytes);
      seconds.push_back(watch.seconds());
    }
    std::sort(seconds.begin(), seconds.end());
    if (comm.rank() == 0) {
      std::printf("{\"bytes\": %zu, \"round_trip_s\": %.3e}\n", size, seconds[seconds.size() / 2]);
    }
  }
}

// What rank 0 does with a report of P numbers, and for an update; one JSON line.
void reduce(std::size_t P) {
  const int count = 64;
  std::vector<Report> reports(count);
  for (Report& report : reports) report.gradient.assign(P, 0.5f);
  std::vector<float> gradient(P);
  OuterState state = start_outer_state(std::vector<float>(P, 1.0f));
  std::vector<double> per_report, per_update;
  for (int round = 0; round < 21; ++round) {
    Stopwatch watch;
    for (Report& report : reports) {
      const Packer packed = pack(report);
      Message message{1, 0, {packed.bytes().begin(), packed.bytes().end()}};
      report = unpack<Report>(message);
    }
    mean_gradient(reports, 0, gradient);
    per_report.push_back(watch.seconds() / count);
    watch.restart();
    clip_norm(gradient, 1.0);
    adam_step({}, gradient, state);
    per_update.push_back(watch.seconds());
  }
  std::sort(per_report.begin(), per_report.end());
  std::sort(per_update.begin(), per_update.end());
  std::printf(
      "{\"reduce_s\": %.3e, \"update_s\": %.3e, \"theta_bytes\": %zu, \"report_bytes\": %zu}\n",
      per_report[10], per_update[10], pack(ThetaMessage{0, state.theta}).bytes().size(),
      pack(reports[0]).bytes().size());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 2 && std::strcmp(argv[1], "--reduce") == 0) {
      reduce(static_cast<std::size_t>(std::stoul(argv[2])));
      return 0;
    }
    const auto launch = find_launch();
    require(launch.has_value(), "expected to be started by mpirun");
    const auto comm = join_launch(
        *launch, 60, [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
    require(comm->rank() == launch->rank && comm->size() == launch->size,
            "the launcher's variables and MPI disagree");
    if (argc > 1 && std::strcmp(argv[1], "--ping") == 0) {
      ping(*comm);
    } else {
      check_conformance(*comm);
      std::printf("rank %d of %d conforms\n", comm->rank(), comm->size());
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpi_conformance: %s\n", error.what());
    return 1;
  }
}
