#include "experiments/measurement_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "io/json_lines.h"

namespace metaplastic {
namespace {

nlohmann::json line_of(const std::string& name, const Measured& measured) {
  return {{"name", name},
          {"accuracy", measured.accuracy},
          {"error", measured.error},
          {"steps", measured.steps},
          {"settings", measured.settings},
          {"cpu_seconds", measured.cpu_seconds}};
}

double number_of(const nlohmann::json& value) {  // JSON has no word for numbers that are not finite
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

MeasurementLog::MeasurementLog(std::string path) : path_(std::move(path)) {
  // An unfinished last line is of a run that was killed.
  truncate_json_lines_after(path_, "", std::numeric_limits<std::int64_t>::max());
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json kept = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!kept.is_object() || !kept.contains("name") || !kept.contains("settings")) {
      fail("{}: expected measurements that an experiment kept, found others; remove the file",
           quote_text(path_, 200));
    }
    kept_.push_back(kept);
  }
  std::ranges::reverse(kept_);
}

std::optional<Measured> MeasurementLog::take(const std::string& name, double work) {
  if (!only_counts() && (kept_.empty() || kept_.back().at("name") != name)) {
    if (!kept_.empty()) remove_file();  // what follows was made in another order
    kept_.clear();
    return std::nullopt;
  }
  if (only_counts()) {
    works_.push_back(work);
    total_work_ += work;
    ++num_done_;
    return Measured{};
  }
  add_done();
  kept_work_ = work_done_;
  const nlohmann::json kept = std::move(kept_.back());
  kept_.pop_back();
  const double cpu_seconds = kept.value("cpu_seconds", 0.0);
  kept_cpu_seconds_ += cpu_seconds;
  return Measured{number_of(kept.at("accuracy")), number_of(kept.at("error")),
                  kept.value("steps", std::int64_t{0}), kept.at("settings"), cpu_seconds};
}

void MeasurementLog::keep(const std::string& name, const Measured& measured) {
  JsonLinesWriter(path_).write(line_of(name, measured));
  add_done();
  if (on_measured) on_measured();
}

void MeasurementLog::plan(const MeasurementLog& counter) {
  works_ = counter.works_;
  total_work_ = counter.total_work_;
}

void MeasurementLog::add_done() {
  const auto n = static_cast<std::size_t>(num_done_++);
  if (n < works_.size()) work_done_ += works_[n];
}

void MeasurementLog::remove_file() const {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path path(path_);
  const std::string others = path.filename().string() + ".";
  for (fs::directory_iterator entry(path.has_parent_path() ? path.parent_path() : ".", error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename().string().starts_with(others)) fs::remove(entry->path(), ignored);
  }
  fs::remove(path, error);
}

}  // namespace metaplastic
