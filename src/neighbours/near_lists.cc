#include "neighbours/near_lists.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "neighbours/constants.h"
#include "neighbours/nearest.h"

namespace metaplastic {
namespace {

constexpr std::size_t kQueries = 1024;         // that are searched at a time
constexpr std::size_t kSamplesPerCentre = 64;  // from which k-means learns
constexpr int kRounds = 8;                     // of k-means

// Columns of x [k,N] with these numbers, in their order: [k,numbers].
std::vector<float> chosen_columns(std::span<const float> x, std::size_t k, std::size_t N,
                                  std::span<const std::size_t> numbers) {
  std::vector<float> columns;
  columns.reserve(k * numbers.size());
  for (std::size_t row = 0; row < k; ++row)
    for (const std::size_t n : numbers) columns.push_back(x[row * N + n]);
  return columns;
}

std::vector<float> squares_of_columns(std::span<const float> x, std::size_t N) {
  std::vector<float> squares(N);
  for (std::size_t row = 0; row < x.size(); row += N)
    for (std::size_t n = 0; n < N; ++n) squares[n] += x[row + n] * x[row + n];
  return squares;
}

void for_blocks(ThreadPool* threads, std::size_t count, std::size_t block,
                const std::function<void(std::size_t first, std::size_t last)>& body) {
  const auto run = [&](int, int number) {
    const std::size_t first = static_cast<std::size_t>(number) * block;
    body(first, std::min(count, first + block));
  };
  const auto num_blocks = static_cast<int>((count + block - 1) / block);
  if (threads) return threads->parallel_for(num_blocks, run);
  for (int number = 0; number < num_blocks; ++number) run(0, number);
}

// What a scan of centres keeps for each query.
struct NearestCentre {
  std::span<float> bounds;
  std::span<std::uint32_t> found;
};

}  // namespace

NearLists::NearLists(const LocatedExamples& all, ThreadPool* threads)
    : all_(all), k_(all.coordinates().size() / all.count()) {
  find_centres(threads);
  fill_lists(threads);
}

std::vector<std::uint32_t> NearLists::nearest_centre(std::span<const float> coordinates,
                                                     std::size_t N, ThreadPool* threads) const {
  std::vector<std::uint32_t> found(N);
  std::vector<float> bounds(N, std::numeric_limits<float>::infinity());
  for_blocks(threads, N, kQueries, [&](std::size_t first, std::size_t last) {
    NearestCentre block{std::span(bounds).subspan(first, last - first),
                        std::span(found).subspan(first, last - first)};
    scan_distances({coordinates.data() + first, static_cast<std::ptrdiff_t>(N),
                    static_cast<int>(last - first), centre_panels_, block.bounds.data(),
                    [](void* self, int query, int at, int count, const float* distances) {
                      auto& to = *static_cast<NearestCentre*>(self);
                      const auto i = static_cast<std::size_t>(query);
                      for (int n = 0; n < count; ++n) {
                        if (distances[n] >= to.bounds[i]) continue;
                        to.bounds[i] = distances[n];
                        to.found[i] = static_cast<std::uint32_t>(at + n);
                      }
                    },
                    &block});
  });
  return found;
}

void NearLists::find_centres(ThreadPool* threads) {
  const std::size_t P = all_.count();
  const auto C = static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(P)));
  METAPLASTIC_CHECK(C >= 1);
  const std::size_t S = std::min(P, C * kSamplesPerCentre);
  const auto spread = [](std::size_t count, std::size_t among) {
    std::vector<std::size_t> numbers(count);
    for (std::size_t n = 0; n < count; ++n) numbers[n] = n * among / count;
    return numbers;
  };
  const std::vector<float> samples = chosen_columns(all_.coordinates(), k_, P, spread(S, P));
  centres_ = chosen_columns(samples, k_, S, spread(C, S));
  for (int round = 0;; ++round) {
    centre_panels_ = ColumnPanels(centres_, squares_of_columns(centres_, C));
    if (round == kRounds) break;
    const std::vector<std::uint32_t> own = nearest_centre(samples, S, threads);
    std::vector<float> sizes(C);
    for (const std::uint32_t c : own) sizes[c] += 1;
    for (std::size_t row = 0; row < k_; ++row) {
      std::vector<double> sums(C);
      for (std::size_t n = 0; n < S; ++n) sums[own[n]] += static_cast<double>(samples[row * S + n]);
      for (std::size_t c = 0; c < C; ++c)  // a centre without samples stays
        if (sizes[c] > 0) centres_[row * C + c] = static_cast<float>(sums[c]) / sizes[c];
    }
  }
}

void NearLists::fill_lists(ThreadPool* threads) {
  const std::size_t P = all_.count(), C = centres_.size() / k_;
  const std::vector<std::uint32_t> own = nearest_centre(all_.coordinates(), P, threads);
  members_.resize(C), panels_.resize(C);
  for (std::size_t p = 0; p < P; ++p) members_[own[p]].push_back(static_cast<std::uint32_t>(p));
  for_blocks(threads, C, 1, [&](std::size_t c, std::size_t) {
    const std::vector<std::size_t> numbers(members_[c].begin(), members_[c].end());
    std::vector<float> of_members;
    for (const std::size_t p : numbers) of_members.push_back(all_.square_lengths()[p]);
    if (!numbers.empty())
      panels_[c] = ColumnPanels(chosen_columns(all_.coordinates(), k_, P, numbers), of_members);
  });
}

