#include "meta/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "meta/fields.h"
#include "rule/convert_theta.h"
#include "rule/layout_file.h"
#include "rule/rule_settings.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr const char* kKind = "checkpoint";
// More steps or trajectories than any run makes; task indices stay within their 56 bits.
constexpr std::int64_t kMaxCount = std::int64_t{1} << 40;
// 1 (not written in the file): before estimators with a state, curricula and cool-downs. 3 is 2
// with settings, which in files of version 2 are factors of the usual values (rule_file.h). A
// checkpoint is written with the lowest version that holds it.
constexpr const char* kVersionKey = "checkpoint_version";
constexpr int kPlainVersion = 2, kVersion = 3;

// What decides the numbers of the steps that are done, but for the cool-down (check_cooldown).
json comparable(const MetaConfig& config) {
  json values = to_json(config);
  values["outer"].erase("outer_steps");
  values["outer"].erase("cooldown");
  values["outer"].erase("checkpoint_every");
  return values;
}

void check_same_config(const std::string& path, const json& saved, const MetaConfig& config) {
  MetaConfig saved_config;
  load_json(saved, path, saved_config);
  const json now = comparable(config).flatten(), then = comparable(saved_config).flatten();
  for (const auto& [key, value] : now.items()) {
    if (then.contains(key) && then[key] == value) continue;
    fail(
        "{}: this run was made with another config: {} is {} there and {} now; resume with the "
        "folder's config.toml",
        path, key, then.contains(key) ? printable(then[key].dump()) : "absent", value.dump());
  }
}

json take_object(const TensorFile& file, const char* key) {
  json value = parse_json(file.require_metadata(key));
  if (!value.is_object()) {
    fail("{}: expected JSON in metadata '{}', found other text; the file is damaged", file.source,
         key);
  }
  return value;
}

// A whole number in low..kMaxCount; these index tasks and steps.
std::int64_t take_whole(const TensorFile& file, const json& object, const char* key,
                        std::int64_t low = 0) {
  const json& value = object.at(key);
  if (value.is_number_integer() && value >= low && value <= kMaxCount) return value;
  fail("{}: expected {} as a whole number from {} to {}, found {}; the file is damaged",
       file.source, key, low, kMaxCount, printable(value.dump()));
}

void check_version(const std::string& path, const TensorFile& file) {
  const auto found = file.metadata.find(kVersionKey);
  if (found == file.metadata.end() || found->second == std::to_string(kPlainVersion) ||
      found->second == std::to_string(kVersion))
    return;
  fail("{}: expected a checkpoint of version 1 to {}, found {}; use a newer program", path,
       kVersion, quote_text(found->second));
}

// null: none.
json cooldown_to_json(const OuterConfig& outer) {
  const std::int64_t start = cooldown_start(outer);
  if (start == outer.outer_steps) return nullptr;
  return {{"start", start}, {"end", outer.outer_steps}};
}

// The step size of a step that is done may not depend on a cool-down that has changed since.
void check_cooldown(const std::string& path, const json& run, const MetaConfig& config) {
  const auto done = run.at("outer_step").get<std::int64_t>();
  const json now = cooldown_to_json(config.outer), then = run.value("cooldown", json());
  if (now == then) return;
  const auto begun = [done](const json& cooldown) {
    return !cooldown.is_null() && cooldown.at("start").get<std::int64_t>() < done;
  };
  if (!begun(now) && !begun(then)) return;
  const auto text = [](const json& cooldown) {
    return cooldown.is_null() ? std::string("none")
                              : fmt::format("steps {} to {}", cooldown.at("start").dump(),
                                            cooldown.at("end").dump());
  };
  if (begun(then)) {
    fail(
        "{}: expected the cool-down that this run has begun ({}; {} are done), found {}; go on "
        "with it, or begin a new run whose outer.init_rule is this run's rule",
        path, text(then), done, text(now));
  }
  fail(
      "{}: expected a cool-down that starts after the {} outer steps that are done, found {}; "
      "change outer.outer_steps or outer.cooldown",
      path, done, text(now));
}

