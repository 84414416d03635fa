// Places of an example summed up cell by cell.
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> pool_places(Tape<T>& tape, const Var<T>& x, const PlaceGrid& grid, T eps) {
  const int P = grid.places(), cells = grid.cells(), U = x.units();
  METAPLASTIC_CHECK(x.channels() == 1 && x.examples() % P == 0 && grid.cells_down <= grid.down &&
                    grid.cells_across <= grid.across);
  const int N = x.examples() / P;
  const Var<T> y = tape.make(U * cells, 1, N, x.needs_gradient());
  const auto first = [](int cell, int cells_along, int places) {
    return cell * places / cells_along;
  };
  // Calls use(cell, place) for every place; cells of an axis differ by one place at most.
  const auto visit = [grid, first](const auto& use) {
    for (int i = 0; i < grid.cells_down; ++i) {
      for (int j = 0; j < grid.cells_across; ++j) {
        for (int a = first(i, grid.cells_down, grid.down);
             a < first(i + 1, grid.cells_down, grid.down); ++a) {
          for (int b = first(j, grid.cells_across, grid.across);
               b < first(j + 1, grid.cells_across, grid.across); ++b) {
            use(i * grid.cells_across + j, a * grid.across + b);
          }
        }
      }
    }
  };
  const auto size_of = [grid, first](int cell) {
    const int i = cell / grid.cells_across, j = cell % grid.cells_across;
    const int down =
        first(i + 1, grid.cells_down, grid.down) - first(i, grid.cells_down, grid.down);
    const int across =
        first(j + 1, grid.cells_across, grid.across) - first(j, grid.cells_across, grid.across);
    return static_cast<T>(down * across);
  };
  for (int u = 0; u < U; ++u) {
    const T* from = x.data + u * x.unit_stride;
    for (int n = 0; n < N; ++n) {
      const auto at = [&](int cell) { return y.data + (u * cells + cell) * y.unit_stride + n; };
      for (int cell = 0; cell < cells; ++cell) *at(cell) = 0;
      visit([&](int cell, int place) { *at(cell) += from[n * P + place]; });
      for (int cell = 0; cell < cells; ++cell) {
        const T mean = *at(cell) / size_of(cell);
        *at(cell) = std::copysign(std::sqrt(std::abs(mean) + eps) - std::sqrt(eps), mean);
      }
    }
  }
  tape.on_backward(y, [&tape, x, y, eps, P, cells, U, N, visit, size_of] {
    // d root / d mean = 1 / (2 (root + sqrt(eps))).
    const T* y_bar = tape.bar(y);
    T* x_bar = tape.bar(x);
    for (int u = 0; u < U; ++u) {
      T* to = x_bar + u * x.unit_stride;
      for (int n = 0; n < N; ++n) {
        visit([&](int cell, int place) {
          const auto at = (u * cells + cell) * y.unit_stride + n;
          const T root = std::abs(y.data[at]) + std::sqrt(eps);
          to[n * P + place] += y_bar[at] / (2 * root * size_of(cell));
        });
      }
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T) \
  template Var<T> pool_places(Tape<T>&, const Var<T>&, const PlaceGrid&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
