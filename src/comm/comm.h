// Ranks that exchange bytes: one process, threads of one process, or processes under MPI.
//
// Rank 0 tells everybody (broadcast), everybody answers rank 0 (send), and whoever waits, waits for
// a bounded time (receive). Transport knows no model: what the bytes mean is the caller's business.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace metaplastic {

struct Message {
  int source = 0;
  int tag = 0;
  std::vector<std::byte> bytes;
};

// Another rank is dead, stopped or cut off. The job cannot go on; its last checkpoint can.
class LostRank : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// All functions may be called from any thread of the rank.
class Comm {
 public:
  virtual ~Comm() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  // For messages to people: "rank 2 on node-b".
  virtual std::string describe(int rank) const = 0;

  // Copies the bytes and returns at once. Messages from one rank to another arrive in the order in
  // which they were sent. A rank may send to itself. tag >= 0.
  virtual void send(int to, int tag, std::span<const std::byte> bytes) = 0;
  // From rank 0 to all the others. Broadcasts arrive in their order; between a broadcast and a
  // message sent by send() no order is promised.
  virtual void broadcast(int tag, std::span<const std::byte> bytes) = 0;
  // The next message from anyone; nothing when none came within `seconds`. Throws LostRank.
  virtual std::optional<Message> receive(double seconds) = 0;

  // Ends all ranks without waiting for any. Under MPI this process ends, too, with `status`.
  virtual void abort(int status) = 0;
};

}  // namespace metaplastic
