// The parts of the module metaplastic._native. Python-facing names and defaults live in the package
// beside it; here only types are converted, the GIL released, and signals looked at.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <functional>
#include <string>
#include <vector>

namespace metaplastic::python {

void add_data(pybind11::module_& module);
void add_encoder(pybind11::module_& module);
void add_apply(pybind11::module_& module);
void add_few_labels(pybind11::module_& module);
void add_meta(pybind11::module_& module);
void add_rule(pybind11::module_& module);
void add_events(pybind11::module_& module);
void add_step(pybind11::module_& module);

inline pybind11::array_t<float> to_array(const std::vector<float>& values) {
  return pybind11::array_t<float>(static_cast<pybind11::ssize_t>(values.size()), values.data());
}

// For work that runs without the GIL: whether a signal handler of Python raised (Ctrl-C), asked ten
// times a second. Only Python's main thread handles signals; elsewhere the answer is always no.
class Interrupts {
 public:
  // Is it time to ask? Needs no GIL.
  bool due();
  // Runs the handlers that wait. The GIL must be held.
  bool raised();
  // Throws what the handler raised. The GIL must be held.
  [[noreturn]] static void rethrow() { throw pybind11::error_already_set(); }

 private:
  double last_seconds_ = 0;
};

}  // namespace metaplastic::python
