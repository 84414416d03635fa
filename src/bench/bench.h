// `metaplastic bench`: verifies, times, and relates the times to what the machine can do.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace metaplastic {

struct BenchOptions {
  std::vector<std::string> cases;  // names of step_cases(); empty: all, and the data paths
  int num_threads = 1;             // copies side by side
  int repeats = 15;
  std::function<bool()> should_stop = {};  // true: ends with Stopped
};

// {"machine", "simd", "threads", "load_average", "sgemm_gflops", "copy_gbytes_per_second",
//  "cases": [{"name", "verified": {..}, "measures": [{"name", "median_ms", "num_runs", "gflop",
//  "gflops", "sgemm_share"}], "stages": [{"name", "mflop", "mbytes", "sgemm_ms", "copy_ms"}]}],
//  "data": [{"name", "examples_per_second", "task_ms"}]}
// gflops are per copy, and sgemm_share is of a copy's sgemm under the same load.
nlohmann::json run_bench(const BenchOptions& options,
                         const std::function<void(const std::string&)>& on_progress);

// The same for people.
std::string bench_table(const nlohmann::json& result);

// Name of the processor, from the system; "unknown" where it does not say.
std::string machine_name();

// Inputs and results of one case as safetensors, for other programs to compare with:
// theta.NAME, phi.W1.., x [U_0,B], next_bar.W1.., next.W1.., theta_bar.NAME, phi_bar.W1.., the last
// three again in double as next_f64.W1 and so on; sizes in the metadata. Throws Error when the file
// cannot be written.
void dump_step_case(const std::string& case_name, const std::string& path);

}  // namespace metaplastic
