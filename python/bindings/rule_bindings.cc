// metaplastic.Rule: a rule as a value of Python's, its numbers as arrays.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/json_text.h"
#include "meta/run_folder.h"
#include "meta_state.h"
#include "rule_state.h"
#include "tensor_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using RulePointer = std::shared_ptr<PythonRule>;

// A writable array over numbers of theta, which lives as long as the array does. Theta never
// changes its length, so that it stays where it is.
py::array_t<float> view(const py::object& self, std::int64_t offset,
                        const std::vector<py::ssize_t>& shape) {
  auto& rule = self.cast<PythonRule&>().found.rule;
  return py::array_t<float>(shape, rule.theta.data() + offset, self);
}

py::object to_python(const nlohmann::json& value) {
  return py::module_::import("json").attr("loads")(
      value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

nlohmann::json to_json_value(const py::handle& value, const char* what) {
  std::string text;
  try {
    text = py::module_::import("json").attr("dumps")(value).cast<std::string>();
  } catch (const py::error_already_set& error) {
    fail("{}: expected what JSON can hold, found another object; use dicts, lists, str and numbers",
         what);
  }
  return parse_json(text);
}

std::vector<float> checked_theta(const RuleSizes& sizes, const py::handle& values) {
  const Floats array = Floats::ensure(values);
  const std::int64_t P = ThetaLayout(sizes).size();
  if (!array || array.size() != P) {
    fail("theta: expected {} numbers for a rule of {}, found {}; use the sizes it was made for", P,
         describe(sizes), array ? std::to_string(array.size()) : "something else");
  }
  return {array.data(), array.data() + array.size()};
}

// Of theta and settings that were made in Python. `sizes` and `inner` as in a rule file; what is
// not named has its default.
RulePointer make_rule(const py::object& sizes, const py::object& theta, const py::object& inner,
                      const py::object& provenance) {
  auto made = std::make_shared<PythonRule>();
  Rule& rule = made->found.rule;
  if (!sizes.is_none()) load_json(to_json_value(sizes, "sizes"), "sizes", rule.sizes);
  rule.sizes.validate("sizes");
  if (!inner.is_none()) load_json(to_json_value(inner, "inner"), "inner", rule.inner);
  if (theta.is_none()) {
    rule.theta.resize(static_cast<std::size_t>(ThetaLayout(rule.sizes).size()));
  } else {
    rule.theta = checked_theta(rule.sizes, theta);
  }
  rule.provenance = {{"made_by", "metaplastic.Rule"}};
  if (!provenance.is_none()) rule.provenance = to_json_value(provenance, "provenance");
  return made;
}

RulePointer load(const std::string& name_or_path) {
  auto made = std::make_shared<PythonRule>();
  made->found = find_rule(name_or_path);
  made->loaded = made->found.rule;
  return made;
}

// The rule that a run of this config would save for this theta.
RulePointer rule_from_config(const std::string& config_json, const py::object& theta,
                             const py::object& provenance) {
  const MetaConfig config = config_from_json(config_json);
  auto made = std::make_shared<PythonRule>();
  made->found.rule = rule_of_run(config, checked_theta(config.rule, theta));
  made->found.rule.provenance = {{"made_by", "metaplastic.meta.make_rule"},
                                 {"config", to_json(config)}};
  if (!provenance.is_none()) {
    made->found.rule.provenance.update(to_json_value(provenance, "provenance"));
  }
  return made;
}

void check_finite(const Rule& rule) {
  const ThetaLayout layout(rule.sizes);
  for (const ThetaEntry& entry : layout.entries()) {
    const auto begin = rule.theta.begin() + entry.offset;
    if (std::all_of(begin, begin + entry.size(), [](float v) { return std::isfinite(v); }))
      continue;
    fail("rule: expected finite numbers in the matrix '{}', found others; set them", entry.name);
  }
}

void save(PythonRule& rule, const std::string& path) {
  check_finite(rule.found.rule);
  save_rule(path, rule.found.rule);
}

py::dict matrices(const py::object& self) {
  const ThetaLayout layout(self.cast<PythonRule&>().found.rule.sizes);
  py::dict named;
  for (const ThetaEntry& entry : layout.entries()) {
    named[py::str(std::string(entry.name))] = view(self, entry.offset, {entry.rows, entry.cols});
  }
  return named;
}

std::vector<std::string> terms(const PythonRule& rule) {
  const ThetaLayout layout(rule.found.rule.sizes);  // the names are its own
  const auto names = term_names(layout);
  return {names.begin(), names.end()};
}

py::tuple get_state(const PythonRule& rule) {
  const FoundRule current = rule.current();
  return py::make_tuple(tensors_to_python(rule_tensors(current.rule)), current.name, current.path,
                        current.sha256);
}

RulePointer set_state(const py::tuple& state) {
  if (state.size() != 4) fail("pickle: expected a rule, found another object");
  auto made = std::make_shared<PythonRule>();
  made->found = {rule_from_tensors(tensors_from_python(state[0].cast<py::tuple>())),
                 state[1].cast<std::string>(), state[2].cast<std::string>(),
                 state[3].cast<std::string>()};
  made->loaded = made->found.rule;
  return made;
}

std::string text_of(const PythonRule& rule) {
  const FoundRule current = rule.current();
  return fmt::format("<metaplastic.Rule '{}': {}; {} numbers>", current.name,
                     describe(current.rule.sizes), current.rule.theta.size());
}

}  // namespace

FoundRule PythonRule::current() const {
  const Rule& now = found.rule;
  if (now.theta == loaded.theta && now.sizes == loaded.sizes &&
      now.provenance == loaded.provenance && to_json(now.inner) == to_json(loaded.inner)) {
    return found;
  }
  FoundRule changed = found;
  changed.name = found.name.empty() ? "made in Python" : found.name + ", changed in Python";
  changed.path.clear();
  TensorFile file = rule_tensors(now);
  file.metadata[kFormatVersionKey] = std::to_string(kFormatVersion);  // as save() writes it
  changed.sha256 = tensor_digest(file);
  return changed;
}

FoundRule rule_of(const py::object& rule) {
  if (py::isinstance<PythonRule>(rule)) {
    const auto& held = rule.cast<const PythonRule&>();
    check_finite(held.found.rule);
    return held.current();
  }
  return find_rule(py::module_::import("os").attr("fspath")(rule).cast<std::string>());
}

void add_rule(py::module_& module) {
  const auto path = [](const py::object& value) {
    return py::module_::import("os").attr("fspath")(value).cast<std::string>();
  };
  py::class_<PythonRule, RulePointer>(module, "Rule")
      .def(py::init(&make_rule), py::arg("sizes") = py::none(), py::arg("theta") = py::none(),
           py::kw_only(), py::arg("inner") = py::none(), py::arg("provenance") = py::none())
      .def_static(
          "load", [path](const py::object& name) { return load(path(name)); }, py::arg("name"))
      .def(
          "save", [path](PythonRule& rule, const py::object& to) { save(rule, path(to)); },
          py::arg("path"))
      .def_property(
          "theta",
          [](const py::object& self) {
            const auto& rule = self.cast<PythonRule&>().found.rule;
            return view(self, 0, {static_cast<py::ssize_t>(rule.theta.size())});
          },
          [](PythonRule& rule, const py::object& values) {
            // In place: arrays over the numbers stay what they are.
            const std::vector<float> theta = checked_theta(rule.found.rule.sizes, values);
            std::copy(theta.begin(), theta.end(), rule.found.rule.theta.begin());
          })
      .def_property_readonly("matrices", &matrices)
      .def_property_readonly("mix",
                             [](const py::object& self) {
                               return py::module_::import("metaplastic.rule").attr("Mix")(self);
                             })
      .def_property_readonly("terms", &terms)
      .def_property_readonly(
          "sizes", [](const PythonRule& rule) { return to_python(to_json(rule.found.rule.sizes)); })
      .def_property(
          "inner", [](const PythonRule& rule) { return to_python(to_json(rule.found.rule.inner)); },
          [](PythonRule& rule, const py::object& values) {
            load_json(to_json_value(values, "inner"), "inner", rule.found.rule.inner);
          })
      .def_property(
          "provenance",
          [](const PythonRule& rule) { return to_python(rule.found.rule.provenance); },
          [](PythonRule& rule, const py::object& values) {
            rule.found.rule.provenance = to_json_value(values, "provenance");
          })
      .def_property_readonly("name", [](const PythonRule& rule) { return rule.current().name; })
      .def_property_readonly("sha256", [](const PythonRule& rule) { return rule.current().sha256; })
      .def("__repr__", &text_of)
      .def(py::pickle(&get_state, &set_state));
  module.def("rule_from_config", &rule_from_config, py::arg("config_json"), py::arg("theta"),
             py::arg("provenance") = py::none());
}

}  // namespace metaplastic::python
