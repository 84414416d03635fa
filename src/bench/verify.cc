#include "bench/verify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/error.h"
#include "bench/truncation_case.h"

namespace metaplastic {
namespace {

// |value - expected| / |expected - reference|, Euclidean; not a number when anything is not finite.
double relative_error(const std::vector<float>& value, const std::vector<double>& expected,
                      const std::vector<float>& reference, double share) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double passed = reference.empty() ? 0 : share * static_cast<double>(reference[i]);
    error += std::pow(static_cast<double>(value[i]) - expected[i], 2);
    norm += std::pow(expected[i] - passed, 2);
  }
  return std::sqrt(error / norm);
}

// Forward. Rounding errors of a sum of n terms add like a random walk: eps sqrt(n) of the norm.
// The longest sums are norm's moments over the U B values of a channel and the products over B G
// and U; a layer chains six of them (product, norm, statistics, product, norm, readout), one of
// metz2019 fourteen (features, six times product and norm, readout), and every normalisation keeps
// relative errors as they are. So eps sqrt(U B) 6 (L + 1) or 14 (L + 1); lr step is added to phi in
// float, which adds eps |phi| / |lr step|, at most eps / lr as steps are of order one.
double forward_bound(const StepCase& step_case) {
  constexpr double kEps = std::numeric_limits<float>::epsilon() / 2;
  const double U = *std::ranges::max_element(step_case.architecture.widths);
  const double chain = step_case.sizes.is_metz2019() ? 14 : 6;
  return kEps * (std::sqrt(U * step_case.B) * chain * (step_case.architecture.num_layers() + 1) +
                 1 / static_cast<double>(kBenchInnerLr));
}

// Adjoint. Two chains of that length; and where the two forward passes fall on different sides of
// a ReLU's kink, bars of order one are wrong: with a forward error e that is a share of about
// 0.4 e of them (the density of a normal at zero), so that the norm is off by sqrt(0.4 e). Bars of
// the top layer are a few times larger than others, hence the 3. Over random inputs the error is
// either 4e-6 (no flip) or 1e-4 to 7e-3 (some), with every instruction set alike.
double adjoint_bound(double forward) { return 2 * forward + 3 * std::sqrt(0.4 * forward); }

void check(const StepCase& step_case, const char* what, double error, double bound) {
  if (error <= bound) return;  // false also for what is not a number
  throw std::runtime_error(fmt::format("{}: {} in float is off by {:.2g} from double, bound {:.2g}",
                                       step_case.name, what, error, bound));
}

}  // namespace

Agreement verify_case(const StepCase& step_case) {
  const StepInputs inputs = make_step_inputs(step_case);
  const std::vector<float> none;
  Agreement agreement;
  agreement.forward_bound = forward_bound(step_case);
  agreement.adjoint_bound = adjoint_bound(agreement.forward_bound);
  {
    StepRunner<float> fast(step_case, inputs);
    StepRunner<double> twin(step_case, inputs);
    fast.apply();
    twin.apply();
    agreement.forward = relative_error(fast.next(), twin.next(), inputs.phi, 1);
    fast.forward_adjoint();
    twin.forward_adjoint();
    agreement.theta_bar = relative_error(fast.theta_bar(), twin.theta_bar(), none, 0);
    agreement.phi_bar = relative_error(fast.phi_bar(), twin.phi_bar(), inputs.next_bar,
                                       1 - static_cast<double>(kBenchInnerLr));
  }
  const TruncationResult fast = TruncationRunner<float>(step_case, inputs).run();
  const TruncationResult twin = TruncationRunner<double>(step_case, inputs).run();
  agreement.truncation_loss = std::abs(fast.meta_loss - twin.meta_loss);
  if (!fast.finite) {
    throw std::runtime_error(step_case.name + ": a truncation's gradient is not finite");
  }
  check(step_case, "the new phi", agreement.forward, agreement.forward_bound);
  check(step_case, "theta_bar", agreement.theta_bar, agreement.adjoint_bound);
  check(step_case, "phi_bar", agreement.phi_bar, agreement.adjoint_bound);
  // K steps, each of which hands its error on; the cosine distance has slope at most one.
  check(step_case, "a truncation's meta-loss", agreement.truncation_loss,
        TruncationRunner<float>::kK * agreement.forward_bound);
  return agreement;
}

}  // namespace metaplastic
