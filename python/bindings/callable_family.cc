#include "callable_family.h"

#include <pybind11/stl.h>

#include <algorithm>

#include "array_data.h"
#include "base/error.h"
#include "base/sha256.h"
#include "tasks/class_table.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

const char* split_name(Split split) { return split == Split::kTrain ? "train" : "validation"; }

class CallableFamily : public TaskFamily {
 public:
  CallableFamily(py::object family, const TaskConfig& config)
      : family_(std::move(family)),
        name_(family_.attr("name").cast<std::string>()),
        min_classes_(config.min_classes),
        max_classes_(config.max_classes),
        image_side_(config.image_side) {
    constexpr std::uint64_t kFirstSeed = 1;
    const ClassTable first = draw(Split::kTrain, kFirstSeed);
    const ClassTable again = draw(Split::kTrain, kFirstSeed);
    if (first.rows != again.rows || first.rows_of_class != again.rows_of_class) {
      fail(
          "task family '{}': expected the same rows from a generator with the same seed, found "
          "others; draw all random numbers from rng",
          name_);
    }
    const ClassTable validation = draw(Split::kValidation, kFirstSeed);
    Sha256 digest;
    digest.update(std::as_bytes(std::span(first.rows)));
    digest.update(std::as_bytes(std::span(validation.rows)));
    description_ = fmt::format("{}: {}, first task {} rows of {} numbers in {} classes, sha256 {}",
                               name_, family_.attr("describe")().cast<std::string>(),
                               first.rows.size() / static_cast<std::size_t>(first.num_inputs),
                               first.num_inputs, first.rows_of_class.size(), digest.hex_digest());
  }
  ~CallableFamily() override {
    const py::gil_scoped_acquire acquire;
    family_ = py::object();
  }
  CallableFamily(const CallableFamily&) = delete;
  CallableFamily& operator=(const CallableFamily&) = delete;

  std::string_view name() const override { return name_; }
  std::string describe() const override { return description_; }
  // The callable decides, within what the config allows.
  int max_classes(Split) const override { return max_classes_; }
  std::unique_ptr<ClassSet> draw_classes(Split split, int, Random& random) const override {
    const std::uint64_t seed = draw_seed(random);
    auto table = std::make_shared<const ClassTable>(draw(split, seed));
    const auto num_classes = static_cast<int>(table->rows_of_class.size());
    return draw_from_table(std::move(table), num_classes, random);
  }

 private:
  // A task's rows: a function of the split and the seed.
  ClassTable draw(Split split, std::uint64_t seed) const {
    const py::gil_scoped_acquire acquire;
    try {
      const auto [X, classes] = family_.attr("draw")(seed, split_name(split))
                                    .cast<std::pair<py::object, std::vector<int>>>();
      const Dataset data = make_dataset(X, std::nullopt);
      if (static_cast<std::size_t>(data.num_rows()) != classes.size()) {
        fail("expected as many labels as rows, found {} and {}", classes.size(), data.num_rows());
      }
      ClassTable table;
      {
        const py::gil_scoped_release release;
        table = table_of(data, image_side_);
        take_classes(split, classes, table);
      }
      return table;
    } catch (const Error& error) {
      fail("task family '{}' ({}): {}", name_, split_name(split), error.what());
    } catch (py::error_already_set& error) {
      if (!error.matches(py::module_::import("metaplastic").attr("Error"))) throw;
      fail("task family '{}' ({}): {}", name_, split_name(split),
           py::str(error.value()).cast<std::string>());
    }
  }

  void take_classes(Split split, const std::vector<int>& classes, ClassTable& table) const {
    const int count = classes.empty() ? 0 : 1 + *std::ranges::max_element(classes);
    const int least = split == Split::kTrain ? min_classes_ : 2;
    if (count < least || count > max_classes_) {
      fail(
          "expected {} to {} classes in y, found {}; return others, or change tasks.min_classes or "
          "tasks.max_classes",
          least, max_classes_, count);
    }
    table.rows_of_class.resize(static_cast<std::size_t>(count));
    for (std::size_t row = 0; row < classes.size(); ++row) {
      table.rows_of_class[static_cast<std::size_t>(classes[row])].push_back(static_cast<int>(row));
    }
    const auto few = std::ranges::min(table.rows_of_class, {}, &std::vector<int>::size).size();
    if (few < ClassTable::kMinRows) {
      fail("expected at least {} rows of each class, found a class of {}; return more rows",
           ClassTable::kMinRows, few);
    }
  }

  py::object family_;
  std::string name_, description_;
  int min_classes_, max_classes_, image_side_;
};

}  // namespace

SuppliedFamilies callable_families(const py::sequence& families, const TaskConfig& config) {
  SuppliedFamilies supplied;
  for (const py::handle family : families) {
    supplied.push_back(
        std::make_shared<CallableFamily>(py::reinterpret_borrow<py::object>(family), config));
  }
  return supplied;
}

}  // namespace metaplastic::python
