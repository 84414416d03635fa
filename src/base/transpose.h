// Transposition of a matrix of floats.
#pragma once

#include <span>

#include "base/thread_pool.h"

namespace metaplastic {

// values [num_rows,n] -> out [n,num_rows]. Threads, if any, share it.
void transpose_rows(std::span<const float> values, int num_rows, std::span<float> out,
                    ThreadPool* threads = nullptr);

}  // namespace metaplastic
