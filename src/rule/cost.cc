#include "rule/cost.h"

#include "rule/terms.h"

namespace metaplastic {
namespace {

constexpr double kBytes = sizeof(float);

// [m,k] x [k,n]
double product(double m, double n, double k) { return 2 * m * n * k; }

// Columns of `readout` that layer l of L uses: the input only lo, the top all but lo.
double readout_columns(const ThetaLayout& layout, int l, int L) {
  const double up = layout.low_column(0), low = layout.num_low_readouts() * layout.sizes().G;
  return (l > 0 ? up : 0) + (l < L ? low : 0);
}

StageCost top_down(const RuleSizes& sizes, double U, double B) {
  const double C = sizes.C, D = sizes.D;
  StageCost cost{"top_down"};
  cost.flops = product(U, U, B)                                 // corr(x, x)
               + product(U, B, U)                               // q = off(corr) s
               + product(U * B, C, 2)                           // [s,q] top_in
               + product(U, C, 2 * C)                           // stats_b(y1) top_unit
               + product(U * B, C, C)                           // n1 top_mix
               + product(B, C, 2 * C)                           // stats_u(n1) top_example
               + product(U * B, D, C);                          // n2 top_out
  cost.bytes = kBytes * (U * B * (4 + 8 * C + D) + 2 * U * U);  // s, q; y1, n1, y2, n2; delta; corr
  return cost;
}

void add_hidden_state(const RuleSizes& sizes, double U, double B, StageCost& cost) {
  const double C = sizes.C, D = sizes.D;
  const double signals = sizes.has_two_views() ? kNumViewFeatures : 0;
  cost.flops += signals * product(U, U, B)            // corr(s, partner), off(corr) partner
                + product(U * B, C, 2 + D + signals)  // [x,z,delta,signals] hidden_in
                + product(U, C, 1 + 4)                // b hidden_bias_in, J hidden_stats
                + product(U, C, 2 * C)                // stats_b(n1) hidden_unit
                + product(B, C, 2 * C)                // stats_u(n1) hidden_example
                + product(U * B, C, C);               // m hidden_mix
  cost.bytes +=
      kBytes * (U * B * (2 + D + 3 * signals + 2 * C + 2 * C + 2 * C + C)  // inputs; y1, n1, y2; h
                + signals * U * U);
}

// A convolution of metz2019 with the norm behind it, for U units: reads its inputs, writes y, reads
// it and writes the normed value.
void add_block(double taps, double inputs, double outputs, double U, double B, StageCost& cost) {
  cost.flops += product(U * B, outputs, taps * inputs);
  cost.bytes += kBytes * U * B * (inputs + 3 * outputs);
}

StageCost released_top_down(const RuleSizes& sizes, double U, double B) {
  const double C = sizes.C, D = sizes.D;
  StageCost cost{"top_down"};
  add_block(5, 1, C, U, B, cost);
  for (int layer = 0; layer < 2; ++layer) add_block(3, U, U, C, B, cost);  // top_mix
  for (int layer = 0; layer < 2; ++layer) add_block(3, C, C, U, B, cost);  // top_conv
  cost.flops += product(U * B, D, 3 * C);                                  // top_out
  cost.bytes += kBytes * U * B * (C + D);
  return cost;
}

void add_released_hidden_state(const RuleSizes& sizes, double U, double B, StageCost& cost) {
  const double C = sizes.C, D = sizes.D;
  cost.bytes += kBytes * U * B * (2 + D + kNumOwnFeatures + D);  // x, z, delta; f
  add_block(3, kNumConstantFeatures + kNumOwnFeatures + D, C, U, B, cost);
  for (int layer = 0; layer < 5; ++layer) add_block(3, C, C, U, B, cost);
  cost.bytes += kBytes * U * B * 2 * 3 * C;  // the two sums
}

}  // namespace

std::vector<StageCost> count_step(const Architecture& architecture, const RuleSizes& sizes,
                                  int batch) {
  const int L = architecture.num_layers();
  const ThetaLayout layout(sizes);
  const double B = batch, C = sizes.C, D = sizes.D, G = sizes.G;
  StageCost base{"base_model"}, hidden{"hidden_state"}, readouts{"readouts"}, below{"signal_below"},
      lowrank{"lowrank"}, mixed{"term_products"}, terms{"terms"};
  for (int l = 0; l <= L; ++l) {
    const double U = architecture.widths[static_cast<std::size_t>(l)];
    if (!sizes.has_network()) continue;
    if (sizes.is_metz2019()) {
      add_released_hidden_state(sizes, U, B, hidden);
    } else {
      add_hidden_state(sizes, U, B, hidden);
    }
    readouts.flops += product(U * B, readout_columns(layout, l, L), C);
    readouts.bytes += kBytes * U * B * (C + readout_columns(layout, l, L));
  }
  for (int l = 1; l <= L; ++l) {
    const double up = architecture.widths[static_cast<std::size_t>(l)],
                 lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    base.flops += product(up, B, lo);                        // W^T x
    base.bytes += kBytes * (lo * up + lo * B + 4 * up * B);  // W, x; product, z, x, s
    below.flops += product(lo, D * B, up);                   // V delta_mod
    below.bytes += kBytes * (lo * up + up * B * (4 * D + 1) + lo * B * 3 * D);
    lowrank.bytes +=  // the readouts
        kBytes * B * G * (layout.num_low_readouts() * lo + layout.num_up_readouts() * up);
    mixed.bytes += kBytes * 2 * lo * up;  // w, sqrt(1 + w^2) - 1
    for (const LayoutTerm& term : layout.terms()) {
      const TermCost cost = term.term->cost({lo, up, B, G});
      lowrank.flops += cost.lowrank_flops, lowrank.bytes += cost.lowrank_bytes;
      mixed.flops += cost.product_flops, mixed.bytes += cost.product_bytes;
    }
    terms.bytes += kBytes * lo * up *
                   (2 * layout.num_terms()  // each term's square mean, and the mix
                    + 10                    // w, w^2, exp, root; s twice; W_step
                    + 6);                   // W, V read and written with the step
  }
  const StageCost top = sizes.is_metz2019()
                            ? released_top_down(sizes, architecture.num_features(), B)
                            : top_down(sizes, architecture.num_features(), B);
  return {base, top, hidden, readouts, below, lowrank, mixed, terms};
}

double count_objective_flops(const Architecture& architecture, int N, int num_targets) {
  double flops = 0;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    flops += 2 * product(architecture.widths[static_cast<std::size_t>(l)], N,
                         architecture.widths[static_cast<std::size_t>(l - 1)]);
  }
  const double U = architecture.num_features();
  return flops + product(U, U, N)          // Xc Xc^T
         + U * U * U / 3                   // its Cholesky factor
         + 2 * product(U, num_targets, N)  // Xc Y, beta^T X_query
         + product(U, num_targets, U);     // two triangular solves
}

double total_flops(const std::vector<StageCost>& stages) {
  double flops = 0;
  for (const StageCost& stage : stages) flops += stage.flops;
  return flops;
}

}  // namespace metaplastic
