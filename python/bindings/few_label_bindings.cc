#include <pybind11/stl.h>

#include <numeric>

#include "array_data.h"
#include "base/error.h"
#include "bindings.h"
#include "eval/fit_few_labels.h"
#include "eval/predictions.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// Labels as codes of class_names, -1 for a row without one.
void set_codes(Dataset& data, const std::vector<int>& codes, std::vector<std::string> class_names) {
  if (static_cast<std::int64_t>(codes.size()) != data.num_rows()) {
    fail("y: expected a label for each of {} rows, found {}", data.num_rows(), codes.size());
  }
  data.labels = codes;
  data.class_names = std::move(class_names);
}

FewLabelOptions choice_of(const py::dict& settings) {
  FewLabelOptions choice;
  choice.folds = settings["folds"].cast<int>();
  choice.repeats = settings["repeats"].cast<int>();
  choice.seed = settings["seed"].cast<std::uint64_t>();
  if (choice.folds < 2 || choice.repeats < 1) {
    fail("cv: expected 2 folds or more and 1 repeat or more, found {} and {}", choice.folds,
         choice.repeats);
  }
  return choice;
}

FewLabelRequest request_of(const py::dict& settings) {
  FewLabelRequest request;
  ApplyOptions& training = request.fit.training;
  training.model = {settings["hidden"].cast<std::vector<int>>(), settings["features"].cast<int>(),
                    activation_from_name(settings["activation"].cast<std::string>())};
  training.inner_steps = settings["inner_steps"].cast<std::optional<int>>();
  training.inner_batch = settings["inner_batch"].cast<std::optional<int>>();
  training.seed = settings["seed"].cast<std::uint64_t>();
  request.variants.clear();
  for (const auto& name : settings["variants"].cast<std::vector<std::string>>()) {
    request.variants.push_back(find_variant(name));
  }
  if (request.variants.empty()) fail("variants: expected one or more, found none");
  request.choice = choice_of(settings);
  if (const auto layers = settings["layers"].cast<std::optional<std::string>>()) {
    request.fit.layers = parse_layer_choice(*layers);
  }
  request.fit.training.num_threads = settings["num_threads"].cast<int>();
  if (training.inner_steps.value_or(0) < 0) {
    fail("n_steps: expected 0 or more, found {}", *training.inner_steps);
  }
  if (training.inner_batch.value_or(2) < 2) {
    fail("inner_batch: expected 2 or more, found {}", *training.inner_batch);
  }
  if (training.num_threads < 1) {
    fail("n_jobs: expected 1 thread or more, found {}", training.num_threads);
  }
  return request;
}

FewLabelFit refit(const Encoder& encoder, const py::object& input, const std::vector<int>& codes,
                  const std::vector<std::string>& class_names,
                  const std::optional<std::vector<std::string>>& columns,
                  const py::dict& settings) {
  Dataset data = make_dataset(input, columns, &encoder.preprocess);
  set_codes(data, codes, class_names);
  const FewLabelOptions choice = choice_of(settings);
  const int num_threads = settings["num_threads"].cast<int>();
  const py::gil_scoped_release release;
  return refit_few_labels(encoder, data, choice, num_threads);
}

FewLabelFit fit(const std::string& rule, const py::object& input, const std::vector<int>& codes,
                const std::vector<std::string>& class_names,
                const std::optional<std::vector<std::string>>& columns, const py::dict& settings,
                const py::object& progress) {
  const FoundRule found = find_rule(rule);
  Dataset data =
      make_dataset(input, columns, nullptr, settings["kind"].cast<std::optional<std::string>>());
  set_codes(data, codes, class_names);
  FewLabelRequest request = request_of(settings);
  Interrupts interrupts;
  int done = 0, all = 0;
  request.fit.training.on_step = [&](int step, int steps) {
    done = step;
    all = steps;
  };
  request.fit.training.should_stop = [&] {
    if (!interrupts.due()) return false;
    const py::gil_scoped_acquire acquire;
    const bool interrupted = interrupts.raised();
    if (!interrupted && all > 0 && !progress.is_none()) progress(done, all);
    return interrupted;
  };
  try {
    const py::gil_scoped_release release;
    return fit_few_labels(found, data, request);
  } catch (const Stopped&) {
    Interrupts::rethrow();
  }
}

py::list trials(const FewLabelFit& fit) {
  py::list list;
  for (std::size_t t = 0; t < fit.choice.trials.size(); ++t) {
    const ReadoutTrial& trial = fit.choice.trials[t];
    py::dict row;
    row["readout"] = describe(trial.readout);
    row["variant"] = fit.variants[trial.encoder];
    row["penalty"] = trial.lambda;
    row["share"] = trial.share;
    row["accuracy"] = trial.accuracy;
    row["loss"] = trial.loss;
    row["gain"] = trial.gain;
    row["gain_error"] = trial.gain_error;
    row["weight"] = trial.weight;
    list.append(row);
  }
  return list;
}

py::array_t<float> predict_proba(const Encoder& encoder, const py::object& input,
                                 const std::optional<std::vector<std::string>>& columns) {
  if (!encoder.classifier) {
    fail("encoder: expected one with a classifier, found one without; fit FewLabelClassifier");
  }
  const Dataset data = make_dataset(input, columns, &encoder.preprocess);
  const auto N = static_cast<std::size_t>(data.num_rows());
  const auto Y = static_cast<py::ssize_t>(encoder.classifier->num_classes());
  RowPredictions predictions;
  {
    const py::gil_scoped_release release;
    std::vector<std::int64_t> rows(N);
    std::iota(rows.begin(), rows.end(), 0);
    predictions = predict_rows(encoder, *prepare_rows(encoder.preprocess, data), std::move(rows));
  }
  const std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(N), Y};
  return py::array_t<float>(shape, predictions.probabilities.data());
}

}  // namespace

void add_few_labels(py::module_& module) {
  py::class_<FewLabelFit>(module, "FewLabelFit")
      .def_property_readonly(
          "encoder", [](const FewLabelFit& f) { return std::make_shared<Encoder>(f.encoder); })
      .def_readonly("table", &FewLabelFit::table)
      .def_readonly("notes", &FewLabelFit::notes)
      .def_property_readonly("accuracy",
                             [](const FewLabelFit& f) { return f.choice.blend.accuracy; })
      .def_property_readonly("trials", &trials);
  module.def("fit_few_labels", &fit, py::arg("rule"), py::arg("data"), py::arg("codes"),
             py::arg("class_names"), py::arg("columns"), py::arg("settings"), py::arg("progress"));
  module.def("refit_few_labels", &refit, py::arg("encoder"), py::arg("data"), py::arg("codes"),
             py::arg("class_names"), py::arg("columns"), py::arg("settings"));
  module.def("predict_proba", &predict_proba, py::arg("encoder"), py::arg("data"),
             py::arg("columns") = py::none());
  module.def(
      "class_names",
      [](const Encoder& encoder) {
        return encoder.classifier ? encoder.classifier->class_names : std::vector<std::string>{};
      },
      py::arg("encoder"));
}

}  // namespace metaplastic::python
