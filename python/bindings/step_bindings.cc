// Inner steps as a pure function of arrays (phi, batch, theta), in float and double, with its
// vector-Jacobian product. metaplastic/step.py is what users see.
#include <pybind11/stl.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/json_text.h"
#include "meta_state.h"
#include "rule/pure_step.h"
#include "rule_state.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

template <class T>
using Numbers = py::array_t<T, py::array::c_style>;

template <class T>
struct StepWorkspace {
  Tape<T> tape;
  std::vector<T> x, x_bar;  // [U_0,B], input-major
  std::vector<T> states;    // [K, phi_size]: phi before every step
};

// Workspaces that wait for a call; one belongs to one call at a time.
template <class T>
class IdleWorkspaces {
 public:
  std::unique_ptr<StepWorkspace<T>> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<StepWorkspace<T>>();
    auto workspace = std::move(idle_.back());
    idle_.pop_back();
    return workspace;
  }
  void give_back(std::unique_ptr<StepWorkspace<T>> workspace) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<StepWorkspace<T>>> idle_;
};

// out = rows^T of rows [first, second].
template <class T>
void transpose(const T* rows, py::ssize_t first, py::ssize_t second, T* out) {
  for (py::ssize_t i = 0; i < first; ++i)
    for (py::ssize_t j = 0; j < second; ++j) out[j * first + i] = rows[i * second + j];
}

// Of one call: where its arrays lie. Batches are [K,B,U] here.
template <class T>
struct StepCall {
  const T *phi, *batch, *theta;
  py::ssize_t K, B, U;
  const T* rows_of(py::ssize_t k) const { return batch + k * B * U; }
};

class NativeStep {
 public:
  NativeStep(const py::object& rule, std::vector<int> widths, const std::string& activation,
             double inner_lr, double homeostatic_share)
      : layout_(sizes_of(rule)), inner_lr_(inner_lr), homeostatic_share_(homeostatic_share) {
    architecture_.widths = std::move(widths);
    if (layout_.sizes().has_settings()) {
      fail(
          "meta.step: expected a rule with settings 'fixed', found '{}', which follows the data; "
          "take another rule",
          layout_.sizes().settings);
    }
    architecture_.activation = activation_from_name(activation);
    architecture_.validate();
  }

  std::int64_t num_phi() const { return architecture_.phi_size(); }
  std::int64_t num_theta() const { return layout_.size(); }
  bool has_two_views() const { return layout_.sizes().has_two_views(); }

  // [(name, offset, rows, columns)] of every matrix.
  py::list phi_entries() const {
    py::list entries;
    for (int l = 1; l <= architecture_.num_layers(); ++l) {
      const LayerOffsets at = layer_offsets(architecture_, l);
      const int lo = architecture_.widths[static_cast<std::size_t>(l - 1)],
                up = architecture_.widths[static_cast<std::size_t>(l)];
      entries.append(py::make_tuple(fmt::format("W{}", l), at.W, lo, up));
      entries.append(py::make_tuple(fmt::format("V{}", l), at.V, lo, up));
      entries.append(py::make_tuple(fmt::format("b{}", l), at.b, 1, up));
    }
    return entries;
  }
  py::list theta_entries() const {
    py::list entries;
    for (const ThetaEntry& entry : layout_.entries()) {
      entries.append(py::make_tuple(std::string(entry.name), entry.offset, entry.rows, entry.cols));
    }
    return entries;
  }

  // The bits that `apply` starts from.
  py::array_t<float> initial_phi(double weight_std, double bias_std, bool truncated,
                                 std::uint64_t seed) const {
    return to_array(make_phi<float>(architecture_, {weight_std, bias_std, truncated},
                                    Random(seed, Purpose::kPhiInit)));
  }

  template <class T>
  Numbers<T> forward(const Numbers<T>& phi, const Numbers<T>& batch, const Numbers<T>& theta) {
    const StepCall<T> call = call_of(phi, batch, theta);
    Numbers<T> next(phi.size());
    T* out = next.mutable_data();
    const py::gil_scoped_release release;
    auto workspace = idle<T>().take();
    workspace->x.resize(static_cast<std::size_t>(call.B * call.U));
    std::copy_n(call.phi, num_phi(), out);
    for (py::ssize_t k = 0; k < call.K; ++k) {
      transpose(call.rows_of(k), call.B, call.U, workspace->x.data());
      pure_step(workspace->tape, spec<T>(), out, batch_in(*workspace, call), call.theta, out);
    }
    idle<T>().give_back(std::move(workspace));
    return next;
  }

  // (phi_bar, batch_bar or None, theta_bar).
  template <class T>
  py::tuple vjp(const Numbers<T>& phi, const Numbers<T>& batch, const Numbers<T>& theta,
                const Numbers<T>& next_bar, bool with_batch) {
    const StepCall<T> call = call_of(phi, batch, theta);
    expect_size("phi_next_bar", next_bar.size(), num_phi());
    Numbers<T> phi_bar(phi.size()), theta_bar(theta.size());
    Numbers<T> batch_bar(with_batch ? batch.size() : 0);
    T *to_phi = phi_bar.mutable_data(), *to_theta = theta_bar.mutable_data(),
      *to_batch = with_batch ? batch_bar.mutable_data() : nullptr;
    const T* from_bar = next_bar.data();
    {
      const py::gil_scoped_release release;
      std::copy_n(from_bar, num_phi(), to_phi);
      std::fill_n(to_theta, num_theta(), T(0));
      run_backwards(call, to_phi, to_batch, to_theta);
    }
    return py::make_tuple(phi_bar, with_batch ? py::object(batch_bar) : py::none(), theta_bar);
  }

