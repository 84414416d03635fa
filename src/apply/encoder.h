// An encoder: what `apply` makes. Raw rows go through the fitted Preprocess and then through a
// stack of layers with batch norm folded into weights and biases, so that a row's features do not
// depend on which rows it comes with. docs/layers.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/classifier.h"
#include "apply/readout.h"
#include "base/thread_pool.h"
#include "data/preprocess.h"
#include "model/layer_spec.h"
#include "model/mlp.h"

namespace metaplastic {

// z = W^T x + b, x_up = act(z), with the batch norm's mean and deviation inside W and b.
struct FoldedLayer {
  std::vector<float> W;  // [U_lo,U_up]
  std::vector<float> b;  // [U_up]
};

// The deviations above its mean from which a unit of a sparse layer answers.
inline constexpr float kSparseThreshold = 1.0f;
// For a layer with batch norm inside: every unit's deviation is 1.
void make_sparse(FoldedLayer& layer);

// A dense, conv or pool layer of an encoder. A conv layer is the same formula at every place, x
// being the window there, row by row with the channels of a pixel together.
struct EncoderLayer : FoldedLayer {  // no weights: pool
  LayerSpec spec;
  ImageShape in, out;  // what it takes and gives; dense: {1,1,U_up}
  // conv: each window less its mean, over its deviation + this; 0: windows as they are.
  float window_offset = 0;
};

// How an encoder was made; saved with it and shown by `inspect`.
struct EncoderRecord {
  std::string rule;         // name or file, as the user gave it
  std::string rule_sha256;  // digest of the rule file; "" for a rule that is built in
  std::string data;         // the data SPEC
  std::uint64_t seed = 0;
  int inner_steps = 0;  // 0: a random encoder
  int inner_batch = 0;
  double inner_lr = 0, weight_std = 0, bias_std = 0;
  std::string variant = "usual";  // of the rule (apply/rule_variant.h)
  std::string init = "normal";    // or "truncated" (model/mlp.h, PhiInit)
};

struct Encoder {
  Preprocess preprocess;
  Unary activation = Unary::kRelu;
  std::vector<EncoderLayer> layers;  // from the inputs up
  EncoderRecord record;
  std::vector<float> input_scales;             // [L]; empty: not known (readout.h)
  Readout readout;                             // what apply and embed give out
  std::optional<LinearClassifier> classifier;  // of these features; predict needs it

  // Layers with weights are numbered 1..L from the inputs up. A conv layer is read out behind the
  // pools that follow it.
  int num_layers() const;
  int num_inputs() const;
  int num_features(int layer) const;
  int num_features() const { return num_features(num_layers()); }
  std::vector<int> widths() const;  // U_0, then the features of layers 1..L
  // The layers [0, end) of `layers` that layer 1..L is read out behind.
  std::size_t end_of(int layer) const;
  const EncoderLayer& weights_of(int layer) const;
  std::vector<LayerSpec> specs() const;
  // The first dense layer in `layers`; layers.size() where there is none. All above are dense.
  std::size_t first_dense() const;
  // The dense layers as the base model that a rule trains; at least one.
  Architecture dense_architecture() const;
};

// Layers without weights, for inputs of that shape. Throws Error as layer_shapes does.
std::vector<EncoderLayer> empty_layers(std::span<const LayerSpec> specs, const ImageShape& input);
// The dense layers of that architecture.
std::vector<EncoderLayer> dense_layers(const Architecture& architecture,
                                       std::vector<FoldedLayer> folded);

// Features of prepared rows [N,U_0] as the readout says: out [N,num_features(encoder, readout)].
// Cost 2 N U_lo U_up flops a dense layer, times the places in a conv layer; memory of two blocks of
// 512 rows and of one image whatever N is. The same bits for any N.
void encode(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows,
            const Readout& readout, std::span<float> out);
inline void encode(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows,
                   int layer, std::span<float> out) {
  encode(encoder, rows, num_rows, Readout{.layer = layer}, out);
}

// Rows that a thread encodes at a time: fewer where layers are wide.
std::int64_t encode_block_rows(std::int64_t widest);
// Called with whole blocks [count, F], in the order of the rows.
using FeatureSink = std::function<void(std::span<const float> features, std::int64_t count)>;
// Streams prepared rows through the encoder; memory does not grow with their number. Threads share
// out blocks of rows, and the bits do not depend on how many there are; the sink is called by one
// at a time. places_of_first: what the layers below the dense ones give of the first rows, where
// that is known already; or nullptr. Throws Error when the rows have another number of inputs, or a
// feature is not finite.
void encode_rows(const Encoder& encoder, const RowSource& prepared, const Readout& readout,
                 const FeatureSink& sink, int num_threads = 1,
                 const RowSource* places_of_first = nullptr);

// Folds phi's batch norm by the statistics of prepared rows [N,U_0], N >= 2, layer by layer, each
// on the folded layers below it. With one inner batch as rows, encode() is the inner forward pass.
// Threads, if any, share the work; the bits do not depend on them.
std::vector<FoldedLayer> fold_layers(const Architecture& architecture, std::span<const float> phi,
                                     std::span<const float> rows, std::int64_t num_rows,
                                     ThreadPool* threads = nullptr);

}  // namespace metaplastic
