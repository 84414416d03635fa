#include "objective/ridge.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>

#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

constexpr double kTargetEps = 1e-6;

template <class T>
using RowMajor = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

// Everything the adjoint needs, in the tape's arena.
template <class T>
struct Ridge {
  Var<T> support, query, loss;   // [U,1,N], [U,1,M], [1,1]
  const T *y_support, *y_query;  // [Y,N], [Y,M]
  const T* y_bias;               // [Y], or null
  int U, N, M, Y;
  int num_classes;
  T lambda;
  ProbeLoss kind;
  T* mean;       // [U] of the support's features
  T* xc;         // [U,N] centred support
  T* qc;         // [U,M] query minus the support's mean
  T* factor;     // [U,U] lower Cholesky factor of xc xc^T + lambda I
  T* beta;       // [U,Y]
  T* predicted;  // [Y,M]
  T* scratch;    // [U,max(Y,U)]
};

template <class T>
void solve(const Ridge<T>& s, T* right) {  // right [U,Y] <- (xc xc^T + lambda I)^-1 right
  RowMajor<T> factor(s.factor, s.U, s.U), x(right, s.U, s.Y);
  factor.template triangularView<Eigen::Lower>().solveInPlace(x);
  factor.template triangularView<Eigen::Lower>().transpose().solveInPlace(x);
}

template <class T>
void center_rows(const T* x, std::ptrdiff_t stride, int U, int N, const T* mean, T* out) {
  for (int u = 0; u < U; ++u)
    for (int n = 0; n < N; ++n) out[std::ptrdiff_t{u} * N + n] = x[u * stride + n] - mean[u];
}

template <class T>
void fit_and_predict(const Ridge<T>& s) {
  for (int u = 0; u < s.U; ++u) {
    s.mean[u] = T(0);
    kernels<T>().row_sums(s.support.data + u * s.support.unit_stride, 1, s.N, s.mean + u);
    s.mean[u] /= T(s.N);
  }
  center_rows(s.support.data, s.support.unit_stride, s.U, s.N, s.mean, s.xc);
  center_rows(s.query.data, s.query.unit_stride, s.U, s.M, s.mean, s.qc);
  gemm(false, true, s.U, s.U, s.N, T(1), s.xc, s.N, s.xc, s.N, T(0), s.factor, s.U);
  for (int u = 0; u < s.U; ++u) s.factor[std::ptrdiff_t{u} * s.U + u] += s.lambda;
  RowMajor<T> gram(s.factor, s.U, s.U);
  Eigen::LLT<Eigen::Ref<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>> llt(
      gram);
  gemm(false, true, s.U, s.Y, s.N, T(1), s.xc, s.N, s.y_support, s.N, T(0), s.beta, s.Y);
  solve(s, s.beta);
  gemm(true, false, s.Y, s.M, s.U, T(1), s.beta, s.Y, s.qc, s.M, T(0), s.predicted, s.M);
  if (!s.y_bias) return;
  for (std::ptrdiff_t j = 0; j < s.Y; ++j)
    for (std::ptrdiff_t m = 0; m < s.M; ++m) s.predicted[j * s.M + m] += s.y_bias[j];
}

template <class T>
Predictions<T> predictions(const Ridge<T>& s) {
  return {s.y_query, s.predicted, s.Y, s.M, s.num_classes};
}

// to [U,count], rows as far apart as those of `like`.
template <class T>
void add_rows(const T* from, const Var<T>& like, const Bar<T>& to) {
  for (int u = 0; u < like.units(); ++u) {
    kernels<T>().add_to(from + std::ptrdiff_t{u} * like.examples(), like.examples(), to.accumulate,
                        to.data + u * like.unit_stride);
  }
}

