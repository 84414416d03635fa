#include <pybind11/stl.h>

#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "array_data.h"
#include "base/thread_pool.h"
#include "bindings.h"
#include "data/dataset_rows.h"
#include "onnx/export_onnx.h"
#include "tensor_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// Rows that one thread encodes between two looks at the signals: a multiple of encode's block.
constexpr std::int64_t kChunkRows = 4096;

// Features of all rows into out [N, F]. Threads take chunks; encode_rows gives a row the same
// bits wherever its chunk begins.
void embed_into(const Encoder& encoder, const std::shared_ptr<const RowSource>& prepared,
                const Readout& readout, int num_threads, float* out) {
  const std::int64_t N = prepared->num_rows();
  const std::int64_t F = num_features(encoder, readout);
  const std::int64_t num_chunks = (N + kChunkRows - 1) / kChunkRows;
  ThreadPool pool(static_cast<int>(std::clamp<std::int64_t>(num_threads, 1, num_chunks)));
  Interrupts interrupts;
  for (std::int64_t begin = 0; begin < num_chunks; begin += pool.num_threads()) {
    const std::int64_t count = std::min<std::int64_t>(pool.num_threads(), num_chunks - begin);
    pool.parallel_for(static_cast<int>(count), [&](int, int index) {
      const std::int64_t first = (begin + index) * kChunkRows;
      float* to = out + first * F;
      const SliceRows rows(prepared, first, std::min(kChunkRows, N - first));
      encode_rows(encoder, rows, readout, [&](std::span<const float> features, std::int64_t) {
        to = std::copy(features.begin(), features.end(), to);
      });
    });
    if (!interrupts.due()) continue;
    const py::gil_scoped_acquire acquire;
    if (interrupts.raised()) Interrupts::rethrow();
  }
}

// The layer itself, or the top one; throws Error when there is no such layer.
int layer_of(const Encoder& encoder, std::optional<int> layer) {
  const int l = layer.value_or(encoder.num_layers());
  if (l < 1 || l > encoder.num_layers()) {
    fail("layer: expected 1 to {}, found {}", encoder.num_layers(), l);
  }
  return l;
}

// What the encoder gives out, where neither is named.
Readout readout_of(const Encoder& encoder, const py::object& layer,
                   std::optional<bool> with_input) {
  Readout readout = encoder.readout;
  if (!layer.is_none()) {
    readout.layer = parse_readout("layer", static_cast<std::string>(py::str(layer))).layer;
    readout.with_input = false;
  }
  readout.with_input = with_input.value_or(readout.with_input);
  check_readout(encoder, readout);
  return readout;
}

py::array_t<float> embed(const Encoder& encoder, const py::object& input, const py::object& layer,
                         std::optional<bool> with_input, int num_threads,
                         const std::optional<std::vector<std::string>>& columns) {
  const Readout readout = readout_of(encoder, layer, with_input);
  if (num_threads < 1) fail("num_threads: expected 1 or more, found {}", num_threads);
  const Dataset data = make_dataset(input, columns, &encoder.preprocess);
  const auto prepared = prepare_rows(encoder.preprocess, data);
  py::array_t<float> out({static_cast<py::ssize_t>(data.num_rows()),
                          static_cast<py::ssize_t>(num_features(encoder, readout))});
  float* values = out.mutable_data();
  const py::gil_scoped_release release;
  embed_into(encoder, prepared, readout, num_threads, values);
  return out;
}

py::array_t<float> weights(const Encoder& encoder, int layer) {
  const EncoderLayer& found = encoder.weights_of(layer_of(encoder, layer));
  const auto U_up = static_cast<py::ssize_t>(found.b.size());
  const std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(found.W.size()) / U_up, U_up};
  return py::array_t<float>(shape, found.W.data());
}

// As scikit-learn names features: an array of objects.
py::array name_array(const std::vector<std::string>& names) {
  return py::module_::import("numpy").attr("array")(names, "O");
}

// There is none where the columns have but positions, as in scikit-learn.
py::array feature_names_in(const Encoder& encoder) {
  const std::vector<std::string>& names = encoder.preprocess.column_names;
  bool positions = true;
  for (std::size_t n = 0; n < names.size(); ++n) positions &= names[n] == std::to_string(n);
  if (positions) {
    throw py::attribute_error("feature_names_in_: this encoder was fitted without feature names");
  }
  return name_array(names);
}

py::array feature_names_out(const Encoder& encoder, std::optional<int> layer) {
  std::vector<std::string> names;
  const int U = encoder.num_features(layer_of(encoder, layer));
  for (int u = 0; u < U; ++u) names.push_back(fmt::format("encoder{}", u));
  return name_array(names);
}

}  // namespace

void add_encoder(py::module_& module) {
  py::class_<Encoder, std::shared_ptr<Encoder>>(module, "Encoder")
      .def_static(
          "load", [](const std::string& path) { return load_encoder(path); }, py::arg("path"))
      .def(
          "save",
          [](const Encoder& encoder, const std::string& path) { save_encoder(path, encoder); },
          py::arg("path"))
      .def(
          "export_onnx",
          [](const Encoder& encoder, const std::string& path, float pixel_max) {
            if (!(pixel_max > 0)) fail("pixel_max: expected a number above 0, found {}", pixel_max);
            save_onnx(path, encoder, {pixel_max});
          },
          py::arg("path"), py::arg("pixel_max") = 255.0f)
      .def("embed", &embed, py::arg("data"), py::arg("layer") = py::none(),
           py::arg("with_input") = py::none(), py::arg("num_threads") = 1,
           py::arg("columns") = py::none())
      .def("get_feature_names_out", &feature_names_out, py::arg("layer") = py::none())
      .def_property_readonly("feature_names_in_", &feature_names_in)
      .def_property_readonly("columns", [](const Encoder& e) { return e.preprocess.column_names; })
      .def_property_readonly("constant_columns",
                             [](const Encoder& e) { return e.preprocess.constant_columns(); })
      .def("weights", &weights, py::arg("layer"))
      .def_property_readonly("widths", [](const Encoder& e) { return e.widths(); })
      .def_property_readonly("num_features",
                             [](const Encoder& e) { return num_features(e, e.readout); })
      .def_property_readonly("readout", [](const Encoder& e) { return describe(e.readout); })
      .def_property_readonly("layers", [](const Encoder& e) { return layers_text(e.specs()); })
      .def_property_readonly(
          "activation",
          [](const Encoder& encoder) { return std::string(activation_name(encoder.activation)); })
      .def_property_readonly("preprocessing",
                             [](const Encoder& encoder) { return describe(encoder.preprocess); })
      .def_property_readonly(
          "record_json",
          [](const Encoder& encoder) { return record_to_json(encoder.record).dump(); })
      .def(py::pickle(
          [](const Encoder& encoder) { return tensors_to_python(encoder_tensors(encoder)); },
          [](const py::tuple& state) { return encoder_from_tensors(tensors_from_python(state)); }));
}

}  // namespace metaplastic::python
