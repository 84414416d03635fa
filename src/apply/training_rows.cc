#include "apply/training_rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/sample.h"
#include "base/transpose.h"

namespace metaplastic {
namespace {

// Streams of a purpose: batches by step, and the rows of the statistics; a run has two of its own.
constexpr std::uint64_t kBatchStream = 0, kStatisticsStream = 1, kStreamsPerRun = 2;

// gather_rows, shared by the threads.
void gather_in_pieces(const RowSource& source, std::span<const std::int64_t> numbers,
                      std::span<float> rows, ThreadPool* threads) {
  constexpr std::size_t kPiece = 1024;  // rows
  const auto U = static_cast<std::size_t>(source.num_features());
  const auto num_pieces = static_cast<int>((numbers.size() + kPiece - 1) / kPiece);
  share_out(threads, num_pieces, [&](int, int piece) {
    const std::size_t first = static_cast<std::size_t>(piece) * kPiece;
    const std::size_t count = std::min(kPiece, numbers.size() - first);
    gather_rows(source, numbers.subspan(first, count), rows.subspan(first * U, count * U));
  });
}

}  // namespace

TrainingRows::TrainingRows(const RowSource& source, std::uint64_t seed, int batch_size,
                           Purpose purpose, std::uint32_t run)
    : source_(source),
      seed_(seed),
      purpose_(purpose),
      run_(kStreamsPerRun * run),
      B_(static_cast<int>(std::min<std::int64_t>(batch_size, source.num_rows()))) {}

std::span<const float> TrainingRows::batch(int step, ThreadPool* threads) {
  Random random(seed_, purpose_, run_ + kBatchStream, static_cast<std::uint32_t>(step));
  numbers_ = sample_without_replacement(random, source_.num_rows(), B_);
  const auto size = static_cast<std::size_t>(B_) * static_cast<std::size_t>(source_.num_features());
  rows_.resize(size);
  batch_.resize(size);
  gather_in_pieces(source_, numbers_, rows_, threads);
  transpose_rows(rows_, B_, batch_, threads);
  return batch_;
}

std::vector<float> TrainingRows::statistics_rows(std::int64_t& num_rows,
                                                 ThreadPool* threads) const {
  Random random(seed_, purpose_, run_ + kStatisticsStream);
  const auto drawn = sorted_sample(random, source_.num_rows(), kMaxStatisticsRows);
  num_rows = static_cast<std::int64_t>(drawn.size());
  std::vector<float> rows(drawn.size() * static_cast<std::size_t>(source_.num_features()));
  gather_in_pieces(source_, drawn, rows, threads);
  return rows;
}

}  // namespace metaplastic
