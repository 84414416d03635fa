// One case as a file, so that another program can run the same step and compare.
#include "bench/bench.h"
#include "bench/step_case.h"
#include "io/safetensors.h"

namespace metaplastic {
namespace {

template <class T>
void add_theta(TensorFile& file, const std::string& prefix, const ThetaLayout& layout,
               const std::vector<T>& values) {
  for (const ThetaEntry& entry : layout.entries()) {
    const std::span<const T> part(values.data() + entry.offset,
                                  static_cast<std::size_t>(entry.size()));
    file.tensors.push_back(
        make_tensor(prefix + std::string(entry.name), {entry.rows, entry.cols}, part));
  }
}

template <class T>
void add_phi(TensorFile& file, const std::string& prefix, const Architecture& architecture,
             const std::vector<T>& values) {
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const auto up = static_cast<std::size_t>(l);
    const int lo_units = architecture.widths[up - 1], up_units = architecture.widths[up];
    const LayerOffsets offsets = layer_offsets(architecture, l);
    const auto weights = static_cast<std::size_t>(lo_units) * static_cast<std::size_t>(up_units);
    const auto add = [&](const char* name, std::int64_t offset, std::vector<std::int64_t> shape,
                         std::size_t count) {
      file.tensors.push_back(make_tensor(fmt::format("{}{}{}", prefix, name, l), std::move(shape),
                                         std::span<const T>(values.data() + offset, count)));
    };
    add("W", offsets.W, {lo_units, up_units}, weights);
    add("V", offsets.V, {lo_units, up_units}, weights);
    add("b", offsets.b, {up_units}, static_cast<std::size_t>(up_units));
  }
}

// next.*, theta_bar.* and phi_bar.*, each name with `suffix` in front of its dot.
template <class T>
void add_results(TensorFile& file, const std::string& suffix, const StepCase& step_case,
                 const StepInputs& inputs) {
  StepRunner<T> runner(step_case, inputs);
  runner.apply();
  add_phi(file, "next" + suffix + ".", step_case.architecture, runner.next());
  runner.forward_adjoint();
  add_theta(file, "theta_bar" + suffix + ".", ThetaLayout(step_case.sizes), runner.theta_bar());
  add_phi(file, "phi_bar" + suffix + ".", step_case.architecture, runner.phi_bar());
}

}  // namespace

void dump_step_case(const std::string& case_name, const std::string& path) {
  const StepCase& step_case = find_step_case(case_name);
  const StepInputs inputs = make_step_inputs(step_case);
  const ThetaLayout layout(step_case.sizes);
  TensorFile file;
  add_theta(file, "theta.", layout, inputs.theta);
  add_phi(file, "phi.", step_case.architecture, inputs.phi);
  file.tensors.push_back(make_tensor("x", {step_case.architecture.num_inputs(), step_case.B},
                                     std::span<const float>(inputs.x)));
  add_phi(file, "next_bar.", step_case.architecture, inputs.next_bar);
  add_results<float>(file, "", step_case, inputs);
  add_results<double>(file, "_f64", step_case, inputs);
  file.metadata = {{"kind", "bench case"},
                   {"case", step_case.name},
                   {"preset", step_case.sizes.preset},
                   {"C", std::to_string(step_case.sizes.C)},
                   {"D", std::to_string(step_case.sizes.D)},
                   {"G", std::to_string(step_case.sizes.G)},
                   {"num_layers", std::to_string(step_case.architecture.num_layers())},
                   {"inner_lr", fmt::format("{:.17g}", static_cast<double>(kBenchInnerLr))}};
  write_safetensors(path, file);
}

}  // namespace metaplastic
