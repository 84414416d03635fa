// Messages that have arrived and wait to be read.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "comm/comm.h"

namespace metaplastic {

class Inbox {
 public:
  void push(Message message);
  // Every later pop throws LostRank with this line, once the messages already here are read.
  void fail(const std::string& reason);
  // The oldest message; nothing when none came within `seconds`.
  std::optional<Message> pop(double seconds);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Message> messages_;       // guarded by mutex_
  std::optional<std::string> reason_;  // guarded by mutex_
};

}  // namespace metaplastic
