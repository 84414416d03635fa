// Event files of TensorBoard from Python: metaplastic.callbacks.TensorBoardLog.
#include <pybind11/stl.h>

#include <map>

#include "bindings.h"
#include "report/event_file.h"

namespace py = pybind11;

namespace metaplastic::python {

void add_events(py::module_& module) {
  py::class_<EventFile>(module, "EventFile")
      .def(py::init<const std::string&, std::int64_t>(), py::arg("folder"), py::arg("first_step"))
      .def(
          "write",
          [](EventFile& file, std::int64_t step, const std::map<std::string, double>& scalars) {
            file.write({step, {scalars.begin(), scalars.end()}});
          },
          py::arg("step"), py::arg("scalars"))
      .def_property_readonly("path", &EventFile::path);
}

}  // namespace metaplastic::python
