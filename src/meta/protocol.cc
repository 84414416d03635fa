#include "meta/protocol.h"

#include "base/error.h"
#include "meta/fields.h"

namespace metaplastic {
namespace {

struct FieldPacker {
  Packer& packer;
  template <class T>
  void operator()(const char*, const T& value) {
    packer.add(value);
  }
};

struct FieldUnpacker {
  Unpacker& unpacker;
  template <class T>
  void operator()(const char*, T& value) {
    unpacker.read(value);
  }
};

template <class Record>
void add_record(const Record& record, Packer& packer) {
  FieldPacker visitor{packer};
  visit_fields(visitor, record);
}

template <class Record>
void read_record(Unpacker& unpacker, Record& record) {
  FieldUnpacker visitor{unpacker};
  visit_fields(visitor, record);
}

template <class Record>
Packer pack_record(const Record& record) {
  Packer packer;
  add_record(record, packer);
  return packer;
}

template <class Record>
Record unpack_record(const Message& message) {
  Unpacker unpacker(message.bytes);
  Record record;
  read_record(unpacker, record);
  unpacker.finish();
  return record;
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
  for (const auto& [slot_index, slot] : setup.slots) {
    packer.add(slot_index);
    add_record(slot, packer);
  }
  return packer;
}

template <>
Setup unpack(const Message& message) {
  Unpacker unpacker(message.bytes);
  Setup setup;
  std::uint64_t count = 0;
  unpacker.read(setup.program).read(setup.config).read(setup.seed).read(count);
  for (std::uint64_t n = 0; n < count; ++n) {
    auto& [slot_index, slot] = setup.slots.emplace_back();
    unpacker.read(slot_index);
    read_record(unpacker, slot);
  }
  unpacker.finish();
  return setup;
}

Packer pack(const ThetaMessage& message) { return pack_record(message); }
Packer pack(const Report& report) { return pack_record(report); }
Packer pack(const ScoreMessage& message) { return pack_record(message); }
Packer pack(const ErrorMessage& message) { return pack_record(message); }

template <>
ThetaMessage unpack(const Message& message) {
  return unpack_record<ThetaMessage>(message);
}
template <>
Report unpack(const Message& message) {
  return unpack_record<Report>(message);
}
template <>
ScoreMessage unpack(const Message& message) {
  return unpack_record<ScoreMessage>(message);
}
template <>
ErrorMessage unpack(const Message& message) {
  return unpack_record<ErrorMessage>(message);
}

Packer pack_state(int slot_index, const Slot& slot) {
  Packer packer;
  packer.add(slot_index);
  add_record(slot, packer);
  return packer;
}

std::pair<int, Slot> unpack_state(const Message& message) {
  Unpacker unpacker(message.bytes);
  std::pair<int, Slot> state;
  unpacker.read(state.first);
  read_record(unpacker, state.second);
  unpacker.finish();
  return state;
}

}  // namespace metaplastic
