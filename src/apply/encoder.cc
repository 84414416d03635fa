#include "apply/encoder.h"

#include <algorithm>
#include <cmath>

#include "apply/place_layers.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

// Folded whitening makes long sums of large products that cancel: short sums keep rounding small.
constexpr int kWhitenedInputs = 256;

// Rows that are in memory at once: fewer where layers are wide.
constexpr std::int64_t kMaxBlockRows = 512, kMinBlockRows = 16, kMaxBlockValues = 1 << 21;

// Blocks of rows to what a readout says; for one thread.
class BlockEncoder {
 public:
  BlockEncoder(const Encoder& encoder, const Readout& readout)
      : encoder_(encoder),
        parts_(parts_of(encoder, readout)),
        num_features_(num_features(encoder, readout)),
        input_scale_(readout.with_input ? input_scale(encoder, readout) : 0),
        end_(parts_.empty() ? 0 : parts_.back().end),
        first_dense_(std::min(end_, encoder.first_dense())),
        places_({encoder.layers.data(), first_dense_}, encoder.activation) {
    std::int64_t widest = std::max<std::int64_t>(encoder.num_inputs(), places_.num_outputs());
    for (std::size_t n = first_dense_; n < end_; ++n)
      widest = std::max(widest, encoder.layers[n].out.size());
    num_rows_ = encode_block_rows(widest);
    for (auto& block : blocks_) block.assign(static_cast<std::size_t>(num_rows_ * widest), 0.0f);
    for (const Part& part : parts_) {
      if (part.end < first_dense_)
        lower_places_.emplace_back(std::span(encoder.layers.data(), part.end), encoder.activation);
    }
  }
  std::int64_t num_rows() const { return num_rows_; }
  // Reads `count` rows from `first` on and gives their features [count, num_features], as
  // encode_rows with places_of_first.
  const float* run(const RowSource& prepared, std::int64_t first, std::int64_t count,
                   const RowSource* places_of_first) {
    std::int64_t known = 0;
    if (places_of_first && reads_dense())
      known = std::clamp<std::int64_t>(places_of_first->num_rows() - first, 0, count);
    const std::int64_t U_0 = encoder_.num_inputs(), U = places_.num_outputs();
    // Rows are wanted for their own sake where inputs or lower layers are read.
    const std::int64_t unread = input_scale_ == 0 && lower_places_.empty() ? known : 0;
    if (unread < count)
      prepared.read_rows(first + unread, count - unread, part_of(blocks_[0], unread, count, U_0));
    if (known > 0) places_of_first->read_rows(first, known, part_of(blocks_[1], 0, known, U));
    return run(count, known);
  }
  float* input() { return blocks_[0].data(); }
  // Features [count, num_features] of the first rows in input(). Of the first `known` ones the
  // layers below the dense ones have been computed, into blocks_[1].
  const float* run(std::int64_t count, std::int64_t known = 0) {
    const bool alone = parts_.size() == 1 && input_scale_ == 0;
    if (!alone) begin_features(count);
    const float* top = run_layers(count, known, !alone);
    return alone ? top : features_.data();
  }

 private:
  // A layer of the readout: it is read behind layers [0, end), into columns from `first`.
  struct Part {
    std::size_t end;
    std::int64_t first, width;
  };
  static std::vector<Part> parts_of(const Encoder& encoder, const Readout& readout) {
    std::vector<Part> parts;
    std::int64_t first = readout.with_input ? encoder.num_inputs() : 0;
    for (const int layer : layers_of(encoder, readout)) {
      parts.push_back({encoder.end_of(layer), first, encoder.num_features(layer)});
      first += parts.back().width;
    }
    return parts;
  }

