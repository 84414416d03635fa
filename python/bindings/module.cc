#include "base/clock.h"
#include "base/error.h"
#include "bindings.h"

namespace py = pybind11;

namespace metaplastic::python {

bool Interrupts::due() {
  constexpr double kEverySeconds = 0.1;
  if (steady_seconds() - last_seconds_ < kEverySeconds) return false;
  last_seconds_ = steady_seconds();
  return true;
}

bool Interrupts::raised() { return PyErr_CheckSignals() != 0; }

}  // namespace metaplastic::python

PYBIND11_MODULE(_native, module) {
  using namespace metaplastic::python;
  module.attr("__version__") = METAPLASTIC_VERSION;
  auto& error = py::register_exception<metaplastic::Error>(module, "Error", PyExc_ValueError);
  error.attr("__module__") = "metaplastic";
  error.attr("__doc__") =
      "Input that its user can fix; one line: what was expected, what was found, what to do.";
  add_data(module);
  add_rule(module);
  add_encoder(module);
  add_apply(module);
  add_few_labels(module);
  add_meta(module);
  add_step(module);
  add_events(module);
}
