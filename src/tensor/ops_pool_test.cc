#include <cmath>

#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

TEST(PoolPlaces, ValueAndAdjointAreThoseOfRootsOfMeans) {
  for (const PlaceGrid grid : {PlaceGrid{1, 1, 1, 1}, PlaceGrid{3, 4, 2, 3}, PlaceGrid{1, 7, 1, 2},
                               PlaceGrid{2, 2, 2, 2}}) {
    const double eps = 0.05;  // roots bend little enough for central differences
    check_op([&](Tape64& tape,
                 const std::vector<Var64>& x) { return pool_places(tape, x[0], grid, eps); },
             {random_leaf(3, 1, 5 * grid.places(), 1)},
             [&](const auto& x) {
               Values y;
               for (int u = 0; u < 3; ++u) {
                 for (int i = 0; i < grid.cells_down; ++i) {
                   for (int j = 0; j < grid.cells_across; ++j) {
                     for (int n = 0; n < 5; ++n) {
                       double sum = 0, count = 0;
                       for (int a = 0; a < grid.down; ++a) {
                         for (int b = 0; b < grid.across; ++b) {
                           const bool is_inside = a >= i * grid.down / grid.cells_down &&
                                                  a < (i + 1) * grid.down / grid.cells_down &&
                                                  b >= j * grid.across / grid.cells_across &&
                                                  b < (j + 1) * grid.across / grid.cells_across;
                           if (!is_inside) continue;
                           sum += x[0].at(u, 0, n * grid.places() + a * grid.across + b);
                           count += 1;
                         }
                       }
                       const double mean = sum / count;
                       y.push_back(
                           std::copysign(std::sqrt(std::abs(mean) + eps) - std::sqrt(eps), mean));
                     }
                   }
                 }
               }
               return y;
             });
  }
}

}  // namespace
}  // namespace metaplastic