 private:
  static RuleSizes sizes_of(const py::object& rule) {
    if (py::isinstance<PythonRule>(rule)) return rule.cast<PythonRule&>().found.rule.sizes;
    RuleSizes sizes;
    const auto text = py::module_::import("json").attr("dumps")(rule).cast<std::string>();
    load_json(parse_json(text), "rule", sizes);
    sizes.validate("rule");
    return sizes;
  }

  static void expect_size(const char* name, std::int64_t found, std::int64_t expected) {
    if (found == expected) return;
    fail("{}: expected {} numbers for this step, found {}; use an array of its sizes", name,
         expected, found);
  }

  template <class T>
  IdleWorkspaces<T>& idle() {
    if constexpr (std::is_same_v<T, float>) return idle_;
    if constexpr (std::is_same_v<T, double>) return idle_double_;
  }

  template <class T>
  StepSpec<T> spec() const {
    return {layout_, architecture_, {T(inner_lr_), T(homeostatic_share_)}};
  }

  template <class T>
  StepCall<T> call_of(const Numbers<T>& phi, const Numbers<T>& batch,
                      const Numbers<T>& theta) const {
    expect_size("phi", phi.size(), num_phi());
    expect_size("theta", theta.size(), num_theta());
    const int U = architecture_.num_inputs();
    const bool even = batch.ndim() == 3 && (!has_two_views() || batch.shape(1) % 2 == 0);
    if (!even || batch.shape(0) < 1 || batch.shape(1) < 2 || batch.shape(2) != U) {
      fail(
          "batch: expected [B, {0}] or [K, B, {0}] with at least 2 examples{1}, found {2}; one row "
          "is an example",
          U, has_two_views() ? ", the first half followed by its second views" : "",
          fmt::join(batch.shape(), batch.shape() + batch.ndim(), " x "));
    }
    return {phi.data(), batch.data(), theta.data(), batch.shape(0), batch.shape(1), U};
  }

  template <class T>
  static StepBatch<T> batch_in(const StepWorkspace<T>& workspace, const StepCall<T>& call) {
    return {workspace.x.data(), static_cast<int>(call.B)};
  }

  // Keeps phi before every step, then takes the steps backwards.
  template <class T>
  void run_backwards(const StepCall<T>& call, T* phi_bar, T* batch_bar, T* theta_bar) {
    auto workspace = idle<T>().take();
    const auto batch_size = static_cast<std::size_t>(call.B * call.U);
    const std::int64_t size = num_phi();
    workspace->x.resize(batch_size);
    workspace->states.resize(static_cast<std::size_t>(call.K * size));
    T* states = workspace->states.data();
    std::copy_n(call.phi, size, states);
    for (py::ssize_t k = 0; k + 1 < call.K; ++k) {
      transpose(call.rows_of(k), call.B, call.U, workspace->x.data());
      pure_step(workspace->tape, spec<T>(), states + k * size, batch_in(*workspace, call),
                call.theta, states + (k + 1) * size);
    }
    for (py::ssize_t k = call.K - 1; k >= 0; --k) {
      transpose(call.rows_of(k), call.B, call.U, workspace->x.data());
      workspace->x_bar.assign(batch_bar ? batch_size : 0, T(0));
      pure_step_vjp(workspace->tape, spec<T>(), states + k * size, batch_in(*workspace, call),
                    call.theta, phi_bar, batch_bar ? workspace->x_bar.data() : nullptr, theta_bar);
      if (batch_bar) {
        transpose(workspace->x_bar.data(), call.U, call.B, batch_bar + k * call.B * call.U);
      }
    }
    idle<T>().give_back(std::move(workspace));
  }

  const ThetaLayout layout_;
  Architecture architecture_;
  const double inner_lr_, homeostatic_share_;
  IdleWorkspaces<float> idle_;
  IdleWorkspaces<double> idle_double_;
};

}  // namespace

void add_step(py::module_& module) {
  module.attr("HOMEOSTATIC_SHARE") = kNeighbourhood.homeostatic_share;
  py::class_<NativeStep>(module, "NativeStep")
      .def(py::init<const py::object&, std::vector<int>, const std::string&, double, double>(),
           py::arg("rule"), py::arg("widths"), py::arg("activation"), py::arg("inner_lr"),
           py::arg("homeostatic_share"))
      .def_property_readonly("num_phi", &NativeStep::num_phi)
      .def_property_readonly("num_theta", &NativeStep::num_theta)
      .def_property_readonly("has_two_views", &NativeStep::has_two_views)
      .def_property_readonly("phi_entries", &NativeStep::phi_entries)
      .def_property_readonly("theta_entries", &NativeStep::theta_entries)
      .def("initial_phi", &NativeStep::initial_phi, py::arg("weight_std"), py::arg("bias_std"),
           py::arg("truncated"), py::arg("seed"))
      .def("forward", &NativeStep::forward<float>, py::arg("phi").noconvert(),
           py::arg("batch").noconvert(), py::arg("theta").noconvert())
      .def("forward", &NativeStep::forward<double>, py::arg("phi").noconvert(),
           py::arg("batch").noconvert(), py::arg("theta").noconvert())
      .def("vjp", &NativeStep::vjp<float>, py::arg("phi").noconvert(), py::arg("batch").noconvert(),
           py::arg("theta").noconvert(), py::arg("next_bar").noconvert(), py::arg("with_batch"))
      .def("vjp", &NativeStep::vjp<double>, py::arg("phi").noconvert(),
           py::arg("batch").noconvert(), py::arg("theta").noconvert(),
           py::arg("next_bar").noconvert(), py::arg("with_batch"));
}

}  // namespace metaplastic::python