void add(TensorFile& file, const std::string& name, const std::vector<float>& values) {
  file.tensors.push_back(make_tensor(name, {static_cast<std::int64_t>(values.size())},
                                     std::span<const float>(values)));
}

std::vector<float> take(const TensorFile& file, const std::string& name, std::int64_t size) {
  const std::array<std::int64_t, 1> shape = {size};
  const auto values = file.require(name, DType::kF32, shape).as<float>();
  return {values.begin(), values.end()};
}

// A list of any length.
std::vector<float> take(const TensorFile& file, const std::string& name) {
  const Tensor& tensor = file.require(name, DType::kF32);
  const auto values = tensor.as<float>();
  return {values.begin(), values.end()};
}

// What is shaped like theta, from a checkpoint of a program that may have other terms.
class ThetaShaped {
 public:
  ThetaShaped(const TensorFile& file, const MetaConfig& config)
      : file_(file),
        from_(layout_in_file(file, config.rule)),
        to_(config.rule),
        inner_(config.inner_settings()) {
    check_terms(from_, metaplastic::take(file, "theta", from_.size()), to_, file.source);
  }
  // A direction in the space of theta.
  std::vector<float> take(const std::string& name) const {
    return convert_theta(from_, metaplastic::take(file_, name, from_.size()), to_);
  }
  std::vector<float> take_theta(const std::string& name) const {
    std::vector<float> theta = take(name);
    complete_settings(from_, to_, inner_, theta);
    return theta;
  }

 private:
  const TensorFile& file_;
  ThetaLayout from_, to_;
  InnerSettings inner_;
};

std::string slot_name(std::size_t slot, const char* what) {
  return fmt::format("slot.{}.{}", slot, what);
}

std::string slot_name(std::size_t slot, const char* what, std::size_t number) {
  return fmt::format("slot.{}.{}.{}", slot, what, number);
}

json slots_to_json(const std::vector<Slot>& slots) {
  json list = json::array();
  for (const Slot& slot : slots) {
    json& saved = list.emplace_back();
    auto write = [&](const char* name, std::int64_t value) { saved[name] = value; };
    visit_counts(write, slot);
  }
  return list;
}

void add_slot(TensorFile& file, std::size_t s, const Slot& slot) {
  // At the start of a trajectory phi is drawn again (reopen_slot): it is most of the file.
  const bool at_start = slot.inner_step == 0 && slot.truncation == 0;
  add(file, slot_name(s, "phi"), at_start ? std::vector<float>() : slot.phi);
  for (std::size_t n = 0; n < slot.particles.size(); ++n) {
    add(file, slot_name(s, "particle", n), slot.particles[n]);
  }
  for (std::size_t n = 0; n < slot.perturbations.size(); ++n) {
    add(file, slot_name(s, "perturbation", n), slot.perturbations[n]);
  }
}

Slot take_slot(const TensorFile& file, const ThetaShaped& theta, const MetaConfig& config,
               const json& saved, std::size_t s) {
  Slot slot;
  auto read = [&](const char* name, std::int64_t& value) {
    // Version 1 has no opened_at.
    if (saved.contains(name) || std::string_view(name) != "opened_at")
      value = take_whole(file, saved, name);
  };
  visit_counts(read, slot);
  slot.phi = take(file, slot_name(s, "phi"));
  if (config.estimator.name != "pes" || slot.truncation == 0) return slot;
  const auto pairs = static_cast<std::size_t>(config.estimator.pairs);
  for (std::size_t n = 0; n < 2 * pairs; ++n) {
    slot.particles.push_back(take(file, slot_name(s, "particle", n)));
  }
  for (std::size_t n = 0; n < pairs; ++n) {
    slot.perturbations.push_back(theta.take(slot_name(s, "perturbation", n)));
  }
  return slot;
}

}  // namespace

