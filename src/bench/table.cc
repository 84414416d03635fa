// The human form of what run_bench found.
#include "base/error.h"
#include "bench/bench.h"

namespace metaplastic {
namespace {

using nlohmann::json;

std::string case_text(const json& item) {
  const json& verified = item.at("verified");
  std::string text = fmt::format(
      "\n{}: float agrees with double to {:.1e} (step), {:.1e} (theta_bar), {:.1e} (phi_bar)\n"
      "  {:<16} {:>10} {:>9} {:>9} {:>12}\n",
      item.at("name").get<std::string>(), verified.at("forward").get<double>(),
      verified.at("theta_bar").get<double>(), verified.at("phi_bar").get<double>(), "", "median ms",
      "GFLOP", "GFLOP/s", "of sgemm");
  for (const json& measure : item.at("measures")) {
    text += fmt::format(
        "  {:<16} {:>10.3f} {:>9.3f} {:>9.1f} {:>10.1f} %\n", measure.at("name").get<std::string>(),
        measure.at("median_ms").get<double>(), measure.at("gflop").get<double>(),
        measure.at("gflops").get<double>(), 100 * measure.at("sgemm_share").get<double>());
  }
  text += fmt::format("  {:<16} {:>10} {:>9} {:>9} {:>9}\n", "floors, forward", "MFLOP", "sgemm ms",
                      "MB", "copy ms");
  for (const json& stage : item.at("stages")) {
    text += fmt::format("  {:<16} {:>10.2f} {:>9.3f} {:>9.2f} {:>9.3f}\n",
                        stage.at("name").get<std::string>(), stage.at("mflop").get<double>(),
                        stage.at("sgemm_ms").get<double>(), stage.at("mbytes").get<double>(),
                        stage.at("copy_ms").get<double>());
  }
  return text;
}

}  // namespace

std::string bench_table(const json& result) {
  std::string text = fmt::format(
      "{}, {}, {} thread{}, load average {:.1f} before\n"
      "sgemm 512 x 512 x 512: {:.1f} GFLOP/s; copy of 64 MiB: {:.1f} GB/s (per thread)\n",
      result.at("machine").get<std::string>(), result.at("simd").get<std::string>(),
      result.at("threads").get<int>(), result.at("threads").get<int>() == 1 ? "" : "s",
      result.at("load_average").get<double>(), result.at("sgemm_gflops").get<double>(),
      result.at("copy_gbytes_per_second").get<double>());
  for (const json& item : result.at("cases")) text += case_text(item);
  if (!result.at("data").empty()) text += "\ndata paths, one thread\n";
  for (const json& path : result.at("data")) {
    text += fmt::format(
        "  {:<16} {:>9.0f} examples/s; a new task {:.2f} ms\n", path.at("name").get<std::string>(),
        path.at("examples_per_second").get<double>(), path.at("task_ms").get<double>());
  }
  return text;
}

}  // namespace metaplastic
