// One truncation: K inner steps, the meta-objective after some of them, and its gradient.
// [paper: section 3.4; docs/method.md, "The gradient"]
//
// Memory: K + 1 states of phi, and the tapes of the last steps as far as `kept_bytes` goes. The
// steps before them are computed again for the gradient, one at a time.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "neighbours/constants.h"
#include "objective/judge.h"
#include "rule/pure_step.h"
#include "rule/theta.h"

namespace metaplastic {

// Where a truncation's data comes from. Spans stay valid until the next truncation.
template <class T>
class TruncationData {
 public:
  virtual ~TruncationData() = default;
  // The unlabelled batch [U_0,B] of inner step k = 0..K-1. Called once per k.
  virtual std::span<const T> inner_batch(int k) = 0;
  // What the units of the base model aim at (StepSettings), once a batch was asked for.
  virtual double homeostatic_share() const { return kNeighbourhood.homeostatic_share; }
  // The labelled draw on which the state after step k is judged. It stays until the next call.
  virtual const Probe<T>& probe(int k) = 0;
};

template <class T>
struct TruncationSettings : JudgeSettings<T> {
  int K = 1;
  int objective_every = 1;  // counted from the end: the last state is always judged
  // Instead, where it is not empty: judged are the states after so many steps, all by the probe of
  // the last step, and the soft minimum over them counts, as a user chooses where to stop.
  std::set<int> stops = {};
  T inner_lr = T(0.02);
  // StepSettings:
  T bias_pace = StepSettings<T>().bias_pace;
  T keep = StepSettings<T>().keep;
  bool step_gradient = false;  // StepBar and inputs_bar are wanted
  // Judged is the mean over about this share of the steps so far, as rules are applied
  // (model/mlp.h:update_phi_mean); 0: the state itself. For windows that begin a trajectory.
  double mean_share = 0;
  // What the tapes of a gradient's last steps may take, beside that of one step. The results have
  // the same bits whatever it is.
  std::size_t kept_bytes = std::size_t{512} << 20;
  T largest_bar = T(0);  // the backward sweep ends where the norm of phi_bar is above; 0: never
};

struct TruncationResult {
  double meta_loss = 0;  // mean, or soft minimum, over the judged states
  double accuracy = 0;   // of the query, weighted likewise
  int num_judged = 0;
  bool finite = true;  // loss, gradient and final phi
  bool tame = true;  // false: the sweep ended early (largest_bar), loss and gradient are of a part
};

// Buffers of one thread; they grow to what is needed and stay.
template <class T>
struct TruncationWorkspace {
  Tape<T> tape;
  Tape<T> kept;                // the last steps of a truncation, one after the other
  std::vector<T> states;       // [K + 1, phi_size]
  std::vector<T> phi_bar;      // [phi_size]
  std::vector<T> means;        // [judged states, phi_size], where means are judged
  std::vector<T> judged_bars;  // [judged states, phi_size]: d meta_loss / d each
  std::vector<T> mean_bar;     // [phi_size]
  StepBar<T> step_bar;         // of the last gradient, where it was wanted
  T inputs_bar = 0;            // likewise: d meta_loss / d settings.inputs
};

// Unrolls from phi (in) to phi (out: the last state), adds d meta_loss / d theta to theta_bar [P].
// workspace.phi_bar holds d meta_loss / d phi (of the first state) afterwards.
template <class T>
TruncationResult truncated_gradient(const ThetaLayout& layout, const T* theta,
                                    const Architecture& architecture, std::vector<T>& phi,
                                    const TruncationSettings<T>& settings, TruncationData<T>& data,
                                    TruncationWorkspace<T>& workspace, T* theta_bar);

// The same truncation and meta-loss without a gradient: a third to a quarter of the work.
template <class T>
TruncationResult truncated_loss(const ThetaLayout& layout, const T* theta,
                                const Architecture& architecture, std::vector<T>& phi,
                                const TruncationSettings<T>& settings, TruncationData<T>& data,
                                Tape<T>& tape);

// num_steps inner steps without a gradient; step k uses data.inner_batch(k).
template <class T>
void unroll(const ThetaLayout& layout, const T* theta, const Architecture& architecture,
            std::vector<T>& phi, int num_steps, const TruncationSettings<T>& settings,
            TruncationData<T>& data, Tape<T>& tape);

}  // namespace metaplastic
