#include "report/run_record.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "meta/checkpoint.h"
#include "meta/run_folder.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxMetricsBytes = std::uint64_t{1} << 30;  // millions of outer steps
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The place of a line in metrics.jsonl, for error lines.
struct Place {
  std::string path;
  std::size_t line = 0;

  [[noreturn]] void fail_line(const std::string& expected) const {
    fail("{}:{}: expected {}; fix or remove the line", path, line, expected);
  }
};

// A missing or null number is NaN: the writer has no other word for what is not finite.
double take_number(const json& object, const char* key, const Place& place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return kNone;
  if (!found->is_number()) place.fail_line(fmt::format("a number as '{}'", key));
  return found->get<double>();
}

std::int64_t take_outer_step(const json& object, const Place& place) {
  const auto found = object.find("outer_step");
  const bool is_whole = found != object.end() && found->is_number_integer() && *found >= 0 &&
                        *found <= std::int64_t{1} << 53;
  if (!is_whole) place.fail_line("a whole number as 'outer_step'");
  return found->get<std::int64_t>();
}

ValidationRecord take_validation(const json& object, std::int64_t outer_step, const Place& place) {
  if (!object.is_object()) place.fail_line("an object as 'validation'");
  ValidationRecord record;
  record.outer_step = outer_step;
  record.accuracy = take_number(object, "accuracy", place);
  record.standard_error = take_number(object, "standard_error", place);
  record.random_accuracy = take_number(object, "random_accuracy", place);
  record.meta_loss = take_number(object, "meta_loss", place);
  const auto families = object.find("by_family");
  if (families == object.end()) return record;
  if (!families->is_object()) place.fail_line("an object as 'by_family'");
  for (const auto& [name, value] : families->items()) {
    record.by_family[name] = take_number(*families, name.c_str(), place);
  }
  return record;
}

void take_line(const json& object, const Place& place, RunRecord& run) {
  StepRecord step;
  step.outer_step = take_outer_step(object, place);
  if (step.outer_step < run.last_step()) {
    place.fail_line(fmt::format("outer steps in rising order, found {} after {}", step.outer_step,
                                run.last_step()));
  }
  if (const auto found = object.find("validation"); found != object.end()) {
    run.validations.push_back(take_validation(*found, step.outer_step, place));
  }
  step.inner_steps = take_number(object, "inner_steps", place);
  // A validation that a resumed run made up for comes on a line of its own, without an outer step.
  if (step.inner_steps == 0) return;
  step.meta_loss = take_number(object, "meta_loss", place);
  step.accuracy = take_number(object, "accuracy", place);
  step.gradient_norm = take_number(object, "gradient_norm", place);
  step.non_finite_share = take_number(object, "non_finite_share", place);
  step.seconds = take_number(object, "seconds", place);
  step.inner_steps_per_second = take_number(object, "inner_steps_per_second", place);
  // Nothing was finite, so there was nothing to average: the zeros there are no measurement.
  if (step.non_finite_share == 1) step.meta_loss = step.accuracy = step.gradient_norm = kNone;
  run.steps.push_back(step);
}

void read_metrics(RunRecord& run) {
  Place place{run.folder + "/metrics.jsonl", 0};
  const std::string text = read_text_file(place.path, kMaxMetricsBytes);
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ++place.line;
    const json object = parse_json(std::string_view(text).substr(begin, end - begin));
    if (!object.is_object()) place.fail_line("a JSON object, found other text");
    take_line(object, place, run);
  }
  if (begin < text.size()) {
    run.notes.emplace_back(
        "The last line of metrics.jsonl is unfinished and left out: the run is still writing it, "
        "or was killed there.");
  }
}

std::optional<std::uint64_t> provenance_seed(const json& provenance) {
  if (!provenance.is_object()) return std::nullopt;
  const auto found = provenance.find("seed");
  if (found == provenance.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

void read_rule(RunRecord& run) {
  const std::string best = run.folder + "/rule.safetensors";
  const std::string checkpoint = run.folder + "/checkpoint.safetensors";
  RuleRecord record;
  if (std::filesystem::exists(best)) {
    record.rule = load_rule(best);
    record.file = "rule.safetensors";
    record.is_best = true;
    if (!(record.rule.sizes == run.config.rule)) {
      fail("{}: expected a rule of the sizes in config.toml, found others; give one run's folder",
           best);
    }
    const json& provenance = record.rule.provenance;
    run.seed = provenance_seed(provenance);
    if (provenance.is_object() && provenance.contains("outer_step") &&
        provenance["outer_step"].is_number_integer()) {
      record.outer_step = provenance["outer_step"].get<std::int64_t>();
    }
    record.sha256 = read_safetensors(best).require_metadata(kDigestKey);
  } else if (std::filesystem::exists(checkpoint)) {
    const RunState state = load_checkpoint(checkpoint, run.config);
    record.rule.sizes = run.config.rule;
    record.rule.theta = state.outer.average;
    record.file = "checkpoint.safetensors";
    record.outer_step = state.outer.outer_step;
    run.seed = state.seed;
    record.sha256 = read_safetensors(checkpoint).require_metadata(kDigestKey);
  } else {
    return;
  }
  if (run.seed) record.initial_theta = known_start(run.config, *run.seed);
  run.rule = std::move(record);
}

}  // namespace

std::int64_t RunRecord::last_step() const {
  std::int64_t last = steps.empty() ? 0 : steps.back().outer_step;
  if (!validations.empty()) last = std::max(last, validations.back().outer_step);
  return last;
}

RunRecord read_run(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) {
    fail("{}: expected a run folder, found {}; give the --out of train", printable(folder, 400),
         std::filesystem::exists(folder) ? "another kind of file" : "nothing");
  }
  RunRecord run;
  run.folder = folder;
  for (const char* name : {"config.toml", "metrics.jsonl"}) {
    if (!std::filesystem::exists(folder + "/" + name)) {
      fail("{}: expected a run folder, found no {} in it; give the --out of train",
           printable(folder, 400), name);
    }
  }
  load_toml_file(folder + "/config.toml", run.config);
  read_metrics(run);
  read_rule(run);
  return run;
}

}  // namespace metaplastic
