#ifdef METAPLASTIC_HAVE_MPI
#include "comm/mpi_link.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "comm/mpi_library.h"

namespace metaplastic {
namespace {

// Tags on the wire: twice the caller's, plus one for a broadcast that is to be passed on.
constexpr int kLifeTag = 0;
int wire_tag_of(int tag, bool broadcast) { return 2 * (tag + 1) + (broadcast ? 1 : 0); }
bool is_broadcast(int wire_tag) { return wire_tag % 2 == 1; }
int tag_of(int wire_tag) { return wire_tag / 2 - 1; }

constexpr int kLifeBroadcast = kLifeTag + 1;

// While nothing moves the thread sleeps, longer and longer: it shares the cores with the work.
constexpr auto kShortNap = std::chrono::microseconds(50);
constexpr auto kLongNap = std::chrono::microseconds(1000);

// Seconds between signs of life, and how many there are at least per timeout: several may be late
// or lost to a busy machine.
constexpr double kSignInterval = 1;
constexpr double kSignsPerTimeout = 8;

// The timeout once a signal asked for the end. A launcher sends it to the ranks that are left when
// one has died, and waits for them: then nobody is to wait long for the dead one.
constexpr double kStopTimeout = 6;

}  // namespace

void MpiLink::run() {
  try {
    start();
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    start_error_ = error.what();
    started_ = ended_ = true;
    changed_.notify_all();
    return;
  }
  loop();
  int status = -1;
  {
    const std::lock_guard lock(mutex_);
    status = abort_status_;
  }
  if (status >= 0) mpi().abort(mpi().world, status);
  mpi().finalize();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void MpiLink::start() {
  int provided = 0;
  if (mpi().init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
      provided < MPI_THREAD_FUNNELED) {
    fail("expected MPI to start with threads, it did not; try another MPI library or launcher");
  }
  int size = 1, rank = 0;
  mpi().comm_rank(mpi().world, &rank);
  mpi().comm_size(mpi().world, &size);
  std::array<char, 64> host{};
  gethostname(host.data(), host.size() - 1);
  std::vector<char> hosts(host.size() * static_cast<std::size_t>(size));
  mpi().allgather(host.data(), host.size(), mpi().byte, hosts.data(), host.size(), mpi().byte,
                  mpi().world);
  const double now = steady_seconds();
  const std::lock_guard lock(mutex_);
  rank_ = rank;
  for (int r = 0; r < size; ++r) {
    hosts_.emplace_back(hosts.data() + host.size() * static_cast<std::size_t>(r));
  }
  receives_.resize(static_cast<std::size_t>(size));
  last_heard_.assign(static_cast<std::size_t>(size), now);
  last_loop_ = now;
  started_ = true;
  changed_.notify_all();
}

void MpiLink::loop() {
  auto nap = kShortNap;
  for (;;) {
    bool moved = start_sends();
    moved |= finish_sends();
    moved |= start_receives();
    moved |= finish_receives();
    const double now = steady_seconds();
    last_loop_ = now;
    show_life(now);
    check_life(now);
    nap = moved ? kShortNap : std::min<std::chrono::microseconds>(2 * nap, kLongNap);
    std::unique_lock lock(mutex_);
    if (abort_status_ >= 0) return;
    if (end_requested_ && outbox_.empty() && sends_.empty()) return;
    if (!moved && outbox_.empty()) {
      changed_.wait_for(lock, nap, [this] { return !outbox_.empty() || abort_status_ >= 0; });
    }
  }
}

void MpiLink::isend(int to, int wire_tag, std::shared_ptr<const std::vector<std::byte>> bytes) {
  sends_.push_back({to, wire_tag, std::move(bytes), MPI_Request{}});
  Outgoing& send = sends_.back();
  mpi().isend(send.bytes->data(), static_cast<int>(send.bytes->size()), mpi().byte, to, wire_tag,
              mpi().world, &send.request);
}

// A broadcast goes down a binary tree, so that rank 0 sends two copies and not size - 1.
void MpiLink::forward(int wire_tag, const std::shared_ptr<const std::vector<std::byte>>& bytes) {
  for (const int child : {2 * rank_ + 1, 2 * rank_ + 2}) {
    if (child < size()) isend(child, wire_tag, bytes);
  }
}

bool MpiLink::start_sends() {
  std::deque<Outgoing> outbox;
  {
    const std::lock_guard lock(mutex_);
    outbox.swap(outbox_);
  }
  for (Outgoing& message : outbox) {
    if (is_broadcast(message.wire_tag)) {
      forward(message.wire_tag, message.bytes);
    } else {
      isend(message.to, message.wire_tag, std::move(message.bytes));
    }
  }
  return !outbox.empty();
}

bool MpiLink::finish_sends() {
  return std::erase_if(sends_, [](Outgoing& send) {
           int done = 0;
           mpi().test(&send.request, &done, MPI_STATUS_IGNORE);
           return done != 0;
         }) > 0;
}

bool MpiLink::start_receives() {
  bool any = false;
  for (;;) {
    int found = 0;
    MPI_Message handle;
    MPI_Status status;
    mpi().improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, mpi().world, &found, &handle, &status);
    if (!found) return any;
    any = true;
    int count = 0;
    mpi().get_count(&status, mpi().byte, &count);
    auto& queue = receives_[static_cast<std::size_t>(status.MPI_SOURCE)];
    queue.push_back(
        {status.MPI_TAG, std::vector<std::byte>(static_cast<std::size_t>(count)), MPI_Request{}});
    // Not a blocking receive: the sender may be stopped half way through a long message.
    mpi().imrecv(queue.back().bytes.data(), count, mpi().byte, &handle, &queue.back().request);
  }
}

bool MpiLink::finish_receives() {
  bool any = false;
  for (std::size_t source = 0; source < receives_.size(); ++source) {
    auto& queue = receives_[source];
    while (!queue.empty()) {
      int done = 0;
      mpi().test(&queue.front().request, &done, MPI_STATUS_IGNORE);
      if (!done) break;
      any = true;
      last_heard_[source] = steady_seconds();
      deliver(static_cast<int>(source), queue.front());
      queue.pop_front();
    }
  }
  return any;
}

void MpiLink::deliver(int source, Incoming& incoming) {
  if (is_broadcast(incoming.wire_tag)) {
    last_heard_[0] = steady_seconds();
    forward(incoming.wire_tag, std::make_shared<const std::vector<std::byte>>(incoming.bytes));
  }
  if (incoming.wire_tag == kLifeTag || incoming.wire_tag == kLifeBroadcast) return;
  inbox_.push({is_broadcast(incoming.wire_tag) ? 0 : source, tag_of(incoming.wire_tag),
               std::move(incoming.bytes)});
}

void MpiLink::show_life(double now) {
  if (now - last_shown_ < std::min(kSignInterval, timeout_ / kSignsPerTimeout)) return;
  last_shown_ = now;
  const auto nothing = std::make_shared<const std::vector<std::byte>>();
  if (rank_ == 0) {
    forward(kLifeBroadcast, nothing);
  } else {
    isend(0, kLifeTag, nothing);
  }
}

// Rank 0 watches everybody and speaks first; the others watch rank 0 and wait half as long again.
void MpiLink::check_life(double now) {
  if (lost_) return;
  const double timeout = stop_requested() ? std::min(kStopTimeout, timeout_) : timeout_;
  if (rank_ != 0) {
    if (now - last_heard_[0] > 1.5 * timeout) declare_lost(0, now);
    return;
  }
  for (int rank = 1; rank < size(); ++rank) {
    if (now - last_heard_[static_cast<std::size_t>(rank)] > timeout) {
      declare_lost(rank, now);
      return;
    }
  }
}

void MpiLink::declare_lost(int rank, double now) {
  lost_ = true;
  inbox_.fail(
      fmt::format("rank {} on {}: no sign of life for {:.1f} s (killed, stopped or cut off)", rank,
                  host(rank), now - last_heard_[static_cast<std::size_t>(rank)]));
}

void MpiLink::wait_until_started() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return started_; });
  if (!start_error_.empty()) throw Error(start_error_);
}

