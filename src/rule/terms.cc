#include "rule/terms.h"

#include <algorithm>
#include <cmath>

#include "rule/constants.h"

namespace metaplastic {
namespace {

// ---- what terms cost ------------------------------------------------------------------------

constexpr double kFloatBytes = sizeof(float);

TermCost no_product(const TermShape&) { return {}; }
// s_lo signal^T.
TermCost correlation(const TermShape& n) {
  return {.product_flops = 2 * n.lo * n.up * n.B,
          .product_bytes = kFloatBytes * (n.B * (n.lo + n.up) + n.lo * n.up)};
}
TermCost decorrelation(const TermShape& n) {
  return {.product_flops = 2 * n.up * n.up * (n.B + n.lo),
          .product_bytes = kFloatBytes * (n.B * n.up + n.up * n.up + n.lo * n.up)};
}
TermCost lowrank_product(const TermShape& n) {
  return {.lowrank_flops = 2 * n.lo * n.up * n.B * n.G, .lowrank_bytes = kFloatBytes * n.lo * n.up};
}
// A matrix of U U by low rank, and its product with a matrix of U_lo U_up.
TermCost symmetric(const TermShape& n, double U) {
  return {.lowrank_flops = 2 * U * U * n.B * n.G,
          .product_flops = 2 * n.lo * n.up * U,
          .lowrank_bytes = kFloatBytes * U * U,
          .product_bytes = kFloatBytes * (U * U + n.lo * n.up)};
}
TermCost symmetric_up(const TermShape& n) { return symmetric(n, n.up); }
TermCost symmetric_lo(const TermShape& n) { return symmetric(n, n.lo); }

// ---- the table ------------------------------------------------------------------------------

using enum Reach;
using enum ViewSignal;

struct Readouts {
  int up, lo;
};

// `formula` is a lambda of TermReads<T>&, for T float and double.
template <class Formula>
constexpr Term row(std::string_view name, Reach reach, ViewSignal signal, Readouts readouts,
                   TermCost (*cost)(const TermShape&), Formula) {
  return {name,
          reach,
          signal,
          readouts.up,
          readouts.lo,
          cost,
          [](TermReads<float>& t) { return Formula{}(t); },
          [](TermReads<double>& t) { return Formula{}(t); }};
}

constexpr Term kTerms[] = {
    row("base", kSynapse, kNone, {0, 0}, no_product, [](auto& t) { return t.w; }),
    row("decay", kSynapse, kNone, {0, 0}, no_product,
        [](auto& t) { return map(t.tape, Unary::kSignedSquare, t.w); }),
    row("decorrelate", kLayer, kNone, {0, 0}, decorrelation,
        [](auto& t) { return t.decorrelate(); }),
    row("hebb", kSynapse, kNone, {0, 0}, correlation,
        [](auto& t) { return t.correlate(t.up.s, -1); }),
    row("zero_order", kSynapse, kNone, {1, 1}, lowrank_product,
        [](auto& t) { return t.lowrank(); }),
    row("rbf", kSynapse, kNone, {1, 1}, lowrank_product,
        [](auto& t) { return multiply(t.tape, map(t.tape, Unary::kGaussian, t.w), t.lowrank()); }),
    row("first_order", kSynapse, kNone, {1, 1}, lowrank_product,
        [](auto& t) { return multiply(t.tape, t.w, t.lowrank()); }),
    row("lin_up", kLayer, kNone, {2, 0}, symmetric_up, [](auto& t) { return t.times_sym_up(t.w); }),
    row("lin_up_psd", kLayer, kNone, {1, 0}, symmetric_up,
        [](auto& t) { return t.times_psd_up(t.w); }),
    row("lin_lo", kLayer, kNone, {0, 2}, symmetric_lo, [](auto& t) { return t.sym_lo_times(t.w); }),
    row("sqr_up", kLayer, kNone, {2, 0}, symmetric_up,
        [](auto& t) { return multiply_sign(t.tape, t.times_sym_up(t.grown()), t.w); }),
    row("sqr_lo", kLayer, kNone, {0, 2}, symmetric_lo,
        [](auto& t) { return multiply_sign(t.tape, t.sym_lo_times(t.grown()), t.w); }),
    row("agree", kLayer, kSurprise, {0, 0}, correlation,
        [](auto& t) { return t.correlate(t.up.agree, -1); }),
    row("separate", kLayer, kShared, {0, 0}, correlation,
        [](auto& t) { return t.correlate(t.up.shared, separate_share(t.up.s.units())); }),
};

}  // namespace

std::span<const Term> all_terms() { return kTerms; }

const Term* find_term(std::string_view name) {
  const auto found = std::ranges::find(kTerms, name, &Term::name);
  return found == std::end(kTerms) ? nullptr : found;
}

bool has_term(const RuleSizes& sizes, const Term& term) {
  return (!sizes.is_local() || term.is_local()) && (sizes.has_two_views() || !term.needs_views()) &&
         (sizes.has_network() || (term.num_up == 0 && term.num_lo == 0));
}

double separate_share(int U) { return std::min(1.0, std::pow(kRule.separate_units / U, 0.25)); }

bool takes_factors(double U_lo, double U_up, double rank) {
  return U_lo * U_lo * (rank + U_up) > 2 * (4 * U_lo * U_up * rank);
}

bool takes_factors_above(double U_lo, double U_up, double rank) {
  return U_up > kWideUnits && takes_factors(U_up, U_lo, rank);
}

}  // namespace metaplastic
