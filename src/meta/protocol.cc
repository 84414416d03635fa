#include "meta/protocol.h"

#include "base/error.h"

namespace metaplastic {
namespace {

void add_slot(Packer& packer, int slot_index, const Slot& slot) {
  packer.add(slot_index).add(slot.generation).add(slot.opened_at);
  packer.add(slot.inner_step).add(slot.truncation).add(slot.phi);
  for (const auto* list : {&slot.particles, &slot.perturbations}) {
    packer.add(static_cast<std::uint64_t>(list->size()));
    for (const std::vector<float>& values : *list) packer.add(values);
  }
}

std::pair<int, Slot> get_slot(Unpacker& unpacker) {
  const int slot_index = unpacker.get<int>();
  Slot slot;
  slot.generation = unpacker.get<std::int64_t>();
  slot.opened_at = unpacker.get<std::int64_t>();
  slot.inner_step = unpacker.get<std::int64_t>();
  slot.truncation = unpacker.get<std::int64_t>();
  slot.phi = unpacker.get_vector<float>();
  for (auto* list : {&slot.particles, &slot.perturbations}) {
    const auto count = unpacker.get<std::uint64_t>();
    for (std::uint64_t n = 0; n < count; ++n) list->push_back(unpacker.get_vector<float>());
  }
  return {slot_index, std::move(slot)};
}

}  // namespace

ErrorMessage error_in_hand() {
  try {
    throw;
  } catch (const Error& error) {
    return {true, error.what()};
  } catch (const std::exception& error) {
    return {false, error.what()};
  }
}

Packer pack(const Setup& setup) {
  Packer packer;
  packer.add(setup.program).add(setup.config).add(setup.seed);
  packer.add(static_cast<std::uint64_t>(setup.slots.size()));
  for (const auto& [slot_index, slot] : setup.slots) add_slot(packer, slot_index, slot);
  return packer;
}

template <>
Setup unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  Setup setup;
  setup.program = unpacker.get_text();
  setup.config = unpacker.get_text();
  setup.seed = unpacker.get<std::uint64_t>();
  const auto count = unpacker.get<std::uint64_t>();
  for (std::uint64_t n = 0; n < count; ++n) setup.slots.push_back(get_slot(unpacker));
  unpacker.finish();
  return setup;
}

Packer pack(const ThetaMessage& message) {
  return std::move(Packer().add(message.outer_step).add(message.theta));
}

template <>
ThetaMessage unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  ThetaMessage result;
  result.outer_step = unpacker.get<std::int64_t>();
  result.theta = unpacker.get_vector<float>();
  unpacker.finish();
  return result;
}

Packer pack(const Report& report) {
  Packer packer;
  packer.add(report.slot).add(report.outer_step).add(report.task_index);
  packer.add(report.inner_step).add(report.inner_steps).add(report.data_seconds);
  packer.add(report.result.meta_loss).add(report.result.accuracy);
  packer.add(report.result.num_judged).add(report.result.finite).add(report.gradient);
  return packer;
}

template <>
Report unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  Report report;
  report.slot = unpacker.get<int>();
  report.outer_step = unpacker.get<std::int64_t>();
  report.task_index = unpacker.get<std::uint64_t>();
  report.inner_step = unpacker.get<std::int64_t>();
  report.inner_steps = unpacker.get<std::int64_t>();
  report.data_seconds = unpacker.get<double>();
  report.result.meta_loss = unpacker.get<double>();
  report.result.accuracy = unpacker.get<double>();
  report.result.num_judged = unpacker.get<int>();
  report.result.finite = unpacker.get<bool>();
  report.gradient = unpacker.get_vector<float>();
  unpacker.finish();
  return report;
}

Packer pack(const ScoreMessage& message) {
  const TaskScore& score = message.score;
  Packer packer;
  packer.add(message.outer_step).add(message.index).add(score.family);
  packer.add(score.accuracy).add(score.random_accuracy).add(score.meta_loss);
  return packer;
}

template <>
ScoreMessage unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  ScoreMessage result;
  result.outer_step = unpacker.get<std::int64_t>();
  result.index = unpacker.get<int>();
  result.score.family = unpacker.get_text();
  result.score.accuracy = unpacker.get<double>();
  result.score.random_accuracy = unpacker.get<double>();
  result.score.meta_loss = unpacker.get<double>();
  unpacker.finish();
  return result;
}

Packer pack(const ErrorMessage& message) {
  return std::move(Packer().add(message.user).add(message.text));
}

template <>
ErrorMessage unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  ErrorMessage result;
  result.user = unpacker.get<bool>();
  result.text = unpacker.get_text();
  unpacker.finish();
  return result;
}

Packer pack_state(int slot_index, const Slot& slot) {
  Packer packer;
  add_slot(packer, slot_index, slot);
  return packer;
}

std::pair<int, Slot> unpack_state(const Message& message) {
  Unpacker unpacker(message.bytes);
  auto state = get_slot(unpacker);
  unpacker.finish();
  return state;
}

}  // namespace metaplastic
