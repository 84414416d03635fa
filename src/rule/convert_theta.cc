#include "rule/convert_theta.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace metaplastic {
namespace {

// Which column of `from` each column of `to` takes, or which row; -1: 0.
using Columns = std::vector<std::int64_t>;

// A matrix of `to` from the matrix of the same name.
void copy_matrix(const ThetaEntry& from, std::span<const float> theta, const ThetaEntry& to,
                 const Columns& rows, const Columns& columns, std::vector<float>& out) {
  for (std::int64_t row = 0; row < std::ssize(rows); ++row)
    for (std::int64_t col = 0; col < to.cols; ++col) {
      const std::int64_t source_row = rows[static_cast<std::size_t>(row)],
                         source = columns[static_cast<std::size_t>(col)];
      if (source_row < 0 || source < 0) continue;
      out[static_cast<std::size_t>(to.offset + row * to.cols + col)] =
          theta[static_cast<std::size_t>(from.offset + source_row * from.cols + source)];
    }
}

Columns straight(int count) {
  Columns columns(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<std::int64_t>(i);
  return columns;
}

Columns mix_columns(const ThetaLayout& from, const ThetaLayout& to) {
  Columns columns;
  for (const LayoutTerm& term : to.terms()) columns.push_back(from.term_index(term.name));
  return columns;
}

Columns named_columns(const std::vector<std::string>& from, const std::vector<std::string>& to) {
  Columns columns;
  for (const std::string& name : to) {
    const auto found = std::ranges::find(from, name);
    columns.push_back(found == from.end() ? -1 : found - from.begin());
  }
  return columns;
}

// up_start and low_start: the column of readout 0 on either side, in `from` and in `to`.
struct Starts {
  int up, low;
};
void add_readouts(const ThetaLayout& from, Starts from_start, const ThetaLayout& to,
                  Starts to_start, Columns& columns) {
  const int G = to.sizes().G;
  for (const LayoutTerm& term : to.terms()) {
    const int index = from.term_index(term.name);
    if (index < 0) continue;
    const LayoutTerm& old = from.terms()[static_cast<std::size_t>(index)];
    const auto add = [&](int to_first, int from_first, int count) {
      for (int i = 0; i < count * G; ++i)
        columns[static_cast<std::size_t>(to_first + i)] = from_first + i;
    };
    add(to_start.up + term.first_up * G, from_start.up + old.first_up * G,
        std::min(term.num_up, old.num_up));
    add(to_start.low + term.first_lo * G, from_start.low + old.first_lo * G,
        std::min(term.num_lo, old.num_lo));
  }
}

Columns readout_columns(const ThetaLayout& from, const ThetaLayout& to) {
  Columns columns(static_cast<std::size_t>(to.num_readout_columns()), -1);
  add_readouts(from, {from.up_column(0), from.low_column(0)}, to,
               {to.up_column(0), to.low_column(0)}, columns);
  for (int i = 0; i < to.sizes().D + 1; ++i)  // to_delta, bias_out
    columns[static_cast<std::size_t>(to.delta_column() + i)] = from.delta_column() + i;
  return columns;
}

Columns readout_v_columns(const ThetaLayout& from, const ThetaLayout& to) {
  const int G = to.sizes().G, from_ups = from.num_up_readouts(), ups = to.num_up_readouts();
  Columns columns(static_cast<std::size_t>((ups + to.num_low_readouts()) * G), -1);
  add_readouts(from, {0, from_ups * G}, to, {0, ups * G}, columns);
  return columns;
}

Columns columns_of(ThetaName name, const ThetaLayout& from, const ThetaLayout& to) {
  using enum ThetaName;
  switch (name) {
    case kMix:
    case kMixV:
    case kTraitsMix:
      return mix_columns(from, to);
    case kReadout:
    case kReadoutBias:
      return readout_columns(from, to);
    case kReadoutV:
    case kReadoutVBias:
      return readout_v_columns(from, to);
    case kSettings:
    case kTraitsSettings:
      return named_columns(from.conditions().settings, to.conditions().settings);
    case kTraitsMean:
    case kTraitsScale:
    case kTraitsIn:
      return named_columns(from.conditions().traits, to.conditions().traits);
    default:
      return straight(std::min(from[name].cols, to[name].cols));
  }
}

Columns rows_of(ThetaName name, const ThetaLayout& from, const ThetaLayout& to) {
  if (name != ThetaName::kSettings) return straight(std::min(from[name].rows, to[name].rows));
  const auto num_rows = static_cast<std::size_t>(to[name].rows);
  if (from.conditions().kinds.empty()) return Columns(num_rows, 0);
  return named_columns(from.conditions().kinds, to.conditions().kinds);
}

float theta_value(const ThetaLayout& layout, std::span<const float> theta, ThetaName name,
                  std::int64_t at) {
  return layout.has(name) ? theta[static_cast<std::size_t>(layout[name].offset + at)] : 0.0f;
}

// bias_out of every unit is 0 whatever its hidden state.
bool bias_readout_is_zero(const ThetaLayout& layout, std::span<const float> theta) {
  const int column = layout.bias_column(), columns = layout.num_readout_columns();
  bool zero = theta_value(layout, theta, ThetaName::kReadoutBias, column) == 0.0f;
  for (int c = 0; c < layout.sizes().C; ++c)
    zero = zero && theta_value(layout, theta, ThetaName::kReadout, c * columns + column) == 0.0f;
  return zero;
}

}  // namespace

std::vector<float> convert_theta(const ThetaLayout& from, std::span<const float> theta,
                                 const ThetaLayout& to) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(theta.size()) == from.size());
  METAPLASTIC_CHECK(from.sizes().C == to.sizes().C && from.sizes().D == to.sizes().D &&
                    from.sizes().G == to.sizes().G);
  std::vector<float> result(static_cast<std::size_t>(to.size()), 0.0f);
  for (int n = 0; n < kNumTheta; ++n) {
    const auto name = static_cast<ThetaName>(n);
    if (!from.has(name) || !to.has(name)) continue;
    copy_matrix(from[name], theta, to[name], rows_of(name, from, to), columns_of(name, from, to),
                result);
  }
  return result;
}

UsedPart used_part(const ThetaLayout& layout, std::span<const float> theta, double least) {
  const auto weight = [&](ThetaName mix, int k) {
    return std::abs(theta_value(layout, theta, mix, k));
  };
  float largest = 0, largest_of_v = 0;
  for (int k = 0; k < layout.num_terms(); ++k) {
    largest = std::max(largest, weight(ThetaName::kMix, k));
    largest_of_v = std::max(largest_of_v, weight(ThetaName::kMixV, k));
  }
  const auto share = static_cast<float>(least);
  std::vector<LayoutTerm> used;
  bool has_readouts = false;
  for (const LayoutTerm& term : layout.terms()) {
    const int k = layout.term_index(term.name);
    if (weight(ThetaName::kMix, k) <= share * largest &&
        weight(ThetaName::kMixV, k) <= share * largest_of_v)
      continue;
    used.push_back(term);
    has_readouts = has_readouts || term.num_up > 0 || term.num_lo > 0;
  }
  if (used.empty()) used.push_back(layout.terms().front());  // a mix is of one term at least
  const bool has_networks =
      layout.has_networks() && (has_readouts || !bias_readout_is_zero(layout, theta));
  ThetaLayout left(layout.sizes(), std::move(used), has_networks);
  std::vector<float> values = convert_theta(layout, theta, left);
  return {std::move(left), std::move(values)};
}

}  // namespace metaplastic
