// The reverse-mode tape: values, their adjoints ("bars"), and the list of what to run backwards.
//
// Read with ops.h (the operations) and arena.h (the memory). An operation computes its value at
// once and, when a gradient is wanted, records a closure that adds to the bars of its inputs.
// Values, bars and closures all live in the arena; after the first pass nothing is allocated.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "tensor/arena.h"

namespace metaplastic {

// A value [U, C, B]: units, channels, examples; the last index is contiguous, and units may lie
// `unit_stride` elements apart (a slice of channels of a wider value). A matrix [R, N] is
// [R, 1, N]; a vector [N] is [1, 1, N]. A Var does not own its memory.
template <class T>
struct Var {
  T* data = nullptr;
  int id = -1;  // node that holds the bar; -1 for a constant
  std::array<int, 3> dims{0, 0, 0};
  std::ptrdiff_t unit_stride = 0;
  int first_channel = 0;  // of this slice within its node

  int units() const { return dims[0]; }
  int channels() const { return dims[1]; }
  int examples() const { return dims[2]; }
  int rows() const { return dims[0]; }
  int cols() const { return dims[2]; }
  std::ptrdiff_t size() const { return std::ptrdiff_t{dims[0]} * dims[1] * dims[2]; }
  bool contiguous() const { return unit_stride == std::ptrdiff_t{dims[1]} * dims[2]; }
  bool needs_gradient() const { return id >= 0; }
};

// Channels [first, first + count) of a value; shares memory and bar with it.
template <class T>
Var<T> slice_channels(const Var<T>& value, int first, int count) {
  METAPLASTIC_CHECK(first >= 0 && count >= 1 && first + count <= value.channels());
  Var<T> slice = value;
  slice.data += std::ptrdiff_t{first} * value.examples();
  slice.dims[1] = count;
  slice.first_channel += first;
  return slice;
}

// Where an adjoint goes: add to `data` if `accumulate`, else overwrite (saves clearing it first).
template <class T>
struct Bar {
  T* data;
  bool accumulate;
};

template <class T>
class Tape {
 public:
  Tape() : arena_() { nodes_.reserve(1024), steps_.reserve(1024); }

  // Values are computed by these threads, with the same bits for any number of them; null: by the
  // caller alone. They must be idle and outlive their use here. Adjoints are the caller's.
  void use_threads(ThreadPool* threads) { threads_ = threads; }
  int num_workers() const { return threads_ ? threads_->num_threads() : 1; }
  // Runs body(worker, first, last) for pieces that make up [0, count), each but the last a
  // multiple of `unit` long; without threads, or for less than kLeastWork, in one piece. `work` is
  // about the number of element operations in all. Results must not depend on the pieces.
  template <class F>
  void in_pieces(int count, int unit, double work, const F& body) const {
    if (!threads_ || work < kLeastWork || count <= unit) {
      if (count > 0) body(0, 0, count);
      return;
    }
    const int units = (count + unit - 1) / unit;
    const int pieces = std::min(
        {units, kPiecesPerThread * num_workers(), static_cast<int>(work / (kLeastWork / 2))});
    threads_->parallel_for(pieces, [&](int worker, int piece) {
      const auto start = [&](int p) {
        return std::min<std::int64_t>(count, std::int64_t{units} * p / pieces * unit);
      };
      body(worker, static_cast<int>(start(piece)), static_cast<int>(start(piece + 1)));
    });
  }

  // Runs body(index) for all of [0, count), so.
  template <class F>
  void for_each(int count, double work, const F& body) const {
    in_pieces(count, 1, work, [&](int, int first, int last) {
      for (int index = first; index < last; ++index) body(index);
    });
  }

  // Forgets everything. With record = false operations only compute values.
  void reset(bool record);
  bool recording() const { return record_; }

  // Wraps memory of the caller: a constant has no bar, a leaf has one (zero until written).
  Var<T> constant(const T* data, int units, int channels, int examples) const;
  Var<T> leaf(const T* data, int units, int channels, int examples);
  Var<T> constant(const T* data, int rows, int cols) const { return constant(data, rows, 1, cols); }
  Var<T> leaf(const T* data, int rows, int cols) { return leaf(data, rows, 1, cols); }

