// The meta-objective of one state of phi: which layers, which norm, which loss.
// [paper: section 3.3; docs/method.md, "Meta-objective"]
#pragma once

#include <span>
#include <vector>

#include "model/mlp.h"
#include "objective/ridge.h"

namespace metaplastic {

// A labelled draw for the objective: support to fit, query to judge. With places, an example is
// several columns, and what a layer makes of them is pooled before it is read (pool_places).
template <class T>
struct Probe {
  int num_support = 0, num_query = 0;
  PlaceGrid grid;
  std::vector<T> support;  // [U_0,N places]
  std::vector<T> query;    // [U_0,N_query places]
  ProbeTargets<T> targets;
};

// Keeps the slope of the root finite where no place answers.
constexpr double kPoolEps = 1e-4;
// x [U,1,N places] -> [U cells,1,N]; x itself where there is one place.
template <class T>
Var<T> pooled(Tape<T>& tape, const Var<T>& x, const PlaceGrid& grid) {
  return grid.places() == 1 ? x : pool_places(tape, x, grid, static_cast<T>(kPoolEps));
}

// Inputs stand beside features as if a unit's answers had this variance, about that of a standard
// normal number of which the negative half is cut off: they then weigh as much in all.
constexpr double kUnitVariance = 0.34;

// Which representations the meta-objective reads.
enum class JudgedLayers {
  kTop,
  kAll,   // the mean over layers and penalties
  kBest,  // the soft minimum -t log mean exp(-loss / t) over them, t = kLayerTemperature
};
constexpr double kLayerTemperature = 0.03;

struct SoftMinimum {
  double value = 0;
  std::vector<double> shares;  // d value / d loss of each
};
SoftMinimum soft_minimum(std::span<const double> losses);

template <class T>
struct JudgeSettings {
  T lambda = T(0.1);
  std::vector<T> further_lambdas = {};  // each judged layer is read with each penalty
  JudgedLayers judged_layers = JudgedLayers::kTop;
  ProbeLoss loss = ProbeLoss::kCosine;
  // One more readout: all layers side by side with the inputs beside them, as evaluate offers. Not
  // of the top layer alone, nor of an example with places.
  bool joint_readout = false;
  bool joint_norm = false;  // of support and query together; else each has a batch norm of its own
  // Inputs beside features are multiplied by this once more (rule/rule_settings.h, "inputs").
  T inputs = T(1);
  const Var<T>* inputs_leaf = nullptr;  // [1,1], of that value: its bar becomes d loss / d inputs
};

// The meta-objective of one state.
struct Judgement {
  double meta_loss = 0;
  double accuracy = 0;  // of the query
};

// [U_0,1,B]; x [U_0,B] must outlive the tape's values.
template <class T>
Var<T> batch_of(Tape<T>& tape, const Architecture& architecture, std::span<const T> x);

// The objective of every judged layer with every penalty, on a tape that the caller has reset.
template <class T>
struct JudgedState {
  std::vector<RidgeResult<T>> readouts;  // layers outside, penalties inside
  std::vector<double> shares;            // d meta_loss / d loss of each
  Judgement judgement;
};
template <class T>
JudgedState<T> judge_on_tape(Tape<T>& tape, const PhiVars<T>& phi, const Architecture& architecture,
                             const Probe<T>& probe, const JudgeSettings<T>& settings);

// The meta-objective at phi, without a gradient.
template <class T>
Judgement judge(const Architecture& architecture, const T* phi, const Probe<T>& probe,
                const JudgeSettings<T>& settings, Tape<T>& tape);

}  // namespace metaplastic
