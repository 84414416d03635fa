// The terms that a weight step is a mix of: one table, a row per term. Counts, names, cost, the
// layout of theta and what `inspect` and the ablation show derive from it.
// To add a term: a row in terms.cc, its line in tests/oracle/, its formula in docs/method.md.
// [paper: appendix; docs/method.md step 5]
#pragma once

#include <span>
#include <string_view>

#include "rule/rule_sizes.h"
#include "tensor/ops.h"

namespace metaplastic {

// What the step of a weight matrix reads from the layer on one side of it.
template <class T>
struct Side {
  Var<T> s;               // [U,1,B] standardised activations
  Var<T> readouts;        // [U,n,B] merged readouts of h; absent where no term reads any
  int first_channel = 0;  // of the readouts that this side of the weight reads
  Var<T> agree, shared;   // [U,1,B] gated signals of two views; absent where no term reads them
};

// What a term may read, for one weight matrix. `up` and `lo` are the layers above and below it.
template <class T>
struct TermReads {
  Tape<T>& tape;
  const RuleSizes& sizes;
  Var<T> w;  // [U_lo,U_up], columns of root mean square 1
  const Side<T>&up, &lo;
  int first_up = 0, first_lo = 0;  // the first readout of the term on either side
  Var<T> root_growth;              // see grown(); made once for all terms

  // The term's readouts by their number among its own, from 0: [U,G,B].
  Var<T> r_up(int n) const;
  Var<T> r_lo(int n) const;
  // sqrt(1 + w^2) - 1.
  Var<T> grown();
  // factor / B times lo.s signal^T: [U_lo,U_up] from a signal [U_up,1,B].
  Var<T> correlate(const Var<T>& signal, double factor) const;
  // (1/(B G)) sum over g, b of r_lo(0) r_up(0): [U_lo,U_up].
  Var<T> lowrank() const;
  // w times the correlation of the upper layer's units, root mean square 1.
  Var<T> decorrelate() const;
  // x sym(r_up(0), r_up(1)); x sym(r_up(0), r_up(0)); sym(r_lo(0), r_lo(1)) x.
  Var<T> times_sym_up(const Var<T>& x) const;
  Var<T> times_psd_up(const Var<T>& x) const;
  Var<T> sym_lo_times(const Var<T>& x) const;
};

// Whether a term needs more than the two neurons that a weight joins: locality = "neuron" has only
// the terms that do not.
enum class Reach { kSynapse, kLayer };
// Which signal of a second view a term reads (view_signals.h). kNone: it needs no second view.
enum class ViewSignal { kNone, kSurprise, kShared };

struct TermCost {
  double lowrank_flops = 0, product_flops = 0;  // readouts by readouts; all other products
  double lowrank_bytes = 0, product_bytes = 0;
};
// U_lo, U_up, B, G of one weight matrix.
struct TermShape {
  double lo, up, B, G;
};

struct Term {
  std::string_view name;
  Reach reach;
  ViewSignal signal;
  int num_up, num_lo;  // readouts of G channels that it reads from the layer above and below
  TermCost (*cost)(const TermShape&);
  Var<float> (*value)(TermReads<float>&);  // [U_lo,U_up]
  Var<double> (*value_double)(TermReads<double>&);

  Var<float> operator()(TermReads<float>& reads) const { return value(reads); }
  Var<double> operator()(TermReads<double>& reads) const { return value_double(reads); }
  bool is_local() const { return reach == Reach::kSynapse; }
  bool needs_views() const { return signal != ViewSignal::kNone; }
};

// The table. Theta's mix has the terms in this order.
std::span<const Term> all_terms();
// nullptr for an unknown name.
const Term* find_term(std::string_view name);
// Whether rules of these sizes have the term.
bool has_term(const RuleSizes& sizes, const Term& term);

// What separate is multiplied by in a layer of U units. Units of a wide layer see the same few
// modes of the data, so that what they have in common grows with their number.
double separate_share(int U);

// Whether sym(lo, lo') W is computed from its factors, as lo (lo'^T W) and the like, instead of a
// matrix of U_lo U_lo: where that takes less than half of the operations. `rank` is G B.
bool takes_factors(double U_lo, double U_up, double rank);
// The same of W sym(up, up') and of W corr(up, up), of layers above this number of units.
inline constexpr int kWideUnits = 1024;
bool takes_factors_above(double U_lo, double U_up, double rank);

}  // namespace metaplastic
