#include <pybind11/stl.h>

#include "apply/fit_encoder.h"
#include "array_data.h"
#include "bindings.h"
#include "rule_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// The options of one training; mirrors the flags of `metaplastic apply`.
struct Request {
  FoundRule rule;
  std::vector<int> hidden;
  int features = 0;
  std::string activation;
  std::string variant;
  std::optional<int> inner_steps, inner_batch, resize;
  std::optional<std::string> layers, kind;
  std::uint64_t seed = 0;
  Readout readout;
  int num_threads = 1;
  std::optional<ViewKind> views;
};

ApplyOptions options_of(const Request& request) {
  ApplyOptions options;
  options.model = {request.hidden, request.features, activation_from_name(request.activation)};
  if (request.inner_steps.value_or(0) < 0) {
    fail("n_steps: expected 0 or more, found {}", *request.inner_steps);
  }
  if (request.inner_batch.value_or(2) < 2) {
    fail("inner_batch: expected 2 or more, found {}", *request.inner_batch);
  }
  options.inner_steps = request.inner_steps;
  options.inner_batch = request.inner_batch;
  options.variant = find_variant(request.variant);
  options.seed = request.seed;
  if (request.num_threads < 1)
    fail("n_jobs: expected 1 thread or more, found {}", request.num_threads);
  options.num_threads = request.num_threads;
  return options;
}

// Runs without the GIL, looks at signals, and calls `progress(step, steps)` at the same times.
Applied run(const FoundRule& rule, const Dataset& data, FitOptions& options,
            const py::object& progress) {
  Interrupts interrupts;
  bool interrupted = false;
  int done = 0, all = options.training.inner_steps.value_or(rule.rule.inner.inner_steps);
  options.training.on_step = [&](int step, int steps) {
    done = step;
    all = steps;
  };
  options.training.should_stop = [&] {
    if (!interrupts.due()) return false;
    const py::gil_scoped_acquire acquire;
    interrupted = interrupts.raised();
    if (!interrupted && !progress.is_none()) progress(done, all);
    return interrupted;
  };
  try {
    const py::gil_scoped_release release;
    return fit_encoder(rule, data, options);
  } catch (const Stopped&) {
    Interrupts::rethrow();
  }
}

Applied train(const Request& request, const py::object& input,
              const std::optional<std::vector<std::string>>& columns, const py::object& progress,
              const Encoder* previous, std::optional<InnerState> start) {
  const FoundRule& found = request.rule;
  const Dataset data = make_dataset(
      input, columns, previous != nullptr ? &previous->preprocess : nullptr, request.kind);
  FitOptions options;
  options.training = options_of(request);
  options.training.start = std::move(start);
  options.resize.side = request.resize;
  if (request.layers) options.layers = parse_layer_choice(*request.layers);
  options.views = request.views;
  options.previous = previous;
  options.readout = request.readout;
  return run(found, data, options, progress);
}

py::dict health_dict(const Applied& applied) {
  py::dict health;
  health["dead_share"] = applied.health.dead_share;
  health["effective_rank"] = applied.health.effective_rank;
  health["num_features"] = applied.health.num_features;
  health["drift"] = applied.health.drift;
  health["warnings"] = applied.health.warnings();
  return health;
}

Applied train_encoder(const py::object& rule, const py::object& data,
                      const std::vector<int>& hidden, int features, const std::string& activation,
                      std::optional<int> inner_steps, std::optional<int> inner_batch,
                      std::uint64_t seed, std::optional<int> resize, const std::string& variant,
                      const std::optional<std::vector<std::string>>& columns,
                      std::optional<std::string> layers, const std::string& layer, bool with_input,
                      std::optional<std::string> kind, const std::optional<std::string>& views,
                      int num_threads, const py::object& progress) {
  const Readout readout{.layer = parse_readout("layer", layer).layer, .with_input = with_input};
  std::optional<ViewKind> view_kind;
  if (views) view_kind = view_kind_from_name(*views);
  return train({rule_of(rule), hidden, features, activation, variant, inner_steps, inner_batch,
                resize, std::move(layers), std::move(kind), seed, readout, num_threads, view_kind},
               data, columns, progress, nullptr, std::nullopt);
}

Applied continue_training(const py::object& rule, const py::object& data, const Encoder& encoder,
                          const py::array_t<float, py::array::c_style>& phi, int inner_steps,
                          int inner_batch, const std::optional<std::vector<std::string>>& columns,
                          int num_threads, const py::object& progress) {
  check_goes_on(encoder);
  const Architecture architecture = encoder.dense_architecture();
  if (phi.size() != 2 * architecture.phi_size()) {
    fail("phi: expected {} numbers, found {}; use those of the same encoder",
         2 * architecture.phi_size(), phi.size());
  }
  const float* const mean = phi.data() + architecture.phi_size();
  Request request;
  request.rule = rule_of(rule);
  request.hidden = {architecture.widths.begin() + 1, architecture.widths.end() - 1};
  request.features = architecture.num_features();
  request.activation = activation_name(architecture.activation);
  request.variant = encoder.record.variant;
  request.inner_steps = inner_steps;
  request.inner_batch = inner_batch;
  request.seed = encoder.record.seed;
  request.readout = encoder.readout;
  request.num_threads = num_threads;
  return train(
      request, data, columns, progress, &encoder,
      InnerState{{phi.data(), mean}, {mean, phi.data() + phi.size()}, encoder.record.inner_steps});
}

}  // namespace

void add_apply(py::module_& module) {
  py::class_<Applied>(module, "Applied")
      .def_property_readonly("encoder",
                             [](const Applied& a) { return std::make_shared<Encoder>(a.last()); })
      .def_property_readonly("phi",
                             [](const Applied& a) {
                               std::vector<float> both = a.state.phi;
                               both.insert(both.end(), a.state.mean.begin(), a.state.mean.end());
                               return to_array(both);
                             })
      .def_property_readonly("inner_steps", [](const Applied& a) { return a.state.inner_steps; })
      .def_readonly("notes", &Applied::notes)
      .def_property_readonly("health", &health_dict);
  module.def(
      "train_encoder", &train_encoder, py::arg("rule"), py::arg("data"), py::kw_only(),
      py::arg("hidden"), py::arg("features"), py::arg("activation"),
      py::arg("inner_steps") = py::none(), py::arg("inner_batch") = py::none(), py::arg("seed") = 0,
      py::arg("resize") = py::none(), py::arg("variant") = RuleVariant{}.name,
      py::arg("columns") = py::none(), py::arg("layers") = py::none(), py::arg("layer") = "top",
      py::arg("with_input") = false, py::arg("kind") = py::none(), py::arg("views") = py::none(),
      py::arg("num_threads") = 1, py::arg("progress") = py::none());
  module.def("continue_training", &continue_training, py::arg("rule"), py::arg("data"),
             py::arg("encoder"), py::arg("phi"), py::kw_only(), py::arg("inner_steps"),
             py::arg("inner_batch"), py::arg("columns") = py::none(), py::arg("num_threads") = 1,
             py::arg("progress") = py::none());
  module.def("rule_names", &rule_names);
  module.def("rule_inner_steps",
             [](const py::object& rule) { return rule_of(rule).rule.inner.inner_steps; });
  module.def("activation_names", &activation_names);
}

}  // namespace metaplastic::python
