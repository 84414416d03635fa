// Distances to many columns, of which only the small ones are looked at.
#include "tensor/nearest_columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace metaplastic {
namespace {

std::vector<float> normals(std::size_t count, std::uint32_t stream) {
  Random random(1, Purpose::kTest, 0, stream);
  std::vector<float> values(count);
  for (float& value : values) value = random.normal();
  return values;
}

struct Seen {
  int num_columns, num_queries;
  std::vector<float>* bounds;
  std::vector<float> distances;  // [queries,columns], NaN where none came
  std::vector<int> next;         // the column that a group may begin with, or later
};

// Every distance below the bound is handed over, once and in order, and has the right value; a
// bound that falls keeps groups away.
TEST(ScanDistancesKernel, EqualsTwin) {
  for (const int P : {1, 63, 64, 65, 200})
    for (const int m : {1, 5, 6, 7, 13})
      for (const int k : {1, 2, 7, 64}) {
        SCOPED_TRACE(testing::Message() << P << " columns, " << m << " queries, rank " << k);
        const auto uP = static_cast<std::size_t>(P), um = static_cast<std::size_t>(m),
                   uk = static_cast<std::size_t>(k);
        const std::vector<float> columns = normals(uk * uP, 1), queries = normals(uk * um, 2);
        std::vector<float> squares(uP, 0.0f);
        for (std::size_t at = 0; at < columns.size(); ++at)
          squares[at % uP] += columns[at] * columns[at];
        std::vector<float> bounds(um, std::numeric_limits<float>::infinity());
        for (std::size_t i = 0; i < um; i += 2) bounds[i] = 0.5f;
        const std::vector<float> given = bounds;
        const ColumnPanels panels(columns, squares);
        Seen seen{P, m, &bounds, std::vector<float>(um * uP, std::nanf("")), {}};
        seen.next.assign(um, 0);
        scan_distances(
            {queries.data(), m, m, panels, bounds.data(),
             [](void* self, int query, int first, int count, const float* distances) {
               Seen& s = *static_cast<Seen*>(self);
               ASSERT_LT(query, s.num_queries);
               int& next = s.next[static_cast<std::size_t>(query)];
               EXPECT_GE(first, next);
               next = first + count;
               for (int n = 0; n < count; ++n) {
                 if (first + n >= s.num_columns) {
                   EXPECT_EQ(distances[n], std::numeric_limits<float>::infinity());
                 } else {
                   s.distances[static_cast<std::size_t>(query * s.num_columns + first + n)] =
                       distances[n];
                 }
               }
             },
             &seen});
        for (std::size_t i = 0; i < um; ++i)
          for (std::size_t p = 0; p < uP; ++p) {
            double exact = 0, size = 0;
            for (std::size_t row = 0; row < uk; ++row) {
              const double b = double(columns[row * uP + p]), a = double(queries[row * um + i]);
              exact += b * b - 2 * a * b;
              size += b * b + 2 * std::abs(a * b);
            }
            const float found = seen.distances[i * uP + p];
            const double tolerance = 1e-6 * (k + 2) * size;
            if (exact + tolerance < double(given[i])) {
              EXPECT_NEAR(double(found), exact, tolerance);
            }
            if (!std::isnan(found)) {
              EXPECT_NEAR(double(found), exact, tolerance);
            }
          }
      }
}

TEST(ScanDistancesKernel, ABoundThatFallsKeepsGroupsAway) {
  const int P = 640;
  const std::vector<float> columns(P, 0.0f), squares(P, 1.0f), query(1, 0.0f);
  float bound = 2;
  struct Falling {
    float* bound;
    int calls = 0;
  } falling{&bound};
  const ColumnPanels panels(columns, squares);
  scan_distances({query.data(), 1, 1, panels, &bound,
                  [](void* self, int, int, int, const float*) {
                    auto& s = *static_cast<Falling*>(self);
                    ++s.calls;
                    *s.bound = 1;
                  },
                  &falling});
  EXPECT_EQ(falling.calls, 1);
}

// The other way: the same distances that a scan with queries and columns exchanged hands over.
TEST(ScanDistancesKernel, HasTheOtherWayByTheWay) {
  constexpr int kColumns = 200, kNumQueries = 13, kRank = 7, kFirstBack = 1;
  const std::vector<float> columns = normals(kRank * kColumns, 3),
                           queries = normals(kRank * kNumQueries, 4);
  const auto squares_of = [](const std::vector<float>& x, std::size_t count) {
    std::vector<float> squares(count, 0.0f);
    for (std::size_t at = 0; at < x.size(); ++at) squares[at % count] += x[at] * x[at];
    return squares;
  };
  const std::vector<float> squares = squares_of(queries, kNumQueries);
  const ColumnPanels panels(columns, squares_of(columns, kColumns));
  const ColumnPanels exchanged(queries, squares);
  struct Found {
    std::vector<float> bounds, forth, back;
  } found;
  const float infinity = std::numeric_limits<float>::infinity();
  found.bounds.assign(kNumQueries, -infinity);  // nothing the usual way
  std::vector<float> column_bounds(static_cast<std::size_t>(panels.num_panels()) * 64, -infinity);
  std::fill_n(column_bounds.begin(), kColumns, infinity);
  found.back.assign(kColumns * kNumQueries, std::nanf(""));
  ColumnScan scan{
      queries.data(), kNumQueries,         kNumQueries,
      panels,         found.bounds.data(), [](void*, int, int, int, const float*) { FAIL(); },
      &found};
  scan.first_back_panel = kFirstBack;
  scan.query_squares = squares.data();
  scan.column_bounds = column_bounds.data();
  scan.back_sink = [](void* self, int query, int first, int count, const float* distances) {
    for (int n = 0; n < count && first + n < kColumns; ++n)
      static_cast<Found*>(self)->back[std::size_t(first + n) * kNumQueries + std::size_t(query)] =
          distances[n];
  };
  scan_distances(scan);
  found.forth.assign(kColumns * kNumQueries, std::nanf(""));
  found.bounds.assign(kColumns, infinity);
  scan_distances({columns.data(), kColumns, kColumns, exchanged, found.bounds.data(),
                  [](void* self, int query, int first, int count, const float* distances) {
                    for (int n = 0; n < count && first + n < kNumQueries; ++n)
                      static_cast<Found*>(self)
                          ->forth[std::size_t(query) * kNumQueries + std::size_t(first + n)] =
                          distances[n];
                  },
                  &found});
  const std::size_t without = std::size_t{kFirstBack} * 64 * kNumQueries;
  for (std::size_t n = 0; n < without; ++n) ASSERT_TRUE(std::isnan(found.back[n]));
  for (std::size_t n = without; n < found.back.size(); ++n)
    ASSERT_EQ(found.back[n], found.forth[n]);
}

}  // namespace
}  // namespace metaplastic
