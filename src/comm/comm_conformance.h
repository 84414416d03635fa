// What every Comm must do. Called by all ranks of a fresh Comm: threads in comm_test.cc, processes
// in tests/mpi_conformance.cc. Throws std::runtime_error with what went wrong.
#pragma once

#include <stdexcept>
#include <string>

#include "comm/comm.h"

namespace metaplastic {

inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

inline std::vector<std::byte> pattern(std::size_t size, int salt) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>((i * 131 + static_cast<std::size_t>(salt) * 17) & 0xff);
  }
  return bytes;
}

inline Message must_receive(Comm& comm) {
  auto message = comm.receive(60);
  require(message.has_value(), "no message within 60 s");
  return std::move(*message);
}

// Every size from nothing to beyond what MPI sends eagerly, in both directions, several in flight.
inline void check_exchange(Comm& comm) {
  const std::vector<std::size_t> sizes = {0, 1, 7, 4096, 65537, 1 << 20};
  const int count = static_cast<int>(sizes.size());
  if (comm.rank() == 0) {
    for (int tag = 0; tag < count; ++tag)
      comm.broadcast(tag, pattern(sizes[static_cast<std::size_t>(tag)], tag));
    std::vector<int> next(static_cast<std::size_t>(comm.size()), 0);
    for (int i = 0; i < (comm.size() - 1) * count; ++i) {
      const Message message = must_receive(comm);
      int& expected = next.at(static_cast<std::size_t>(message.source));
      require(message.source > 0 && message.tag == 100 + expected, "a message out of order");
      require(message.bytes == pattern(sizes[static_cast<std::size_t>(expected)], message.source),
              "other bytes than were sent to rank 0");
      ++expected;
    }
    return;
  }
  for (int tag = 0; tag < count; ++tag) {
    const Message message = must_receive(comm);
    require(message.source == 0 && message.tag == tag, "a broadcast out of order");
    require(message.bytes == pattern(sizes[static_cast<std::size_t>(tag)], tag),
            "other bytes than were broadcast");
    comm.send(0, 100 + tag, pattern(sizes[static_cast<std::size_t>(tag)], comm.rank()));
  }
}

inline void check_self(Comm& comm) {
  require(comm.size() >= 1 && comm.rank() >= 0 && comm.rank() < comm.size(), "rank out of range");
  require(!comm.receive(0.0) && !comm.receive(0.02), "a message out of nowhere");
  comm.send(comm.rank(), 3, pattern(10, 5));
  const Message message = must_receive(comm);
  require(message.source == comm.rank() && message.tag == 3 && message.bytes == pattern(10, 5),
          "a message to itself came back changed");
  require(comm.describe(comm.rank()).starts_with("rank " + std::to_string(comm.rank())),
          "a rank does not know its name");
}

// Rank 0 hears from everybody that the checks of silence are over before it speaks.
inline void check_conformance(Comm& comm) {
  if (comm.rank() == 0) {
    for (int i = 1; i < comm.size(); ++i) require(must_receive(comm).tag == 9, "expected a ready");
    check_self(comm);
  } else {
    check_self(comm);
    comm.send(0, 9, {});
  }
  check_exchange(comm);
}

}  // namespace metaplastic
