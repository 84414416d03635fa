#include "meta/checkpoint.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr const char* kKind = "checkpoint";

// What decides the numbers of a run; how long it is and how often it saves does not.
json comparable(const MetaConfig& config) {
  json values = to_json(config);
  values["outer"].erase("outer_steps");
  values["outer"].erase("checkpoint_every");
  return values;
}

void check_same_config(const std::string& path, const json& saved, const MetaConfig& config) {
  const json now = comparable(config).flatten(), then = saved.flatten();
  for (const auto& [key, value] : now.items()) {
    if (then.contains(key) && then[key] == value) continue;
    fail(
        "{}: this run was made with another config: {} is {} there and {} now; resume with the "
        "folder's config.toml",
        path, key, then.contains(key) ? then[key].dump() : "absent", value.dump());
  }
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

std::string phi_name(std::size_t slot) { return fmt::format("slot.{}.phi", slot); }

json slots_to_json(const std::vector<Slot>& slots) {
  json list = json::array();
  for (const Slot& slot : slots) {
    list.push_back({{"generation", slot.generation},
                    {"inner_step", slot.inner_step},
                    {"truncation", slot.truncation}});
  }
  return list;
}

}  // namespace

void save_checkpoint(const std::string& path, const MetaConfig& config, const RunState& state) {
  TensorFile file;
  add(file, "theta", state.outer.theta);
  add(file, "adam.moment1", state.outer.moment1);
  add(file, "adam.moment2", state.outer.moment2);
  add(file, "average", state.outer.average);
  if (state.best.outer_step >= 0) add(file, "best.theta", state.best.theta);
  for (std::size_t s = 0; s < state.slots.size(); ++s) add(file, phi_name(s), state.slots[s].phi);
  const json run = {{"seed", state.seed},
                    {"outer_step", state.outer.outer_step},
                    {"last_validation", state.last_validation},
                    {"best_step", state.best.outer_step},
                    {"best_accuracy", state.best.accuracy},
                    {"non_finite_truncations", state.non_finite_truncations},
                    {"seconds", state.seconds},
                    {"slots", slots_to_json(state.slots)}};
  file.metadata["kind"] = kKind;
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
  RunState state;
  try {
    check_same_config(path, json::parse(file.require_metadata("config")), config);
    const json run = json::parse(file.require_metadata("run"));
    const std::int64_t P = ThetaLayout(config.rule).size();
    state.seed = run.at("seed").get<std::uint64_t>();
    state.outer.outer_step = run.at("outer_step").get<std::int64_t>();
    state.last_validation = run.at("last_validation").get<std::int64_t>();
    state.non_finite_truncations = run.at("non_finite_truncations").get<std::int64_t>();
    state.seconds = run.at("seconds").get<double>();
    state.outer.theta = take(file, "theta", P);
    state.outer.moment1 = take(file, "adam.moment1", P);
    state.outer.moment2 = take(file, "adam.moment2", P);
    state.outer.average = take(file, "average", P);
    state.best.outer_step = run.at("best_step").get<std::int64_t>();
    state.best.accuracy = run.at("best_accuracy").get<double>();
    if (state.best.outer_step >= 0) state.best.theta = take(file, "best.theta", P);
    for (const json& saved : run.at("slots")) {
      Slot slot;
      slot.generation = saved.at("generation").get<std::int64_t>();
      slot.inner_step = saved.at("inner_step").get<std::int64_t>();
      slot.truncation = saved.at("truncation").get<std::int64_t>();
      const auto s = static_cast<int>(state.slots.size());
      const std::uint64_t index = slot_task_index(slot, s, config.outer.outer_batch);
      slot.shape = draw_trajectory(config, state.seed, index);
      slot.phi = take(file, phi_name(state.slots.size()), slot.shape.architecture.phi_size());
      state.slots.push_back(std::move(slot));
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
