// A rule as Python holds it, and what the other bindings make of an argument that is a rule.
#pragma once

#include <pybind11/pybind11.h>

#include "apply/find_rule.h"

namespace metaplastic::python {

// Python's metaplastic.Rule. Its theta never changes its length: arrays over it stay valid.
struct PythonRule {
  FoundRule found;
  Rule loaded;  // as it was loaded; without theta for one that was made in Python

  // What training records: the file it came from, unless something was changed since.
  FoundRule current() const;
};

// Of a name, a path, or a metaplastic.Rule. Throws Error.
FoundRule rule_of(const pybind11::object& rule);

}  // namespace metaplastic::python