std::vector<NearLists::Visit> NearLists::visits_of(std::span<const float> columns,
                                                   std::size_t m) const {
  const std::size_t C = members_.size();
  const std::size_t num_lists = std::min(C, std::size_t{kNeighbourhood.lists});
  struct Distances {
    std::size_t C;
    std::vector<float> values;  // [m,C]
  } all{C, std::vector<float>(m * C)};
  std::vector<float> bounds(m, std::numeric_limits<float>::infinity());
  scan_distances({columns.data(), static_cast<std::ptrdiff_t>(m), static_cast<int>(m),
                  centre_panels_, bounds.data(),
                  [](void* self, int query, int first, int count, const float* distances) {
                    auto& to = *static_cast<Distances*>(self);
                    const auto at = static_cast<std::size_t>(first);
                    std::copy_n(distances, std::min(static_cast<std::size_t>(count), to.C - at),
                                to.values.data() + static_cast<std::size_t>(query) * to.C + at);
                  },
                  &all});
  std::vector<Visit> visits;
  std::vector<std::pair<float, std::uint32_t>> order(C);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t c = 0; c < C; ++c)
      order[c] = {all.values[i * C + c], static_cast<std::uint32_t>(c)};
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(num_lists);
    std::nth_element(order.begin(), end - 1, order.end());
    for (auto list = order.begin(); list != end; ++list)
      visits.emplace_back(list->second, static_cast<std::uint32_t>(i));
  }
  std::ranges::sort(visits);
  return visits;
}

void NearLists::search(const LocatedExamples& from, std::span<const std::size_t> queries,
                       std::span<std::size_t> result) const {
  const std::size_t m = queries.size();
  const std::vector<float> columns = chosen_columns(from.coordinates(), k_, from.count(), queries);
  const std::vector<Visit> visits = visits_of(columns, m);
  struct Sought {
    const NearLists& lists;
    const LocatedExamples& from;
    std::vector<Nearest> nearest;       // [m]
    std::vector<std::size_t> visitors;  // of the list at hand, positions among the queries
    std::vector<float> bounds;          // of the visitors
    std::span<const std::size_t> queries;
    const std::vector<std::uint32_t>* members;
  } sought{*this, from, std::vector<Nearest>(m), {}, {}, queries, nullptr};
  for (auto visit = visits.begin(); visit != visits.end();) {
    const std::uint32_t list = visit->first;
    sought.visitors.clear(), sought.bounds.clear();
    for (; visit != visits.end() && visit->first == list; ++visit) {
      sought.visitors.push_back(visit->second);
      sought.bounds.push_back(sought.nearest[visit->second].bound());
    }
    if (members_[list].empty()) continue;
    sought.members = &members_[list];
    const std::size_t count = sought.visitors.size();
    const std::vector<float> some = chosen_columns(columns, k_, m, sought.visitors);
    scan_distances({some.data(), static_cast<std::ptrdiff_t>(count), static_cast<int>(count),
                    panels_[list], sought.bounds.data(),
                    [](void* self, int query, int first, int num, const float* distances) {
                      auto& s = *static_cast<Sought*>(self);
                      const auto visitor = static_cast<std::size_t>(query);
                      const std::size_t i = s.visitors[visitor];
                      const auto at = static_cast<std::size_t>(first);
                      const std::size_t end =
                          std::min(at + static_cast<std::size_t>(num), s.members->size());
                      for (std::size_t p = at; p < end; ++p)
                        s.nearest[i].look_at(s.from, s.queries[i], s.lists.all_, (*s.members)[p],
                                             distances[p - at]);
                      s.bounds[visitor] = s.nearest[i].bound();
                    },
                    &sought});
  }
  for (std::size_t i = 0; i < m; ++i)
    sought.nearest[i].write(all_.count(), result.subspan(queries[i] * kChoices, kChoices));
}

std::vector<std::size_t> NearLists::nearest(const LocatedExamples& from,
                                            ThreadPool* threads) const {
  const std::size_t N = from.count();
  METAPLASTIC_CHECK(from.coordinates().size() == k_ * N);
  // Queries of one list look at much the same lists: side by side they share what is read.
  const std::vector<std::uint32_t> own = nearest_centre(from.coordinates(), N, threads);
  std::vector<std::size_t> queries(N);
  std::iota(queries.begin(), queries.end(), std::size_t{0});
  std::ranges::stable_sort(queries, {}, [&](std::size_t n) { return own[n]; });
  std::vector<std::size_t> result(N * kChoices, all_.count());
  for_blocks(threads, N, kQueries, [&](std::size_t first, std::size_t last) {
    search(from, std::span(queries).subspan(first, last - first), result);
  });
  return result;
}

}  // namespace metaplastic
