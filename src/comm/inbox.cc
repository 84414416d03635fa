#include "comm/inbox.h"

#include <chrono>
#include <utility>

namespace metaplastic {

void Inbox::push(Message message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  changed_.notify_one();
}

void Inbox::fail(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!reason_) reason_ = reason;
  }
  changed_.notify_all();
}

std::optional<Message> Inbox::pop(double seconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                    [this] { return !messages_.empty() || reason_; });
  if (!messages_.empty()) {
    Message message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }
  if (reason_) throw LostRank(*reason_);
  return std::nullopt;
}

}  // namespace metaplastic
