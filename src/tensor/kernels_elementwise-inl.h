// Element-wise kernels: the functions of Unary with their slopes, gates, and plain vectors.
#if defined(METAPLASTIC_KERNELS_ELEMENTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_ELEMENTWISE_INL_H_
#undef METAPLASTIC_KERNELS_ELEMENTWISE_INL_H_
#else
#define METAPLASTIC_KERNELS_ELEMENTWISE_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 1 / (1 + exp(-x)) without overflow at either end.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const auto one = hn::Set(d, hn::TFromD<D>(1));
  const auto e = hn::Exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Gt(x, hn::Zero(d)), one, e), hn::Add(one, e));
}

// Value and slope of `function` at x. Highway states its exp and log1p to within 1 and 2 ULP.
template <Unary kFunction, class D, class V>
HWY_INLINE void evaluate(D d, V x, V& y, V& slope) {
  using T = hn::TFromD<D>;
  const auto zero = hn::Zero(d), one = hn::Set(d, T(1));
  const auto positive = hn::Gt(x, zero);
  if constexpr (kFunction == Unary::kIdentity) {
    y = x, slope = one;
  } else if constexpr (kFunction == Unary::kRelu) {
    y = hn::Max(x, zero), slope = hn::IfThenElseZero(positive, one);
  } else if constexpr (kFunction == Unary::kLeakyRelu) {
    slope = hn::IfThenElse(positive, one, hn::Set(d, T(0.01)));
    y = hn::Mul(x, slope);
  } else if constexpr (kFunction == Unary::kTanh) {
    y = hn::Tanh(d, x), slope = hn::NegMulAdd(y, y, one);
  } else if constexpr (kFunction == Unary::kElu) {
    const auto below = hn::Min(x, zero);
    y = hn::IfThenElse(positive, x, hn::Expm1(d, below));
    slope = hn::IfThenElse(positive, one, hn::Exp(d, below));
  } else if constexpr (kFunction == Unary::kSigmoid) {
    y = sigmoid(d, x), slope = hn::Mul(y, hn::Sub(one, y));
  } else if constexpr (kFunction == Unary::kSoftplus) {
    y = hn::Add(hn::Max(x, zero), hn::Log1p(d, hn::Exp(d, hn::Neg(hn::Abs(x)))));
    slope = sigmoid(d, x);
  } else if constexpr (kFunction == Unary::kSwish) {
    const auto gate = sigmoid(d, x);
    y = hn::Mul(x, gate);
    slope = hn::MulAdd(y, hn::Sub(one, gate), gate);
  } else if constexpr (kFunction == Unary::kStep) {
    y = hn::IfThenElseZero(positive, one), slope = zero;
  } else if constexpr (kFunction == Unary::kSignedSquare) {
    y = hn::Mul(x, hn::Abs(x)), slope = hn::Mul(hn::Set(d, T(2)), hn::Abs(x));
  } else if constexpr (kFunction == Unary::kGaussian) {
    y = hn::Exp(d, hn::Neg(hn::Mul(x, x))), slope = hn::Mul(hn::Set(d, T(-2)), hn::Mul(x, y));
  } else {
    static_assert(kFunction == Unary::kRootGrowth);
    // Far out the 1 changes no bit of the root, and x^2 may overflow.
    const auto size = hn::Abs(x);
    const auto far = hn::Gt(size, hn::Set(d, 1 / std::numeric_limits<T>::epsilon()));
    const auto root = hn::IfThenElse(far, size, hn::Sqrt(hn::MulAdd(x, x, one)));
    // x^2 / (1 + root) is root - 1 without the cancellation.
    y = hn::Mul(size, hn::Div(size, hn::Add(one, root)));
    slope = hn::Div(x, root);
  }
}

template <Unary kFunction, class T>
HWY_NOINLINE void map_with(const T* x, std::ptrdiff_t n, T* y, T* slope) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> value, gradient;
  std::ptrdiff_t i = 0;
  for (; i + N <= n; i += N) {
    evaluate<kFunction>(d, hn::LoadU(d, x + i), value, gradient);
    hn::StoreU(value, d, y + i);
    if (slope != nullptr) hn::StoreU(gradient, d, slope + i);
  }
  if (i == n) return;
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
  const std::size_t rest = static_cast<std::size_t>(n - i) * sizeof(T);
  std::memcpy(buffer, x + i, rest);
  evaluate<kFunction>(d, hn::Load(d, buffer), value, gradient);
  hn::Store(value, d, buffer);
  std::memcpy(y + i, buffer, rest);
  if (slope == nullptr) return;
  hn::Store(gradient, d, buffer);
  std::memcpy(slope + i, buffer, rest);
}