void MpiLink::put(int to, int tag, std::span<const std::byte> bytes) {
  METAPLASTIC_CHECK(0 <= to && to < size() && tag >= 0 && bytes.size() <= INT_MAX);
  if (to == rank_) {
    inbox_.push({rank_, tag, {bytes.begin(), bytes.end()}});
    return;
  }
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  const std::lock_guard lock(mutex_);
  outbox_.push_back({to, wire_tag_of(tag, false), std::move(copy), MPI_Request{}});
  changed_.notify_all();
}

void MpiLink::put_broadcast(int tag, std::span<const std::byte> bytes) {
  METAPLASTIC_CHECK(rank_ == 0 && tag >= 0 && bytes.size() <= INT_MAX);
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  const std::lock_guard lock(mutex_);
  outbox_.push_back({0, wire_tag_of(tag, true), std::move(copy), MPI_Request{}});
  changed_.notify_all();
}

std::optional<Message> MpiLink::receive(double seconds) {
  std::optional<Message> message = inbox_.pop(seconds);
  const double silence = steady_seconds() - last_loop_;
  if (!message && silence > 2 * timeout_) {
    throw LostRank(fmt::format("the MPI library has not returned for {:.1f} s", silence));
  }
  return message;
}

void MpiLink::request_abort(int status) {
  const std::lock_guard lock(mutex_);
  abort_status_ = std::max(status, 0);
  changed_.notify_all();
}

void MpiLink::request_end() {
  const std::lock_guard lock(mutex_);
  end_requested_ = true;
  changed_.notify_all();
}

bool MpiLink::wait_until_ended(double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return ended_; });
}

}  // namespace metaplastic
#endif
