// What a training by a rule will need, before it begins: memory and time.
#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "model/mlp.h"
#include "rule/rule_file.h"

namespace metaplastic {

struct ApplyCost {
  double bytes = 0;    // of memory, data that is read in blocks left out
  double seconds = 0;  // on this machine; a guess within a factor of two or three
};

// Runs single steps of the rule on random numbers, at the network's widths where they are at most
// 1024; the cost of a wider layer is extrapolated from 1024 and 2048 units. Takes about as long as
// four inner steps of that size. For `num_rows` training rows, batches of `batch` rows and the
// terms that `least_weight` leaves (apply.h).
ApplyCost estimate_apply_cost(const Rule& rule, const Architecture& architecture,
                              std::int64_t num_rows, int batch, int num_steps,
                              double least_weight = 0);

// Bytes of memory that this process can have at most: the machine's or its control group's.
double memory_limit();

// One line where the cost is unusual (more than 1 GiB, more than five minutes); else "". Throws
// Error where it is more than `limit` bytes.
std::string check_apply_cost(const ApplyCost& cost, const Architecture& architecture, int batch,
                             int num_steps, double limit);

}  // namespace metaplastic
