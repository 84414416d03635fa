// Ranks inside one process, each of them used by threads of its own; one rank is the ordinary
// program. The same messages as under MPI, without MPI.
#pragma once

#include <memory>
#include <vector>

#include "comm/comm.h"

namespace metaplastic {

class LocalGroup {
 public:
  // size >= 1 ranks.
  explicit LocalGroup(int size);
  ~LocalGroup();
  LocalGroup(const LocalGroup&) = delete;
  LocalGroup& operator=(const LocalGroup&) = delete;

  Comm& at(int rank);
  // Everybody's receive() throws LostRank from now on, as when that rank had died.
  void lose(int rank);

 private:
  class Rank;
  std::vector<std::unique_ptr<Rank>> ranks_;
};

}  // namespace metaplastic
