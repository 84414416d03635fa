#include "meta/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "data/data_files.h"
#include "io/atomic_file.h"
#include "meta/fields.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr double kLockPatience = 2;  // seconds

struct FieldsToJson {
  json& object;
  template <class T>
  void operator()(const char* name, const T& value) {
    object[name] = value;
  }
};

json metrics_to_json(const OuterMetrics& m) {
  json line;
  FieldsToJson to_line{line};
  visit_fields(to_line, m);
  line["non_finite_share"] = m.num_truncations ? double(m.num_non_finite) / m.num_truncations : 0.0;
  line["inner_steps_per_second"] = m.seconds > 0 ? double(m.inner_steps) / m.seconds : 0.0;
  if (m.asynchronous) {
    line["staleness"] = {
        {"mean", m.staleness_mean}, {"max", m.staleness_max}, {"dropped", m.num_stale}};
    line["rank_truncations"] = m.rank_counts;
  }
  if (m.validation) {
    FieldsToJson to_validation{line["validation"]};
    visit_fields(to_validation, *m.validation);
    if (const auto& paired = m.validation->paired) {
      line["validation"]["paired"] = {{"accuracy", paired->accuracy},
                                      {"standard_error", paired->standard_error},
                                      {"by_family", paired->by_family}};
    }
  }
  return line;
}

// What a writer that was killed left beside its file (io/atomic_file.h).
void remove_temporaries(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().find(".tmp-") == std::string::npos) continue;
    std::filesystem::remove(entry.path(), error);
  }
}

}  // namespace

bool validation_due(const MetaConfig& config, const RunState& state) {
  const std::int64_t outer_step = state.outer.outer_step;
  const std::int64_t due = outer_step - outer_step % config.validation.every;
  return due > 0 && state.last_validation < due;
}

std::string step_rule_path(const std::string& run, std::int64_t outer_step) {
  return fmt::format("{}/rules/step-{:06}.safetensors", run, outer_step);
}

RunFolder::RunFolder(std::string path, const MetaConfig& config, std::uint64_t seed,
                     std::vector<std::string> tasks)
    : path_(std::move(path)), config_(config), seed_(seed), tasks_(std::move(tasks)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) close(lock_);
}

void RunFolder::lock() {
  const std::string path = file(".lock");
  lock_ = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_ < 0)
    fail("{}: expected to write in this folder, the system says: {}", path_, std::strerror(errno));
  // A process that was told to end, or one that only looked, may hold it for a moment.
  const Stopwatch watch;
  while (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (watch.seconds() < kLockPatience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    fail(
        "{}: another process is training in this folder; wait for it, stop it, or use another "
        "--out",
        path_);
  }
}

void RunFolder::begin() {
  for (const char* name : {"checkpoint.safetensors", "metrics.jsonl", "rule.safetensors"}) {
    if (std::filesystem::exists(file(name))) {
      fail("{}: there is a run already ({}); use --resume to go on with it, or another --out",
           path_, name);
    }
  }
  std::error_code error;
  std::filesystem::create_directories(file("rules"), error);
  if (error)
    fail("{}: expected to make this folder, the system says: {}", file("rules"), error.message());
  lock();
  write_file_atomically(file("config.toml"), to_toml(config_));
}

RunState RunFolder::resume(const MetaConfig& config) {
  const std::string path = file("checkpoint.safetensors");
  if (!std::filesystem::exists(path)) {
    fail("{}: expected a checkpoint to resume from, found none; start without --resume", path);
  }
  lock();
  RunState state = load_checkpoint(path, config);
  seed_ = state.seed;
  // A cool-down may come with the resuming; whoever reads the checkpoint next needs it.
  if (config.outer.cooldown > 0) write_file_atomically(file("config.toml"), to_toml(config));
  truncate_json_lines_after(file("metrics.jsonl"), "outer_step", state.outer.outer_step);
  remove_temporaries(path_);
  remove_temporaries(file("rules"));
  return state;
}

void RunFolder::append_metrics(const OuterMetrics& metrics) {
  if (!metrics_) metrics_.emplace(file("metrics.jsonl"));
  metrics_->write(metrics_to_json(metrics));
}

void RunFolder::save(const RunState& state) {
  save_checkpoint(file("checkpoint.safetensors"), config_, state);
}

void RunFolder::take_validation(const BestRule& candidate, bool scheduled, RunState& state) {
  const bool best = state.best.outer_step < 0 || candidate.accuracy >= state.best.accuracy;
  write_rules(state, candidate, best);
  if (!scheduled) return;
  if (best) state.best = candidate;
  state.last_validation = candidate.outer_step;
}

Rule rule_of_run(const MetaConfig& config, std::vector<float> theta) {
  Rule rule;
  rule.sizes = config.rule;
  rule.inner = config.inner_settings();
  rule.theta = std::move(theta);
  return rule;
}

void RunFolder::write_rules(const RunState& state, const BestRule& candidate, bool best) {
  Rule rule = rule_of_run(config_, candidate.theta);
  // Rules are given to others: they name no folder of this machine.
  nlohmann::json config = to_json(config_);
  for (auto& source : config["tasks"]["images"]) {
    source = without_folders(source.get<std::string>());
  }
  rule.provenance = {{"made_by", "metaplastic train"},
                     {"seed", seed_},
                     {"outer_step", candidate.outer_step},
                     {"validation_accuracy", candidate.accuracy},
                     {"seconds", state.seconds},
                     {"tasks", tasks_},
                     {"config", config}};
  save_rule(step_rule_path(path_, candidate.outer_step), rule);
  if (best) save_rule(file("rule.safetensors"), rule);
}

}  // namespace metaplastic
