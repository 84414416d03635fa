#include "tensor_state.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "base/error.h"

namespace py = pybind11;

namespace metaplastic::python {

py::tuple tensors_to_python(const TensorFile& file) {
  py::dict tensors;
  for (const Tensor& tensor : file.tensors) {
    const auto values = tensor.as<float>();
    tensors[tensor.name.c_str()] = py::array_t<float>(
        std::vector<py::ssize_t>(tensor.shape.begin(), tensor.shape.end()), values.data());
  }
  return py::make_tuple(file.metadata, tensors);
}

TensorFile tensors_from_python(const py::tuple& state) {
  if (state.size() != 2) fail("pickle: expected metadata and tensors, found another object");
  TensorFile file;
  file.source = "pickle";
  file.metadata = state[0].cast<std::map<std::string, std::string>>();
  for (const auto& [name, value] : state[1].cast<py::dict>()) {
    const auto array = py::array_t<float, py::array::c_style | py::array::forcecast>::ensure(value);
    if (!array) fail("pickle: expected arrays of numbers, found something else");
    file.tensors.push_back(
        make_tensor(name.cast<std::string>(), {array.shape(), array.shape() + array.ndim()},
                    std::span<const float>(array.data(), static_cast<std::size_t>(array.size()))));
  }
  return file;
}

}  // namespace metaplastic::python
