#include "tensor/tape.h"

#include <span>

namespace metaplastic {
namespace {

bool test_bit(const std::uint64_t* bits, int i) { return (bits[i / 64] >> (i % 64)) & 1u; }
void set_bit(std::uint64_t* bits, int i) { bits[i / 64] |= std::uint64_t{1} << (i % 64); }

}  // namespace

template <class T>
void Tape<T>::reset(bool record) {
  arena_.reset();
  nodes_.clear();
  steps_.clear();
  record_ = record;
}

template <class T>
Var<T> Tape<T>::constant(const T* data, int units, int channels, int examples) const {
  Var<T> value;
  value.data = const_cast<T*>(data);  // operations never write to their inputs
  value.dims = {units, channels, examples};
  value.unit_stride = std::ptrdiff_t{channels} * examples;
  return value;
}

template <class T>
Var<T> Tape<T>::leaf(const T* data, int units, int channels, int examples) {
  if (!record_) return constant(data, units, channels, examples);
  return new_node(const_cast<T*>(data), units, channels, examples, false);
}

template <class T>
Var<T> Tape<T>::make(int units, int channels, int examples, bool needs_gradient) {
  T* data = scratch(std::ptrdiff_t{units} * channels * examples);
  if (!record_ || !needs_gradient) return constant(data, units, channels, examples);
  return new_node(data, units, channels, examples, true);
}

template <class T>
Var<T> Tape<T>::keep(std::size_t mark, const Var<T>& value) {
  if (record_ || arena_.used_bytes() < mark + kept_from_) return value;
  METAPLASTIC_CHECK(value.contiguous());
  const bool is_newer = arena_.is_above(mark, value.data);
  arena_.rewind(mark);
  if (!is_newer) return value;
  Var<T> kept = value;
  kept.data = scratch(value.size());
  std::memmove(kept.data, value.data, static_cast<std::size_t>(value.size()) * sizeof(T));
  return kept;
}

template <class T>
Var<T> Tape<T>::new_node(T* data, int units, int channels, int examples, bool owned) {
  METAPLASTIC_CHECK(units > 0 && channels > 0 && examples > 0 && channels <= kMaxChannels);
  Node node;
  node.value = owned ? data : nullptr;
  node.dims = {units, channels, examples};
  nodes_.push_back(node);
  Var<T> value = constant(data, units, channels, examples);
  value.id = static_cast<int>(nodes_.size()) - 1;
  return value;
}

template <class T>
void Tape<T>::clear_channels(Node& node, int first, int count) {
  const std::ptrdiff_t row = std::ptrdiff_t{count} * node.dims[2];
  for (int u = 0; u < node.dims[0]; ++u) {
    T* start = node.bar + (std::ptrdiff_t{u} * node.dims[1] + first) * node.dims[2];
    std::memset(start, 0, static_cast<std::size_t>(row) * sizeof(T));
  }
}

template <class T>
std::pair<int, int> Tape<T>::channels_of(const Node& node, const Var<T>& value) {
  const bool same_layout = value.dims[0] == node.dims[0] && value.dims[2] == node.dims[2] &&
                           value.unit_stride == std::ptrdiff_t{node.dims[1]} * node.dims[2];
  if (same_layout) return {value.first_channel, value.channels()};
  METAPLASTIC_CHECK(static_cast<std::size_t>(value.size()) * sizeof(T) == node.bytes());
  return {0, node.dims[1]};
}

template <class T>
Bar<T> Tape<T>::bar_for_writing(const Var<T>& value) {
  METAPLASTIC_CHECK(value.needs_gradient());
  Node& node = nodes_[static_cast<std::size_t>(value.id)];
  if (node.bar == nullptr) node.bar = static_cast<T*>(arena_.allocate(node.bytes()));
  const auto [first, count] = channels_of(node, value);
  int num_written = 0;
  for (int c = first; c < first + count; ++c) num_written += test_bit(node.written.data(), c);
  if (num_written != 0 && num_written != count) {
    for (int c = first; c < first + count; ++c) {
      if (!test_bit(node.written.data(), c)) clear_channels(node, c, 1);
    }
  }
  for (int c = first; c < first + count; ++c) set_bit(node.written.data(), c);
  return {node.bar + std::ptrdiff_t{first} * node.dims[2], num_written != 0};
}

template <class T>
T* Tape<T>::bar(const Var<T>& value) {
  const Bar<T> target = bar_for_writing(value);
  if (!target.accumulate) {
    Node& node = nodes_[static_cast<std::size_t>(value.id)];
    const auto [first, count] = channels_of(node, value);
    clear_channels(node, first, count);
  }
  return target.data;
}

template <class T>
bool Tape<T>::has_bar(const Var<T>& value) const {
  return value.needs_gradient() && nodes_[static_cast<std::size_t>(value.id)].bar != nullptr;
}

template <class T>
void Tape<T>::backward(std::size_t first) {
  METAPLASTIC_CHECK(first <= steps_.size());
  for (auto step = steps_.rbegin(); step != steps_.rend() - static_cast<std::ptrdiff_t>(first);
       ++step) {
    const std::span<Node> outputs(&nodes_[static_cast<std::size_t>(step->first_output)],
                                  static_cast<std::size_t>(step->num_outputs));
    bool wanted = false;  // otherwise nothing depends on these values
    for (Node& node : outputs) {
      if (node.bar == nullptr) continue;
      wanted = true;
      for (int c = 0; c < node.dims[1]; ++c) {
        if (!test_bit(node.written.data(), c)) clear_channels(node, c, 1);
      }
    }
    if (wanted) step->run(step->closure);
    for (Node& node : outputs) {
      if (node.bar != nullptr) arena_.release(node.bar, node.bytes());
      if (node.value != nullptr) arena_.release(node.value, node.bytes());
      node.bar = nullptr;
      node.value = nullptr;
    }
    arena_.release(step->closure, step->bytes);
  }
  steps_.resize(first);
}

template class Tape<float>;
template class Tape<double>;

}  // namespace metaplastic
