// Networks that learn by gradient: stacks like the base model, linear layers behind them, Adam.
// Read with objectives.h, which turns outputs into a loss and its derivatives.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apply/encoder.h"
#include "model/mlp.h"
#include "tensor/tape.h"

namespace metaplastic {

// One tape, so one network per thread.
class Network {
 public:
  // Weights are drawn from (seed, run), in the order in which layers are added.
  Network(std::uint64_t seed, std::uint32_t run);

  // A base model: W^T x, batch norm, bias, activation in each layer. Returns its number.
  int add_stack(const Architecture& architecture);
  // W^T x + b. Returns its number.
  int add_linear(int U_lo, int U_up);

  // Forgets the step before and starts to record.
  void begin_step();
  Tape<float>& tape() { return tape_; }
  Activations<float> run_stack(int number, const Var<float>& x);  // x [U_0,1,B]
  Var<float> run_linear(int number, const Var<float>& x);         // [U_lo,1,B] -> [U_up,1,B]
  // Runs the tape backwards from the bars that were set (those of a loss) and moves every weight
  // that got a bar one step of Adam down the loss.
  void finish_step(double lr);

  // The batch norm of a stack folded by the statistics of rows [N,U_0], as for every encoder.
  std::vector<FoldedLayer> fold_stack(int number, std::span<const float> rows,
                                      std::int64_t num_rows) const;
  FoldedLayer linear_layer(int number) const;

 private:
  // A matrix of weights with what Adam remembers about it.
  struct Weights {
    int rows, cols;
    std::vector<float> values, moment1, moment2;  // [rows,cols]
    int num_updates = 0;
    Var<float> leaf;  // of the step that is being recorded
  };
  struct Stack {
    Architecture architecture;
    std::size_t first;  // W and b of each layer, from here on in weights_
  };

  std::size_t add_weights(int rows, int cols, double deviation);

  Random random_;
  Tape<float> tape_;
  std::vector<Weights> weights_;
  std::vector<Stack> stacks_;
  std::vector<std::size_t> linears_;  // W in weights_; b is the next one
};

}  // namespace metaplastic
