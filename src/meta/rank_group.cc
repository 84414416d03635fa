#include "meta/rank_group.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/stop.h"
#include "meta/worker.h"

namespace metaplastic {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

class RankService {
 public:
  RankService(Comm& comm, int num_threads) : comm_(comm), num_threads_(num_threads) {}

  void run() {
    for (;;) {
      const std::optional<Message> message = comm_.receive(kPatience);
      if (stop_requested() && !std::exchange(stop_told_, true)) send(comm_, 0, Tag::kStop);
      if (!message) continue;
      if (message->tag == static_cast<int>(Tag::kQuit)) return;
      try {
        if (message->tag == static_cast<int>(Tag::kSetup)) {
          set_up(unpack<Setup>(*message));
        } else {
          METAPLASTIC_CHECK(worker_.has_value());
          worker_->handle(*message);
        }
      } catch (...) {
        send(comm_, 0, Tag::kError, pack(error_in_hand()));
      }
    }
  }

 private:
  void set_up(Setup setup) {
    if (setup.program != METAPLASTIC_VERSION) {
      fail("expected the program of rank 0, version {}, found version {}; install the same one",
           setup.program, METAPLASTIC_VERSION);
    }
    load_toml(setup.config, "config of rank 0", config_);
    tasks_.emplace(config_.tasks);
    worker_.emplace(comm_, config_, *tasks_, setup.seed, num_threads_);
    worker_->open(std::move(setup.slots));
    send(comm_, 0, Tag::kReady, Packer().add(joined(tasks_->describe())));
  }

  Comm& comm_;
  const int num_threads_;
  bool stop_told_ = false;
  MetaConfig config_;
  std::optional<TaskDistribution> tasks_;
  std::optional<Worker> worker_;
};

}  // namespace

void set_up_ranks(Comm& comm, const MetaConfig& config, std::uint64_t seed,
                  std::vector<Slot>& saved, const std::vector<std::string>& tasks) {
  const int num_slots = config.outer.outer_batch;
  if (comm.size() > num_slots) {
    fail(
        "outer.outer_batch: expected at least one trajectory per rank, found {} for {} ranks; "
        "raise it or start fewer ranks",
        num_slots, comm.size());
  }
  for (int rank = 1; rank < comm.size(); ++rank) {
    Setup setup{METAPLASTIC_VERSION, to_toml(config), seed, {}};
    for (std::size_t s = 0; s < saved.size(); ++s) {
      if (owner_of(static_cast<int>(s), comm.size()) != rank) continue;
      setup.slots.emplace_back(static_cast<int>(s), std::move(saved[s]));
    }
    send(comm, rank, Tag::kSetup, pack(setup));
  }
  for (int ready = 1; ready < comm.size();) {
    const std::optional<Message> message = comm.receive(kPatience);
    if (!message) continue;
    if (message->tag == static_cast<int>(Tag::kError)) rethrow(comm, *message);
    if (message->tag == static_cast<int>(Tag::kStop)) request_stop();
    if (message->tag != static_cast<int>(Tag::kReady)) continue;
    const std::string found = Unpacker(message->bytes).get<std::string>();
    if (found != joined(tasks)) {
      fail("{}: expected the tasks of rank 0 ({}), found {}; install the same fonts and data there",
           comm.describe(message->source), joined(tasks), found);
    }
    ++ready;
  }
}

void rethrow(const Comm& comm, const Message& error) {
  const auto problem = unpack<ErrorMessage>(error);
  const std::string text =
      error.source == 0 ? problem.text : comm.describe(error.source) + ": " + problem.text;
  if (problem.user) throw Error(text);
  throw std::runtime_error(text);
}

void quit_ranks(Comm& comm) { comm.broadcast(static_cast<int>(Tag::kQuit), {}); }

void serve_rank(Comm& comm, int num_threads) { RankService(comm, num_threads).run(); }

}  // namespace metaplastic
