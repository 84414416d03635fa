#include "bench/bench.h"

#include <cstdlib>
#include <memory>

#include "base/stopped.h"
#include "bench/data_paths.h"
#include "bench/measure.h"
#include "bench/truncation_case.h"
#include "bench/verify.h"
#include "io/atomic_file.h"
#include "rule/cost.h"

namespace metaplastic {
namespace {

using nlohmann::json;

// What one thread needs to run every measure of a case.
struct Copy {
  Copy(const StepCase& step_case, const StepInputs& inputs)
      : forward(step_case, inputs),
        adjoint(step_case, inputs),
        apply(step_case, inputs),
        truncation(step_case, inputs) {}
  SgemmReference sgemm;
  StepRunner<float> forward, adjoint, apply;
  TruncationRunner<float> truncation;
};

json stages_json(const std::vector<StageCost>& stages, double sgemm_rate, double copy_rate) {
  json result = json::array();
  for (const StageCost& stage : stages) {
    result.push_back({{"name", stage.name},
                      {"mflop", stage.flops / 1e6},
                      {"mbytes", stage.bytes / 1e6},
                      {"sgemm_ms", 1e3 * stage.flops / sgemm_rate},
                      {"copy_ms", 1e3 * stage.bytes / copy_rate}});
  }
  return result;
}

json verified_json(const Agreement& agreement) {
  return {{"forward", agreement.forward},
          {"forward_bound", agreement.forward_bound},
          {"theta_bar", agreement.theta_bar},
          {"phi_bar", agreement.phi_bar},
          {"adjoint_bound", agreement.adjoint_bound},
          {"truncation_loss", agreement.truncation_loss}};
}

json measure_json(const std::string& name, const std::vector<double>& seconds, double flops,
                  double sgemm_rate) {
  const double middle = median(seconds);
  return {{"name", name},
          {"median_ms", 1e3 * middle},
          {"num_runs", seconds.size()},
          {"gflop", flops / 1e9},
          {"gflops", flops / middle / 1e9},
          {"sgemm_share", flops / middle / sgemm_rate}};
}

json run_case(const StepCase& step_case, const BenchOptions& options, double copy_rate) {
  json result = {{"name", step_case.name}, {"verified", verified_json(verify_case(step_case))}};
  const StepInputs inputs = make_step_inputs(step_case);
  std::vector<std::unique_ptr<Copy>> copies;
  for (int thread = 0; thread < options.num_threads; ++thread) {
    copies.push_back(std::make_unique<Copy>(step_case, inputs));
  }
  const auto copy = [&](int thread) -> Copy& { return *copies[static_cast<std::size_t>(thread)]; };
  const std::vector<Measure> measures = {
      {"sgemm", [&](int thread) { copy(thread).sgemm.run(); }},
      {"forward", [&](int thread) { copy(thread).forward.forward(); }},
      {"forward_adjoint", [&](int thread) { copy(thread).adjoint.forward_adjoint(); }},
      {"truncation", [&](int thread) { copy(thread).truncation.run(); }},
      {"apply", [&](int thread) { copy(thread).apply.apply(); }},
  };
  using Truncation = TruncationRunner<float>;
  const auto stages = count_step(step_case.architecture, step_case.sizes, step_case.B);
  const double step = total_flops(stages);
  const double objective = count_objective_flops(
      step_case.architecture, Truncation::kClasses * Truncation::kShots, Truncation::kClasses);
  // A truncation runs each step forward twice and backward once: 2 + 2 times its operations.
  const std::vector<double> flops = {SgemmReference::kFlops, step, 3 * step,
                                     Truncation::kK * (4 * step + 3 * objective), step};
  MeasureOptions timing;
  timing.num_threads = options.num_threads;
  timing.repeats = options.repeats;
  timing.should_stop = options.should_stop;
  const auto seconds = time_interleaved(measures, timing);
  const double sgemm_rate = flops[0] / median(seconds[0]);
  result["sgemm_gflops"] = sgemm_rate / 1e9;
  result["measures"] = json::array();
  for (std::size_t m = 1; m < measures.size(); ++m) {
    result["measures"].push_back(measure_json(measures[m].name, seconds[m], flops[m], sgemm_rate));
  }
  result["stages"] = stages_json(stages, sgemm_rate, copy_rate);
  return result;
}

json data_json(const BenchOptions& options) {
  constexpr int kNumTasks = 24;
  json result = json::array();
  for (const DataPathRate& rate : time_data_paths(kNumTasks, options.should_stop)) {
    result.push_back({{"name", rate.name},
                      {"examples_per_second", rate.examples_per_second},
                      {"task_ms", rate.task_ms}});
  }
  return result;
}

double time_copies(const BenchOptions& options) {
  const int num_threads = options.num_threads;
  std::vector<CopyReference> copies(static_cast<std::size_t>(num_threads));
  const Measure measure = {"copy", [&](int t) { copies[static_cast<std::size_t>(t)].run(); }};
  MeasureOptions timing;
  timing.num_threads = num_threads;
  timing.repeats = 5;
  timing.should_stop = options.should_stop;
  return CopyReference::kBytes / median(time_interleaved({&measure, 1}, timing)[0]);
}

}  // namespace

std::string machine_name() {
  try {
    constexpr std::uint64_t kMaxBytes = 1 << 20;
    const std::string text = read_text_file("/proc/cpuinfo", kMaxBytes);
    const std::size_t line = text.find("model name");
    const std::size_t colon = text.find(": ", line);
    if (line != std::string::npos && colon != std::string::npos) {
      return text.substr(colon + 2, text.find('\n', colon) - colon - 2);
    }
  } catch (const Error&) {
    // Not every system has that file.
  }
  return "unknown";
}

json run_bench(const BenchOptions& options,
               const std::function<void(const std::string&)>& on_progress) {
  std::vector<const StepCase*> cases;
  for (const std::string& name : options.cases) cases.push_back(&find_step_case(name));
  const bool everything = cases.empty();
  if (everything) {
    for (const StepCase& step_case : step_cases()) cases.push_back(&step_case);
  }
  double load = -1;
  getloadavg(&load, 1);
  json result = {{"machine", machine_name()},
                 {"simd", simd_name()},
                 {"threads", options.num_threads},
                 {"load_average", load}};
  on_progress("memory");
  const double copy_rate = time_copies(options);
  result["copy_gbytes_per_second"] = copy_rate / 1e9;
  std::vector<double> sgemm;
  result["cases"] = json::array();
  for (const StepCase* step_case : cases) {
    if (options.should_stop && options.should_stop()) throw Stopped{};
    on_progress(step_case->name);
    result["cases"].push_back(run_case(*step_case, options, copy_rate));
    sgemm.push_back(result["cases"].back()["sgemm_gflops"]);
  }
  result["sgemm_gflops"] = median(sgemm);
  result["data"] = json::array();
  if (everything) {
    on_progress("data paths");
    result["data"] = data_json(options);
  }
  return result;
}

}  // namespace metaplastic