  // A new uninitialised value; it has a bar when `needs_gradient` and the tape records.
  Var<T> make(int units, int channels, int examples, bool needs_gradient);
  Var<T> make(int rows, int cols, bool needs_gradient) {
    return make(rows, 1, cols, needs_gradient);
  }
  // Uninitialised scratch that lives until reset(), or until it is given back.
  T* scratch(std::ptrdiff_t count) {
    return arena_.allocate_array<T>(static_cast<std::size_t>(count));
  }
  void release_scratch(T* scratch, std::ptrdiff_t count) {
    arena_.release(scratch, static_cast<std::size_t>(count) * sizeof(T));
  }

  // A part of a computation that only one value is wanted of: gives back what was allocated since
  // `mark`, but `value`, which moves there. Nothing changes where that is less than keep_from said,
  // or where the tape records, which needs it all.
  static constexpr std::size_t kWorthMoving = std::size_t{32} << 20;
  void keep_from(std::size_t bytes) { kept_from_ = bytes; }
  std::size_t mark() const { return arena_.used_bytes(); }
  Var<T> keep(std::size_t mark, const Var<T>& value);

  // Records `closure` to run when the bar of `output` is complete. Trivially copyable captures
  // only.
  template <class F>
  void on_backward(const Var<T>& output, F closure) {
    on_backward(output, 1, closure);
  }
  // The same for an operation with `num_outputs` values, made one after the other from `first` on:
  // it runs when any of them has a bar.
  template <class F>
  void on_backward(const Var<T>& first, int num_outputs, F closure) {
    static_assert(std::is_trivially_copyable_v<F>,
                  "closures live in the arena and are never destroyed");
    if (!first.needs_gradient()) return;
    void* memory = arena_.allocate(sizeof(F));
    std::memcpy(memory, &closure, sizeof(F));
    steps_.push_back(
        {memory, sizeof(F), [](void* self) { (*static_cast<F*>(self))(); }, first.id, num_outputs});
  }

  // The bar of `value` for writing: same strides as the value.
  Bar<T> bar_for_writing(const Var<T>& value);
  // The bar of `value`, cleared to zero where nothing was written yet. Same strides as the value.
  T* bar(const Var<T>& value);
  bool has_bar(const Var<T>& value) const;

  // Number of closures recorded so far: where a later part of a computation begins.
  std::size_t num_recorded() const { return steps_.size(); }
  // Runs the closures recorded from number `first` on, in reverse, and forgets them. Bars of
  // outputs must have been set by the caller. Values and bars made by these operations are gone
  // afterwards; bars of leaves stay until reset().
  void backward(std::size_t first = 0);

  Arena& arena() { return arena_; }

 private:
  static constexpr int kMaxChannels = 256;
  // A piece of work must take longer than handing it to a thread that looks out for it: some
  // microseconds.
  static constexpr double kLeastWork = 1 << 15;
  static constexpr int kPiecesPerThread = 2;
  struct Node {
    T* value = nullptr;  // owned value to reuse after its closure ran; null for leaves
    T* bar = nullptr;
    std::array<int, 3> dims{};
    std::array<std::uint64_t, kMaxChannels / 64> written{};  // one bit per channel of the bar
    std::size_t bytes() const {
      return static_cast<std::size_t>(dims[0]) * static_cast<std::size_t>(dims[1]) *
             static_cast<std::size_t>(dims[2]) * sizeof(T);
    }
  };
  struct Step {
    void* closure;
    std::size_t bytes;
    void (*run)(void*);
    int first_output, num_outputs;
  };
  Var<T> new_node(T* data, int units, int channels, int examples, bool owned);
  // First and number of the node's channels that `value` covers; a reshaped view covers them all.
  static std::pair<int, int> channels_of(const Node& node, const Var<T>& value);
  static void clear_channels(Node& node, int first, int count);

  Arena arena_;
  std::vector<Node> nodes_;
  std::vector<Step> steps_;
  bool record_ = false;
  std::size_t kept_from_ = kWorthMoving;
  ThreadPool* threads_ = nullptr;
};

extern template class Tape<float>;
extern template class Tape<double>;

}  // namespace metaplastic
