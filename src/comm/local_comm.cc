#include "comm/local_comm.h"

#include "base/error.h"
#include "comm/inbox.h"

namespace metaplastic {

class LocalGroup::Rank : public Comm {
 public:
  Rank(LocalGroup& group, int rank) : group_(group), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_.ranks_.size()); }
  std::string describe(int rank) const override { return fmt::format("rank {}", rank); }

  void send(int to, int tag, std::span<const std::byte> bytes) override {
    METAPLASTIC_CHECK(0 <= to && to < size() && tag >= 0);
    group_.ranks_[static_cast<std::size_t>(to)]->inbox_.push(
        {rank_, tag, {bytes.begin(), bytes.end()}});
  }
  void broadcast(int tag, std::span<const std::byte> bytes) override {
    METAPLASTIC_CHECK(rank_ == 0);
    for (int to = 1; to < size(); ++to) send(to, tag, bytes);
  }
  std::optional<Message> receive(double seconds) override { return inbox_.pop(seconds); }
  void abort(int /*status*/) override { group_.lose(rank_); }

 private:
  friend class LocalGroup;
  LocalGroup& group_;
  int rank_;
  Inbox inbox_;
};

LocalGroup::LocalGroup(int size) {
  METAPLASTIC_CHECK(size >= 1);
  for (int rank = 0; rank < size; ++rank) ranks_.push_back(std::make_unique<Rank>(*this, rank));
}

LocalGroup::~LocalGroup() = default;

Comm& LocalGroup::at(int rank) { return *ranks_.at(static_cast<std::size_t>(rank)); }

void LocalGroup::lose(int rank) {
  for (const auto& other : ranks_) other->inbox_.fail(fmt::format("rank {} has ended", rank));
}

}  // namespace metaplastic
