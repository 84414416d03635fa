// The search for the nearest examples: all pairs, in blocks.
#include <Eigen/Core>
#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"
#include "neighbours/near_examples.h"
#include "neighbours/nearest.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr std::size_t kBlock = 256;  // examples whose distances to the others are held at a time
constexpr std::size_t kGlance = 64;  // distances that are passed over when the least is too large

float least_of(std::span<const float> values) {
  return Eigen::Map<const Eigen::ArrayXf>(values.data(), std::ssize(values)).minCoeff();
}

// One block of examples, from `first` on, whose nearest are sought.
struct Search {
  const LocatedExamples& from;
  const LocatedExamples& others;
  std::size_t first;
  std::vector<Nearest> nearest;
  std::vector<float> bounds;

  Search(const LocatedExamples& from_examples, const LocatedExamples& other_examples,
         std::size_t first_example, std::size_t count)
      : from(from_examples),
        others(other_examples),
        first(first_example),
        nearest(count),
        bounds(count, std::numeric_limits<float>::infinity()) {}

  void look(std::size_t i, std::size_t p, std::span<const float> distances) {
    const std::size_t end = std::min(p + distances.size(), others.count());
    for (std::size_t at = p; at < end; ++at)
      nearest[i].look_at(from, first + i, others, at, distances[at - p]);
    bounds[i] = nearest[i].bound();
  }
  void by_panels() {
    scan_distances({from.coordinates().data() + first, static_cast<std::ptrdiff_t>(from.count()),
                    static_cast<int>(nearest.size()), others.panels(), bounds.data(),
                    [](void* self, int query, int p, int count, const float* distances) {
                      static_cast<Search*>(self)->look(
                          static_cast<std::size_t>(query), static_cast<std::size_t>(p),
                          {distances, static_cast<std::size_t>(count)});
                    },
                    this});
  }
  // distances [count,P], squared, less |a|^2: |b|^2 - 2 a b.
  void by_blas() {
    const std::size_t count = nearest.size(), P = others.count();
    const std::size_t k = others.coordinates().size() / P;
    std::vector<float> distances;
    distances.reserve(count * P);
    for (std::size_t i = 0; i < count; ++i)
      distances.insert(distances.end(), others.square_lengths().begin(),
                       others.square_lengths().end());
    const auto columns = static_cast<std::ptrdiff_t>(P);
    gemm(true, false, static_cast<int>(count), static_cast<int>(P), static_cast<int>(k), -2.0f,
         from.coordinates().data() + first, static_cast<std::ptrdiff_t>(from.count()),
         others.coordinates().data(), columns, 1.0f, distances.data(), columns);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t p = 0; p < P; p += kGlance) {
        const auto some = std::span(distances).subspan(i * P + p, std::min(kGlance, P - p));
        if (least_of(some) < bounds[i]) look(i, p, some);
      }
  }
};

// All pairs of one set of examples, each distance once: in panels, a block of queries against the
// columns from its own on. What a thread has found lies in a list per example; an example sees
// others in their order within each thread, and the lists of all threads together have the nearest.
class AmongSearch {
 public:
  explicit AmongSearch(const LocatedExamples& all)
      : all_(all),
        nearest_(all.count()),
        bounds_(static_cast<std::size_t>(all.panels().num_panels()) * ColumnPanels::kWidth,
                -std::numeric_limits<float>::infinity()) {
    std::fill_n(bounds_.begin(), all.count(), std::numeric_limits<float>::infinity());
  }
  void search(std::size_t first) {
    first_ = first;
    const std::size_t count = std::min(kBlock, all_.count() - first);
    ColumnScan scan{all_.coordinates().data() + first,
                    static_cast<std::ptrdiff_t>(all_.count()),
                    static_cast<int>(count),
                    all_.panels(),
                    bounds_.data() + first,
                    [](void* self, int query, int p, int num, const float* distances) {
                      static_cast<AmongSearch*>(self)->look(query, p, num, distances);
                    },
                    this};
    scan.first_panel = static_cast<int>(first / ColumnPanels::kWidth);
    scan.first_back_panel = static_cast<int>((first + kBlock) / ColumnPanels::kWidth);
    scan.query_squares = all_.square_lengths().data() + first;
    scan.column_bounds = bounds_.data();
    scan.back_sink = [](void* self, int query, int p, int num, const float* distances) {
      static_cast<AmongSearch*>(self)->look_back(query, p, num, distances);
    };
    scan_distances(scan);
  }
  const Nearest& nearest(std::size_t i) const { return nearest_[i]; }

