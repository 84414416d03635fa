// What the ranks of a run say to one another. Rank 0 owns theta, the others own trajectories (rank
// 0 does, too: it tells itself); src/comm moves the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "comm/comm.h"
#include "comm/pack.h"
#include "meta/outer_update.h"
#include "meta/validation.h"

namespace metaplastic {

// Seconds that a rank waits for a message before it looks around again.
constexpr double kPatience = 0.2;

enum class Tag : int {
  // From rank 0 to each rank, once.
  kSetup,
  // From rank 0 to all, by broadcast.
  kTheta,     // synchronous: one truncation of each trajectory; asynchronous: use it from now on
  kValidate,  // judge this rule on your share of the held-out tasks
  kStates,    // send the state of each trajectory, after the truncation in hand
  kHold,      // begin no truncation any more
  kQuit,
  // To rank 0.
  kReady,
  kReport,
  kScore,
  kState,
  kStop,   // a signal asked this rank to stop
  kError,  // what went wrong there
};

struct Setup {
  std::string program;  // version; all ranks must run the same
  std::string config;   // TOML
  std::uint64_t seed = 0;
  std::vector<std::pair<int, Slot>> slots;  // saved states by index; empty: start afresh
};

struct ThetaMessage {
  std::int64_t outer_step = 0;  // updates it has seen
  std::vector<float> theta;     // [P]
};

struct ScoreMessage {
  std::int64_t outer_step = 0;
  int index = 0;  // of the held-out task
  TaskScore score;
};

struct ErrorMessage {
  bool user = true;  // an Error, which the user can mend; else an internal one
  std::string text;
};

// In a catch block: of what was thrown, which derives from std::exception; anything else goes on.
ErrorMessage error_in_hand();

Packer pack(const Setup& setup);
Packer pack(const ThetaMessage& message);
Packer pack(const Report& report);
Packer pack(const ScoreMessage& message);
Packer pack(const ErrorMessage& message);
// The saved part of a slot.
Packer pack_state(int slot_index, const Slot& slot);

template <class T>
T unpack(const Message& message);
template <>
Setup unpack(const Message& message);
template <>
ThetaMessage unpack(const Message& message);
template <>
Report unpack(const Message& message);
template <>
ScoreMessage unpack(const Message& message);
template <>
ErrorMessage unpack(const Message& message);
std::pair<int, Slot> unpack_state(const Message& message);

inline void send(Comm& comm, int to, Tag tag, const Packer& packer = {}) {
  comm.send(to, static_cast<int>(tag), packer.bytes());
}

// Which rank owns a trajectory or a held-out task.
inline int owner_of(int index, int num_ranks) { return index % num_ranks; }

}  // namespace metaplastic