  // The inputs, and conv layers below others.
  void begin_features(std::int64_t count) {
    features_.resize(static_cast<std::size_t>(count * num_features_));
    const std::int64_t U_0 = encoder_.num_inputs();
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = blocks_[0].data() + i * U_0;
      float* out = features_.data() + i * num_features_;
      if (input_scale_ != 0) {
        for (std::int64_t u = 0; u < U_0; ++u) out[u] = row[u] * input_scale_;
      }
      for (std::size_t p = 0; p < lower_places_.size(); ++p) {
        lower_places_[p].run(row, out + parts_[p].first);
      }
    }
  }

  void take(std::size_t end, const float* values, std::int64_t count) {
    const auto part = std::ranges::find(parts_, end, &Part::end);
    if (part == parts_.end()) return;
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(values + i * part->width, part->width,
                  features_.data() + i * num_features_ + part->first);
    }
  }

  // Whether the readout lies above all conv and pool layers.
  bool reads_dense() const { return first_dense_ > 0 && end_ > first_dense_; }
  // Rows [begin, end) of a block with rows of so many values.
  static std::span<float> part_of(std::vector<float>& block, std::int64_t begin, std::int64_t end,
                                  std::int64_t values) {
    return std::span(block).subspan(static_cast<std::size_t>(begin * values),
                                    static_cast<std::size_t>((end - begin) * values));
  }

  // What the topmost layer gives; `collect`: every layer's part into features_.
  const float* run_layers(std::int64_t count, std::int64_t known, bool collect) {
    std::size_t at = 0;
    if (first_dense_ > 0) {
      const std::int64_t in = places_.num_inputs(), out = places_.num_outputs();
      for (std::int64_t i = known; i < count; ++i)
        places_.run(blocks_[0].data() + i * in, blocks_[1].data() + i * out);
      at = 1;
      if (collect) take(first_dense_, blocks_[at].data(), count);
    }
    for (std::size_t n = first_dense_; n < end_; ++n, at ^= 1) {
      const EncoderLayer& layer = encoder_.layers[n];
      run_folded(layer, encoder_.activation, count, blocks_[at].data(), blocks_[at ^ 1].data(),
                 packed_, layer.spec.whiten ? kWhitenedInputs : 0);
      if (collect) take(n + 1, blocks_[at ^ 1].data(), count);
    }
    return blocks_[at].data();
  }

  const Encoder& encoder_;
  std::vector<Part> parts_;  // from the bottom up
  std::int64_t num_features_;
  float input_scale_;  // 0: no inputs
  std::size_t end_, first_dense_;
  std::int64_t num_rows_ = 0;
  PlaceLayers places_;                     // the layers below the dense ones
  std::vector<PlaceLayers> lower_places_;  // of parts below the last of them
  std::vector<float> blocks_[2];           // [num_rows, widest layer]
  std::vector<float> packed_;              // a layer's weights as gemm_small wants them
  std::vector<float> features_;            // [count, num_features] where parts stand side by side
};

void check_finite(std::span<const float> features, std::int64_t num_features, std::int64_t first) {
  const auto bad = std::ranges::find_if(features, [](float v) { return !std::isfinite(v); });
  if (bad == features.end()) return;
  fail("encoder: expected finite features, found {} for row {}; look at that row's values", *bad,
       first + (bad - features.begin()) / num_features);
}

}  // namespace

std::int64_t encode_block_rows(std::int64_t widest) {
  return std::clamp(kMaxBlockValues / widest, kMinBlockRows, kMaxBlockRows);
}

void make_sparse(FoldedLayer& layer) {
  for (float& b : layer.b) b -= kSparseThreshold;
}

int Encoder::num_layers() const {
  return static_cast<int>(std::ranges::count_if(
      layers, [](const EncoderLayer& layer) { return layer.spec.has_weights(); }));
}

int Encoder::num_inputs() const { return static_cast<int>(layers.front().in.size()); }

int Encoder::num_features(int layer) const {
  return static_cast<int>(layers[end_of(layer) - 1].out.size());
}

std::vector<int> Encoder::widths() const {
  std::vector<int> result = {num_inputs()};
  for (int l = 1; l <= num_layers(); ++l) result.push_back(num_features(l));
  return result;
}

std::size_t Encoder::end_of(int layer) const {
  METAPLASTIC_CHECK(layer >= 1);
  std::size_t n = 0;
  for (int l = 0; n < layers.size(); ++n) {
    if (layers[n].spec.has_weights() && ++l > layer) return n;
  }
  METAPLASTIC_CHECK(layer <= num_layers());
  return n;
}

const EncoderLayer& Encoder::weights_of(int layer) const {
  std::size_t n = end_of(layer) - 1;
  while (!layers[n].spec.has_weights()) --n;
  return layers[n];
}

std::vector<LayerSpec> Encoder::specs() const {
  std::vector<LayerSpec> result;
  for (const EncoderLayer& layer : layers) result.push_back(layer.spec);
  return result;
}

std::size_t Encoder::first_dense() const {
  std::size_t n = 0;
  while (n < layers.size() && layers[n].spec.kind != LayerKind::kDense) ++n;
  return n;
}

