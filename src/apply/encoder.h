// An encoder: what `apply` makes. Raw rows go through the fitted Preprocess and then through the
// base model with its batch norm folded into weights and biases, so that a row's features do not
// depend on which rows it comes with.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/preprocess.h"
#include "model/mlp.h"

namespace metaplastic {

// z = W^T x + b, x_up = act(z), with the batch norm's mean and deviation inside W and b.
struct FoldedLayer {
  std::vector<float> W;  // [U_lo,U_up]
  std::vector<float> b;  // [U_up]
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
  Architecture architecture;        // widths[0] = preprocess.num_inputs()
  std::vector<FoldedLayer> layers;  // layer l = 1..L at index l - 1
  EncoderRecord record;

  int num_layers() const { return architecture.num_layers(); }
};

// Features of prepared rows [N,U_0] at layer 1..L: out [N,U_layer]. Cost 2 N sum U_lo U_up flops;
// memory of two blocks of 512 rows whatever N is. The same bits for any N.
void encode(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows, int layer,
            std::span<float> out);

// Called with whole blocks [count, U_layer] of features, in the order of the rows.
using FeatureSink = std::function<void(std::span<const float> features, std::int64_t count)>;
// Streams prepared rows through the encoder; memory does not grow with their number. Throws Error
// when the rows have another number of inputs, or a feature is not finite.
void encode_rows(const Encoder& encoder, const RowSource& prepared, int layer,
                 const FeatureSink& sink);

// Folds phi's batch norm by the statistics of prepared rows [N,U_0], N >= 2, layer by layer, each
// on the folded layers below it. With one inner batch as rows, encode() is the inner forward pass.
std::vector<FoldedLayer> fold_layers(const Architecture& architecture, std::span<const float> phi,
                                     std::span<const float> rows, std::int64_t num_rows);

}  // namespace metaplastic