void save_checkpoint(const std::string& path, const MetaConfig& config, const RunState& state) {
  TensorFile file;
  add(file, "theta", state.outer.theta);
  add(file, "adam.moment1", state.outer.moment1);
  add(file, "adam.moment2", state.outer.moment2);
  add(file, "average", state.outer.average);
  if (state.best.outer_step >= 0) add(file, "best.theta", state.best.theta);
  for (std::size_t s = 0; s < state.slots.size(); ++s) add_slot(file, s, state.slots[s]);
  const json run = {{"seed", state.seed},
                    {"outer_step", state.outer.outer_step},
                    {"last_validation", state.last_validation},
                    {"best_step", state.best.outer_step},
                    {"best_accuracy", state.best.accuracy},
                    {"non_finite_truncations", state.non_finite_truncations},
                    {"seconds", state.seconds},
                    {"start_accuracies", state.start_accuracies},
                    {"cooldown", cooldown_to_json(config.outer)},
                    {"slots", slots_to_json(state.slots)}};
  file.metadata["kind"] = kKind;
  file.metadata[kVersionKey] =
      std::to_string(config.rule.has_settings() ? kVersion : kPlainVersion);
  file.metadata[kTermsKey] = terms_metadata(ThetaLayout(config.rule));
  if (config.rule.has_settings())
    file.metadata[kConditionsKey] = conditions_metadata(ThetaLayout(config.rule));
  file.metadata["run"] = run.dump();
  file.metadata["config"] = comparable(config).dump();
  write_safetensors(path, file);
}

RunState load_checkpoint(const std::string& path, const MetaConfig& config) {
  const TensorFile file = read_safetensors(path);
  const auto kind = file.metadata.find("kind");
  if (kind == file.metadata.end() || kind->second != kKind) {
    fail(
        "{}: expected a checkpoint of a run, found another kind of file; give the folder that "
        "train wrote",
        path);
  }
  check_version(path, file);
  RunState state;
  try {
    check_same_config(path, take_object(file, "config"), config);
    const json run = take_object(file, "run");
    check_cooldown(path, run, config);
    const ThetaShaped theta(file, config);
    state.seed = run.at("seed").get<std::uint64_t>();
    state.outer.outer_step = take_whole(file, run, "outer_step");
    state.last_validation = take_whole(file, run, "last_validation", -1);
    state.non_finite_truncations = run.at("non_finite_truncations").get<std::int64_t>();
    state.seconds = run.at("seconds").get<double>();
    state.start_accuracies = run.value("start_accuracies", std::vector<double>());
    const std::size_t num_starts = state.start_accuracies.size();
    if (num_starts > 0 && num_starts != static_cast<std::size_t>(config.validation.num_tasks)) {
      fail("{}: expected start_accuracies of {} held-out tasks, found {}; the file is damaged",
           path, config.validation.num_tasks, num_starts);
    }
    state.outer.theta = theta.take_theta("theta");
    state.outer.moment1 = theta.take("adam.moment1");
    state.outer.moment2 = theta.take("adam.moment2");
    state.outer.average = theta.take_theta("average");
    state.best.outer_step = run.at("best_step").get<std::int64_t>();
    state.best.accuracy = run.at("best_accuracy").get<double>();
    if (state.best.outer_step >= 0) state.best.theta = theta.take_theta("best.theta");
    for (const json& saved : run.at("slots")) {
      state.slots.push_back(take_slot(file, theta, config, saved, state.slots.size()));
    }
  } catch (const json::exception& error) {
    fail(
        "{}: expected the record of a run in its metadata, found something else; the file is "
        "damaged",
        path);
  }
  if (static_cast<int>(state.slots.size()) != config.outer.outer_batch) {
    fail("{}: expected {} trajectories, found {}; the file is damaged", path,
         config.outer.outer_batch, state.slots.size());
  }
  return state;
}

}  // namespace metaplastic