 private:
  void look(int query, int p, int count, const float* distances) {
    const std::size_t i = first_ + static_cast<std::size_t>(query),
                      first = static_cast<std::size_t>(p);
    const std::size_t end = std::min(first + static_cast<std::size_t>(count), all_.count());
    for (std::size_t at = first; at < end; ++at)
      nearest_[i].look_at(all_, i, all_, at, distances[at - first]);
    bounds_[i] = nearest_[i].bound();
  }
  void look_back(int query, int p, int count, const float* distances) {
    const std::size_t i = first_ + static_cast<std::size_t>(query),
                      first = static_cast<std::size_t>(p);
    const std::size_t end = std::min(first + static_cast<std::size_t>(count), all_.count());
    for (std::size_t at = first; at < end; ++at) {
      if (distances[at - first] >= bounds_[at]) continue;
      nearest_[at].look_at(all_, at, all_, i, distances[at - first]);
      bounds_[at] = nearest_[at].bound();
    }
  }

  const LocatedExamples& all_;
  std::size_t first_ = 0;
  std::vector<Nearest> nearest_;  // [P]
  std::vector<float> bounds_;     // [panels,kWidth]
};
static_assert(kBlock % ColumnPanels::kWidth == 0);

std::vector<std::size_t> nearest_among(const LocatedExamples& all, ThreadPool* threads) {
  const std::size_t P = all.count();
  const auto workers = static_cast<std::size_t>(threads ? threads->num_threads() : 1);
  std::vector<AmongSearch> searches(workers, AmongSearch(all));
  share_out(threads, static_cast<int>((P + kBlock - 1) / kBlock), [&](int worker, int number) {
    searches[static_cast<std::size_t>(worker)].search(static_cast<std::size_t>(number) * kBlock);
  });
  std::vector<std::size_t> result(P * kChoices);
  for (std::size_t i = 0; i < P; ++i) {
    Nearest found = searches[0].nearest(i);
    for (std::size_t t = 1; t < workers; ++t) found.add(searches[t].nearest(i));
    found.write(P, std::span(result).subspan(i * kChoices, kChoices));
  }
  return result;
}

}  // namespace

std::vector<std::size_t> nearest_others(const LocatedExamples& from, const LocatedExamples& others,
                                        ThreadPool* threads) {
  const std::size_t N = from.count(), P = others.count();
  METAPLASTIC_CHECK(N >= 1 && P >= 1);
  METAPLASTIC_CHECK(from.coordinates().size() / N == others.coordinates().size() / P);
  const bool panels = others.panels().rank() > 0;
  if (panels && &from == &others) return nearest_among(from, threads);
  std::vector<std::size_t> result(N * kChoices, P);
  // Blocks of panels are as good in any size, those of BLAS round differently.
  const auto workers = static_cast<std::size_t>(threads ? threads->num_threads() : 1);
  const std::size_t block = panels ? std::min(kBlock, (N + workers - 1) / workers) : kBlock;
  const auto search = [&](int, int number) {
    const std::size_t first = static_cast<std::size_t>(number) * block;
    Search some(from, others, first, std::min(block, N - first));
    panels ? some.by_panels() : some.by_blas();
    for (std::size_t i = 0; i < some.nearest.size(); ++i)
      some.nearest[i].write(P, std::span(result).subspan((first + i) * kChoices, kChoices));
  };
  share_out(threads, static_cast<int>((N + block - 1) / block), search);
  return result;
}

}  // namespace metaplastic