Architecture Encoder::dense_architecture() const {
  METAPLASTIC_CHECK(first_dense() < layers.size());
  Architecture result;
  result.activation = activation;
  result.widths = {static_cast<int>(layers[first_dense()].in.size())};
  for (std::size_t n = first_dense(); n < layers.size(); ++n)
    result.widths.push_back(layers[n].spec.units);
  return result;
}

std::vector<EncoderLayer> empty_layers(std::span<const LayerSpec> specs, const ImageShape& input) {
  const std::vector<ImageShape> shapes = layer_shapes(specs, input);
  std::vector<EncoderLayer> layers(specs.size());
  for (std::size_t n = 0; n < specs.size(); ++n) {
    layers[n].spec = specs[n];
    layers[n].in = shapes[n];
    layers[n].out = shapes[n + 1];
  }
  return layers;
}

std::vector<EncoderLayer> dense_layers(const Architecture& architecture,
                                       std::vector<FoldedLayer> folded) {
  METAPLASTIC_CHECK(static_cast<int>(folded.size()) == architecture.num_layers());
  std::vector<EncoderLayer> layers(folded.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    static_cast<FoldedLayer&>(layers[l]) = std::move(folded[l]);
    layers[l].spec.units = architecture.widths[l + 1];
    layers[l].in = {1, 1, architecture.widths[l]};
    layers[l].out = {1, 1, architecture.widths[l + 1]};
  }
  return layers;
}

void encode(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows,
            const Readout& readout, std::span<float> out) {
  const std::int64_t U_0 = encoder.num_inputs();
  const std::int64_t U = num_features(encoder, readout);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rows.size()) == num_rows * U_0);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == num_rows * U);
  BlockEncoder block(encoder, readout);
  for (std::int64_t first = 0; first < num_rows; first += block.num_rows()) {
    const std::int64_t count = std::min(block.num_rows(), num_rows - first);
    std::copy_n(rows.data() + first * U_0, count * U_0, block.input());
    std::copy_n(block.run(count), count * U, out.data() + first * U);
  }
}

void encode_rows(const Encoder& encoder, const RowSource& prepared, const Readout& readout,
                 const FeatureSink& sink, int num_threads, const RowSource* places_of_first) {
  METAPLASTIC_CHECK(num_threads >= 1);
  check_readout(encoder, readout);
  const std::int64_t U_0 = encoder.num_inputs();
  const std::int64_t U = num_features(encoder, readout);
  if (prepared.num_features() != U_0) {
    fail("encoder: expected rows of {} inputs, found {}; use data of the kind it was made from",
         U_0, prepared.num_features());
  }
  const std::int64_t num_rows = prepared.num_rows();
  std::vector<BlockEncoder> encoders;
  encoders.emplace_back(encoder, readout);
  const std::int64_t size = encoders[0].num_rows();
  const std::int64_t num_blocks = (num_rows + size - 1) / size;
  ThreadPool pool(static_cast<int>(std::clamp<std::int64_t>(num_blocks, 1, num_threads)));
  const std::int64_t T = pool.num_threads();
  // A round is one block for each thread. While it runs, one thread hands over the round before it,
  // which has encoders of its own; a single thread needs no second one.
  const std::int64_t num_encoders = T > 1 ? std::min(2 * T, num_blocks) : 1;
  while (std::ssize(encoders) < num_encoders) encoders.emplace_back(encoder, readout);
  std::vector<std::span<const float>> found(encoders.size());
  const auto place = [&](std::int64_t block) {
    return static_cast<std::size_t>(block % num_encoders);
  };
  const auto rows_of_block = [&](std::int64_t n) { return std::min(size, num_rows - n * size); };
  const auto hand_over = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = std::max<std::int64_t>(begin, 0); n < end; ++n) {
      check_finite(found[place(n)], U, n * size);
      sink(found[place(n)], rows_of_block(n));
    }
  };
  for (std::int64_t begin = 0; begin < num_blocks; begin += T) {
    const std::int64_t count = std::min(num_blocks - begin, T);
    pool.parallel_for(static_cast<int>(count) + 1, [&](int, int index) {
      if (index == 0) return hand_over(begin - T, begin);
      const std::int64_t block = begin + index - 1, n = rows_of_block(block);
      const float* features =
          encoders[place(block)].run(prepared, block * size, n, places_of_first);
      found[place(block)] = {features, static_cast<std::size_t>(n * U)};
    });
  }
  hand_over((num_blocks - 1) / T * T, num_blocks);
}

}  // namespace metaplastic
