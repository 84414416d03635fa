// The measurements of one experiment in the order in which they are made: kept in a file, so that
// an experiment that was stopped goes on, and counted beforehand, so that it can say how long it
// takes. workbench.h asks it before it measures.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace metaplastic {

// Mean few-shot accuracy of one method.
struct Measured {
  double accuracy = 0;
  double error = 0;  // standard error: over base models where there are several, else over draws
  std::int64_t steps = 0;   // of the last base model
  nlohmann::json settings;  // likewise: what validation draws chose
  double cpu_seconds = 0;   // that it took, of all threads
};

class MeasurementLog {
 public:
  // Counts: take() always answers, with a measurement of zeros.
  MeasurementLog() = default;
  // Keeps lines in the file, and reads those that are there. Throws Error for a file that is none
  // of its own.
  explicit MeasurementLog(std::string path);

  // The measurement of that name, where it was kept. Kept ones come in the order in which they were
  // made; from one with another name on, they are forgotten. `work`: its expected seconds on one
  // core, for a log that counts.
  std::optional<Measured> take(const std::string& name, double work);
  void keep(const std::string& name, const Measured& measured);
  // What a log that counted found: the work of each measurement, in the order in which they come.
  void plan(const MeasurementLog& counter);

  std::int64_t num_done() const { return num_done_; }
  double work_done() const { return work_done_; }    // measured now or taken, of total_work()
  double kept_work() const { return kept_work_; }    // of measurements that were taken
  double total_work() const { return total_work_; }  // counted, or planned
  std::size_t num_planned() const { return works_.size(); }
  double kept_cpu_seconds() const { return kept_cpu_seconds_; }  // of measurements that were taken
  bool only_counts() const { return path_.empty(); }
  std::size_t num_kept() const { return kept_.size(); }  // that the file had, and are not taken yet
  const std::string& path() const { return path_; }
  // Files of what the next measurement makes, such as encoders, begin with this.
  std::string next_prefix() const { return fmt::format("{}.{}.", path_, num_done_); }
  // With the files that belong to it.
  void remove_file() const;

  std::function<void()> on_measured;  // after a new measurement; may be empty

 private:
  std::string path_;                  // empty: counts only
  std::vector<nlohmann::json> kept_;  // not taken yet, the next one last
  std::int64_t num_done_ = 0;
  std::vector<double> works_;  // of each measurement
  double work_done_ = 0, total_work_ = 0, kept_work_ = 0, kept_cpu_seconds_ = 0;

  void add_done();
};

}  // namespace metaplastic
