// The thread that speaks MPI: the only one of the process that does, from MPI_Init to MPI_Finalize.
//
// It keeps messages moving and shows a sign of life while the others compute for seconds, which is
// how a stopped or unreachable rank is told from a slow one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "comm/inbox.h"
#include "comm/mpi_library.h"

namespace metaplastic {

class MpiLink {
 public:
  explicit MpiLink(double timeout_seconds) : timeout_(timeout_seconds) {}

  // The thread's life: returns after MPI_Finalize.
  void run();

  // For the other threads.
  void wait_until_started();  // throws Error when MPI did not start
  void put(int to, int tag, std::span<const std::byte> bytes);
  void put_broadcast(int tag, std::span<const std::byte> bytes);
  std::optional<Message> receive(double seconds);
  void request_abort(int status);
  void request_end();
  // True once run() is over; waits at most so long.
  bool wait_until_ended(double seconds);
  int rank() const { return rank_; }
  int size() const { return static_cast<int>(hosts_.size()); }
  const std::string& host(int rank) const { return hosts_[static_cast<std::size_t>(rank)]; }
  double timeout() const { return timeout_; }

 private:
  struct Outgoing {
    int to, wire_tag;
    std::shared_ptr<const std::vector<std::byte>> bytes;
    MPI_Request request;
  };
  struct Incoming {
    int wire_tag;
    std::vector<std::byte> bytes;
    MPI_Request request;
  };

  void start();
  void loop();
  bool start_sends();
  bool finish_sends();
  bool start_receives();
  bool finish_receives();
  void deliver(int source, Incoming& incoming);
  void forward(int wire_tag, const std::shared_ptr<const std::vector<std::byte>>& bytes);
  void isend(int to, int wire_tag, std::shared_ptr<const std::vector<std::byte>> bytes);
  void show_life(double now);
  void check_life(double now);
  void declare_lost(int rank, double now);

  const double timeout_;
  Inbox inbox_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Outgoing> outbox_;  // guarded by mutex_, as are the next five
  bool started_ = false, ended_ = false;
  bool end_requested_ = false;
  int abort_status_ = -1;
  std::string start_error_;

  std::atomic<double> last_loop_ = 0;  // when the thread last came round

  // The thread's own:
  int rank_ = 0;  // fixed before started_ is set, as is hosts_
  std::vector<std::string> hosts_;
  std::list<Outgoing> sends_;
  std::vector<std::list<Incoming>> receives_;  // per source, oldest first
  std::vector<double> last_heard_;             // per rank
  double last_shown_ = 0;
  bool lost_ = false;
};

}  // namespace metaplastic