template <class T>
void map(Unary function, const T* x, std::ptrdiff_t n, T* y, T* slope) {
  switch (function) {
    case Unary::kIdentity:
      return map_with<Unary::kIdentity>(x, n, y, slope);
    case Unary::kRelu:
      return map_with<Unary::kRelu>(x, n, y, slope);
    case Unary::kLeakyRelu:
      return map_with<Unary::kLeakyRelu>(x, n, y, slope);
    case Unary::kTanh:
      return map_with<Unary::kTanh>(x, n, y, slope);
    case Unary::kElu:
      return map_with<Unary::kElu>(x, n, y, slope);
    case Unary::kSigmoid:
      return map_with<Unary::kSigmoid>(x, n, y, slope);
    case Unary::kSoftplus:
      return map_with<Unary::kSoftplus>(x, n, y, slope);
    case Unary::kSwish:
      return map_with<Unary::kSwish>(x, n, y, slope);
    case Unary::kStep:
      return map_with<Unary::kStep>(x, n, y, slope);
    case Unary::kSignedSquare:
      return map_with<Unary::kSignedSquare>(x, n, y, slope);
    case Unary::kGaussian:
      return map_with<Unary::kGaussian>(x, n, y, slope);
    case Unary::kRootGrowth:
      return map_with<Unary::kRootGrowth>(x, n, y, slope);
  }
}

template <class T>
void gate_add_unit(const T* x, const T* gate, const T* z, int C, int B, T* y) {
  for (int c = 0; c < C; ++c, x += B, z += B, y += B)
    for (int b = 0; b < B; ++b) y[b] = x[b] * gate[b] + z[b];
}

template <class T>
void gate_add_vjp(const T* x, const T* gate, const T* y_bar, int C, int B, bool accumulate_x,
                  T* x_bar, bool accumulate_gate, T* gate_bar) {
  if (!accumulate_gate)
    for (int b = 0; b < B; ++b) gate_bar[b] = T(0);
  for (int c = 0; c < C; ++c, x += B, y_bar += B, x_bar += B) {
    if (accumulate_x) {
      for (int b = 0; b < B; ++b) x_bar[b] += y_bar[b] * gate[b];
    } else {
      for (int b = 0; b < B; ++b) x_bar[b] = y_bar[b] * gate[b];
    }
    for (int b = 0; b < B; ++b) gate_bar[b] += y_bar[b] * x[b];
  }
}

template <class T>
void add_to(const T* x, std::ptrdiff_t n, bool accumulate, T* y) {
  if (accumulate) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += x[i];
  } else {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = x[i];
  }
}

template <class T>
void axpy(T alpha, const T* x, std::ptrdiff_t n, bool accumulate, T* y) {
  if (accumulate) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += alpha * x[i];
  } else {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = alpha * x[i];
  }
}

template <class T>
void combine(T alpha, const T* x, T beta, const T* z, std::ptrdiff_t n, T* y) {
  const hn::ScalableTag<T> d;
  const auto N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto alpha_v = hn::Set(d, alpha), beta_v = hn::Set(d, beta);
  std::ptrdiff_t i = 0;
  for (; i + N <= n; i += N) {
    const auto scaled = hn::Mul(alpha_v, hn::LoadU(d, x + i));
    hn::StoreU(hn::MulAdd(beta_v, hn::LoadU(d, z + i), scaled), d, y + i);
  }
  axpy(alpha, x + i, n - i, false, y + i);
  axpy(beta, z + i, n - i, true, y + i);
}

template <class T>
void multiply(const T* x, const T* z, std::ptrdiff_t n, bool accumulate, T* y) {
  if (accumulate) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] += x[i] * z[i];
  } else {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = x[i] * z[i];
  }
}

template <class T>
void multiply_sign(const T* x, const T* w, std::ptrdiff_t n, bool accumulate, T* y) {
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const T value = w[i] > T(0) ? x[i] : w[i] < T(0) ? -x[i] : T(0);
    y[i] = accumulate ? y[i] + value : value;
  }
}

template <class T>
T dot(const T* x, const T* z, std::ptrdiff_t n) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  std::ptrdiff_t i = 0;
  for (; i + N <= n; i += N) sum = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, z + i), sum);
  T total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < n; ++i) total += x[i] * z[i];
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
