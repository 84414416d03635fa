// Ranks that a launcher started, over MPI; in a build without MPI, the words that say so.
#include "base/error.h"
#include "comm/launch.h"

#ifdef METAPLASTIC_HAVE_MPI
#include <unistd.h>

#include <thread>

#include "comm/mpi_library.h"
#include "comm/mpi_link.h"

namespace metaplastic {
namespace {

class MpiComm : public Comm {
 public:
  MpiComm(double timeout_seconds, std::function<void(const std::string&)> on_lost)
      : on_lost_(std::move(on_lost)),
        link_(std::make_shared<MpiLink>(timeout_seconds)),
        thread_([link = link_] { link->run(); }) {
    try {
      link_->wait_until_started();
    } catch (...) {
      thread_.join();
      throw;
    }
  }

  // Sends what was handed over. A rank that does not come to MPI_Finalize must not keep this one:
  // its work is done and saved.
  ~MpiComm() override {
    link_->request_end();
    if (link_->wait_until_ended(2 * link_->timeout())) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  int rank() const override { return link_->rank(); }
  int size() const override { return link_->size(); }
  std::string describe(int rank) const override {
    return fmt::format("rank {} on {}", rank, link_->host(rank));
  }
  void send(int to, int tag, std::span<const std::byte> bytes) override {
    link_->put(to, tag, bytes);
  }
  void broadcast(int tag, std::span<const std::byte> bytes) override {
    link_->put_broadcast(tag, bytes);
  }
  std::optional<Message> receive(double seconds) override {
    try {
      return link_->receive(seconds);
    } catch (const LostRank& lost) {
      on_lost_(lost.what());
      abort(1);
      throw;
    }
  }

  // MPI_Abort asks the launcher to end everybody. Where the launcher cannot be reached it may not
  // return, and this process ends by itself.
  void abort(int status) override {
    link_->request_abort(status);
    link_->wait_until_ended(kAbortSeconds);
    _exit(status);
  }

 private:
  static constexpr double kAbortSeconds = 3;
  std::function<void(const std::string&)> on_lost_;
  std::shared_ptr<MpiLink> link_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Comm> join_launch(const Launch& /*launch*/, double timeout_seconds,
                                  std::function<void(const std::string&)> on_lost) {
  return std::make_unique<MpiComm>(timeout_seconds, std::move(on_lost));
}

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  mpi().get_library_version(text, &length);
  const std::string words(text, static_cast<std::size_t>(length));
  return words.substr(0, words.find(','));
}

}  // namespace metaplastic

#else

namespace metaplastic {

std::unique_ptr<Comm> join_launch(const Launch& launch, double /*timeout_seconds*/,
                                  std::function<void(const std::string&)> /*on_lost*/) {
  fail(
      "{} started rank {} of {}, but this program was built without MPI; install libopenmpi-dev "
      "and "
      "build it again with -DMETAPLASTIC_MPI=ON, or start one process",
      launch.launcher, launch.rank, launch.size);
}

std::string mpi_library() { return {}; }

}  // namespace metaplastic
#endif
