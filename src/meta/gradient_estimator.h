// The seam between the outer loop and the ways of estimating the meta-gradient.
// [docs/estimators.md has the formulas, and the measured bias and variance of each]
//
// An estimate is a pure function: (options, problem, theta, state, seed) -> (gradient, state). It
// keeps nothing between calls, so a state may be saved, sent to another machine, and go on there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "meta/meta_config.h"
#include "meta/truncation.h"

namespace metaplastic {

// Where one trajectory of the inner loop stands.
struct TrajectoryState {
  std::int64_t inner_step = 0;
  std::int64_t truncation = 0;  // truncations done
  std::vector<float> phi;       // the inner state under theta itself
  // Only for estimators whose perturbed copies live on across truncations (persistent ES):
  std::vector<std::vector<float>> particles;      // [2 pairs] of phi: +, - of pair 0, of pair 1, ..
  std::vector<std::vector<float>> perturbations;  // [pairs] of [P]: sums of the + copy's noise
};

// The inner steps of one truncation.
struct Window {
  std::int64_t first_step = 0;
  std::int64_t truncation = 0;
  int K = 1;
};

// What evolution strategies may shift in one trajectory.
enum class Shifted {
  kRough,           // settings that an inner step has no derivative by (rule/rule_settings.h)
  kMixAndSettings,  // the mix, in units that suit both, and all settings
};

// One trajectory of an inner loop, as far as estimators know it. The same window holds the same
// data however often it is run.
class InnerProblem {
 public:
  virtual ~InnerProblem() = default;
  virtual std::uint64_t task_index() const = 0;
  virtual std::int64_t num_inner_steps() const = 0;  // T: no estimate starts at or after it
  virtual Window window(std::int64_t inner_step, std::int64_t truncation) const = 0;
  // Sets to 0 what of a perturbation [P] belongs to numbers that are not trained.
  virtual void keep_trained(std::span<float>) const {}

  // The few numbers that theta comes to on this task. All later runs have `shift` [n] added to
  // them; one kind at a time.
  virtual std::size_t num_shifted(Shifted) const { return 0; }
  virtual void shift(Shifted, std::span<const float>) {}
  // Adds to theta_bar [P] what a derivative by them, bar [n], means for theta.
  virtual void add_shift_bar(Shifted, std::span<const float> /*theta*/,
                             std::span<const float> /*bar*/, std::span<float> /*theta_bar*/) {}

  // Each of these moves phi to the state after the window.
  virtual void advance(const Window& window, std::span<const float> theta,
                       std::vector<float>& phi) = 0;
  virtual TruncationResult loss(const Window& window, std::span<const float> theta,
                                std::vector<float>& phi) = 0;
  // Adds d meta_loss / d theta, phi at the window's start held constant, to theta_bar [P].
  virtual TruncationResult gradient(const Window& window, std::span<const float> theta,
                                    std::vector<float>& phi, std::span<float> theta_bar) = 0;
};

class GradientEstimator {
 public:
  virtual ~GradientEstimator() = default;
  // Overwrites gradient [P]; moves the state on by a truncation (full-es: to the trajectory's
  // end). Any number of threads may call it, each with its own problem, state and gradient.
  // Where the result is not finite, gradient and state are not to be used.
  virtual TruncationResult estimate(InnerProblem& problem, std::span<const float> theta,
                                    std::uint64_t seed, TrajectoryState& state,
                                    std::span<float> gradient) const = 0;
};

std::unique_ptr<GradientEstimator> make_estimator(const EstimatorConfig& config);

// The noise of one antithetic pair in one truncation, sigma times a standard normal per number of
// theta: a function of its arguments alone.
void draw_perturbation(std::uint64_t seed, std::uint64_t task_index, std::int64_t truncation,
                       int pair, double sigma, std::span<float> noise);

}  // namespace metaplastic
