#include <algorithm>
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> gate_add(Tape<T>& tape, const Var<T>& x, const Var<T>& gate, const Var<T>& z) {
  METAPLASTIC_CHECK(x.dims == z.dims && gate.units() == x.units() && gate.channels() == 1);
  const int U = x.units(), C = x.channels(), B = x.examples();
  const bool needs = x.needs_gradient() || gate.needs_gradient() || z.needs_gradient();
  const Var<T> y = tape.make(U, C, B, needs);
  tape.in_pieces(U, 1, double(y.size()), [&](int, int first, int last) {
    for (int u = first; u < last; ++u) {
      kernels<T>().gate_add_unit(x.data + u * x.unit_stride, gate.data + u * gate.unit_stride,
                                 z.data + u * z.unit_stride, C, B, y.data + u * y.unit_stride);
    }
  });
  tape.on_backward(y, [&tape, x, gate, z, y, U, C, B] {
    const T* y_bar = tape.bar(y);
    // The kernel makes both factors' adjoints; that of a constant goes to scratch.
    const auto bar_of = [&](const Var<T>& factor) {
      return factor.needs_gradient() ? tape.bar_for_writing(factor)
                                     : Bar<T>{tape.scratch(factor.size() / U), false};
    };
    // A gate that is a channel of x is added to while x_bar is written: that starts from zero.
    const bool shared = x.needs_gradient() && x.id == gate.id;
    const Bar<T> x_bar = shared ? Bar<T>{tape.bar(x), true} : bar_of(x), gate_bar = bar_of(gate);
    const std::ptrdiff_t x_step = x.needs_gradient() ? x.unit_stride : 0;
    const std::ptrdiff_t gate_step = gate.needs_gradient() ? gate.unit_stride : 0;
    for (int u = 0; u < U; ++u) {
      kernels<T>().gate_add_vjp(x.data + u * x.unit_stride, gate.data + u * gate.unit_stride,
                                y_bar + u * y.unit_stride, C, B, x_bar.accumulate,
                                x_bar.data + u * x_step, gate_bar.accumulate,
                                gate_bar.data + u * gate_step);
    }
    if (!z.needs_gradient()) return;
    const Bar<T> z_bar = tape.bar_for_writing(z);
    for (int u = 0; u < U; ++u) {
      kernels<T>().add_to(y_bar + u * y.unit_stride, std::ptrdiff_t{C} * B, z_bar.accumulate,
                          z_bar.data + u * z.unit_stride);
    }
  });
  return y;
}

template <class T>
Var<T> rms_channels(Tape<T>& tape, const Var<T>& x, T eps) {
  const int U = x.units(), C = x.channels(), B = x.examples();
  const Var<T> y = tape.make(U, C, B, x.needs_gradient());
  T* inv = tape.scratch(std::ptrdiff_t{U} * B);  // [U,B]
  tape.in_pieces(U, 1, 2.0 * double(y.size()), [&](int, int first, int last) {
    for (int u = first; u < last; ++u) {
      kernels<T>().rms_channels_unit(x.data + u * x.unit_stride, C, B, eps,
                                     y.data + u * y.unit_stride, inv + std::ptrdiff_t{u} * B);
    }
  });
  tape.on_backward(y, [&tape, x, y, inv, U, C, B] {
    const T* y_bar = tape.bar(y);
    const Bar<T> bar = tape.bar_for_writing(x);
    for (int u = 0; u < U; ++u) {
      kernels<T>().rms_channels_vjp(y.data + u * y.unit_stride, y_bar + u * y.unit_stride,
                                    inv + std::ptrdiff_t{u} * B, C, B, bar.accumulate,
                                    bar.data + u * x.unit_stride);
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                                 \
  template Var<T> gate_add(Tape<T>&, const Var<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> rms_channels(Tape<T>&, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