template <class T>
void ridge_vjp(Tape<T>& tape, const Ridge<T>& s) {
  probe_loss_vjp(s.kind, predictions(s), tape.bar(s.loss)[0]);
  const T* p_bar = s.predicted;  // [Y,M]
  // predicted = beta^T qc: qc_bar = beta p_bar, beta_bar = qc p_bar^T.
  T* qc_bar = tape.scratch(std::ptrdiff_t{s.U} * s.M);
  gemm(false, false, s.U, s.M, s.Y, T(1), s.beta, s.Y, p_bar, s.M, T(0), qc_bar, s.M);
  add_rows(qc_bar, s.query, tape.bar_for_writing(s.query));
  T* Z = tape.scratch(std::ptrdiff_t{s.U} * s.Y);  // A^-1 beta_bar
  gemm(false, true, s.U, s.Y, s.M, T(1), s.qc, s.M, p_bar, s.M, T(0), Z, s.Y);
  solve(s, Z);
  // A_bar = -Z beta^T; xc_bar = (A_bar + A_bar^T) xc + Z y.
  T* a_bar = s.scratch;  // [U,U]
  gemm(false, true, s.U, s.U, s.Y, T(-1), Z, s.Y, s.beta, s.Y, T(0), a_bar, s.U);
  gemm(false, true, s.U, s.U, s.Y, T(-1), s.beta, s.Y, Z, s.Y, T(1), a_bar, s.U);
  T* xc_bar = tape.scratch(std::ptrdiff_t{s.U} * s.N);
  gemm(false, false, s.U, s.N, s.U, T(1), a_bar, s.U, s.xc, s.N, T(0), xc_bar, s.N);
  gemm(false, false, s.U, s.N, s.Y, T(1), Z, s.Y, s.y_support, s.N, T(1), xc_bar, s.N);
  // Centring: the mean of the support is taken from the support and from the query.
  for (int u = 0; u < s.U; ++u) {
    T total = T(0);
    kernels<T>().row_sums(xc_bar + std::ptrdiff_t{u} * s.N, 1, s.N, &total);
    kernels<T>().row_sums(qc_bar + std::ptrdiff_t{u} * s.M, 1, s.M, &total);
    total /= T(s.N);
    for (int n = 0; n < s.N; ++n) xc_bar[std::ptrdiff_t{u} * s.N + n] -= total;
  }
  add_rows(xc_bar, s.support, tape.bar_for_writing(s.support));
}

// Each of the targets [Y,N] and [Y,M] by the moments of the first.
template <class T>
void normalise_each(ProbeTargets<T>& targets, std::size_t N, std::size_t M) {
  for (std::size_t j = 0; j < static_cast<std::size_t>(targets.num_targets); ++j) {
    T mean = T(0), square = T(0);
    for (std::size_t n = 0; n < N; ++n) mean += targets.support[j * N + n];
    mean /= static_cast<T>(N);
    for (std::size_t n = 0; n < N; ++n) {
      const T off = targets.support[j * N + n] - mean;
      square += off * off;
    }
    const T inv = T(1) / std::sqrt(square / static_cast<T>(N) + T(kTargetEps));
    for (std::size_t n = 0; n < N; ++n)
      targets.support[j * N + n] = (targets.support[j * N + n] - mean) * inv;
    for (std::size_t m = 0; m < M; ++m)
      targets.query[j * M + m] = (targets.query[j * M + m] - mean) * inv;
  }
}

// values [Y,count] by one mean and one scale.
template <class T>
void normalise_by_scalars(std::vector<T>& values, std::size_t count) {
  T mean = T(0), square = T(0);
  for (const T value : values) mean += value;
  mean /= static_cast<T>(values.size());
  for (T& value : values) {
    value -= mean;
    square += value * value;
  }
  const T inv = T(1) / std::sqrt(square / static_cast<T>(count) + T(kTargetEps));
  for (T& value : values) value *= inv;
}

}  // namespace

template <class T>
void make_probe_targets(int num_classes, std::span<const int> support_labels,
                        std::span<const float> support_coefficients,
                        std::span<const int> query_labels,
                        std::span<const float> query_coefficients, ProbeTargets<T>& targets,
                        TargetNorm norm) {
  const std::size_t N = support_labels.size(), M = query_labels.size();
  METAPLASTIC_CHECK(N > 0 && M > 0 && num_classes >= 2);
  const std::size_t A = support_coefficients.size() / N;
  METAPLASTIC_CHECK(support_coefficients.size() == A * N && query_coefficients.size() == A * M);
  const auto Y = static_cast<std::size_t>(num_classes);
  targets.num_classes = num_classes;
  targets.num_targets = static_cast<int>(Y + A);
  targets.support.assign((Y + A) * N, T(0));
  targets.query.assign((Y + A) * M, T(0));
  const auto fill = [&](std::span<const int> labels, std::span<const float> coefficients,
                        std::vector<T>& out) {
    const std::size_t count = labels.size();
    for (std::size_t n = 0; n < count; ++n) {
      out[static_cast<std::size_t>(labels[n]) * count + n] = T(1);
      for (std::size_t a = 0; a < A; ++a)
        out[(Y + a) * count + n] = static_cast<T>(coefficients[n * A + a]);
    }
  };
  fill(support_labels, support_coefficients, targets.support);
  fill(query_labels, query_coefficients, targets.query);
  if (norm == TargetNorm::kScalar) {
    normalise_by_scalars(targets.support, N);
    normalise_by_scalars(targets.query, M);
    targets.bias.assign(Y + A, T(0));
    for (std::size_t i = 0; i < targets.support.size(); ++i)
      targets.bias[i / N] += targets.support[i] / static_cast<T>(N);
  } else {
    targets.bias.clear();
    normalise_each(targets, N, M);
  }
}

template <class T>
RidgeResult<T> ridge_objective(Tape<T>& tape, const Var<T>& support, const Var<T>& query,
                               const ProbeTargets<T>& targets, T lambda, ProbeLoss loss) {
  Ridge<T> s{};
  s.support = support, s.query = query;
  s.y_support = targets.support.data(), s.y_query = targets.query.data();
  s.y_bias = targets.bias.empty() ? nullptr : targets.bias.data();
  s.U = support.units(), s.N = support.examples(), s.M = query.examples(),
  s.Y = targets.num_targets;
  s.num_classes = targets.num_classes;
  s.lambda = lambda;
  s.kind = loss;
  METAPLASTIC_CHECK(query.units() == s.U && support.channels() == 1 && query.channels() == 1);
  METAPLASTIC_CHECK(targets.support.size() ==
                    static_cast<std::size_t>(s.Y) * static_cast<std::size_t>(s.N));
  METAPLASTIC_CHECK(targets.query.size() ==
                    static_cast<std::size_t>(s.Y) * static_cast<std::size_t>(s.M));
  const std::ptrdiff_t U = s.U;
  s.mean = tape.scratch(U);
  s.xc = tape.scratch(U * s.N);
  s.qc = tape.scratch(U * s.M);
  s.factor = tape.scratch(U * U);
  s.beta = tape.scratch(U * s.Y);
  s.predicted = tape.scratch(std::ptrdiff_t{s.Y} * s.M);
  s.scratch = tape.scratch(U * U);
  s.loss = tape.make(1, 1, support.needs_gradient() || query.needs_gradient());
  fit_and_predict(s);
  s.loss.data[0] = probe_loss(loss, predictions(s));
  RidgeResult<T> result;
  result.accuracy = probe_accuracy(predictions(s));
  result.loss = s.loss;
  tape.on_backward(s.loss, [&tape, s] { ridge_vjp(tape, s); });
  return result;
}

#define METAPLASTIC_INSTANTIATE(T)                                                                 \
  template void make_probe_targets(int, std::span<const int>, std::span<const float>,              \
                                   std::span<const int>, std::span<const float>, ProbeTargets<T>&, \
                                   TargetNorm);                                                    \
  template RidgeResult<T> ridge_objective(Tape<T>&, const Var<T>&, const Var<T>&,                  \
                                          const ProbeTargets<T>&, T, ProbeLoss);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
