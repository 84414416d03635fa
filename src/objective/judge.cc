#include "objective/judge.h"

#include <algorithm>
#include <cmath>

namespace metaplastic {
namespace {

// Of every layer of phi on the support and on the query, [U_l,1,N] each; index 0 is unused.
template <class T>
struct ProbeFeatures {
  std::array<Var<T>, kMaxLayers + 1> support, query;
};

template <class T>
ProbeFeatures<T> features_normed_apart(Tape<T>& tape, const PhiVars<T>& phi,
                                       const Architecture& architecture, const Probe<T>& probe) {
  const auto layers = [&](const std::vector<T>& x) {
    const Var<T> batch = batch_of(tape, architecture, std::span<const T>(x));
    auto found = forward(tape, phi, architecture.activation, batch).x;
    for (std::size_t l = 1; l <= static_cast<std::size_t>(phi.num_layers); ++l) {
      found[l] = pooled(tape, found[l], probe.grid);
    }
    return found;
  };
  const auto support = layers(probe.support);
  return {support, layers(probe.query)};
}

// Support and query are halves of one batch.
template <class T>
ProbeFeatures<T> features_normed_jointly(Tape<T>& tape, const PhiVars<T>& phi,
                                         const Architecture& architecture, const Probe<T>& probe) {
  METAPLASTIC_CHECK(probe.num_support == probe.num_query);
  const int U = architecture.num_inputs(), N = probe.num_support * probe.grid.places();
  T* joined = tape.scratch(std::ptrdiff_t{2} * U * N);
  for (std::ptrdiff_t u = 0; u < U; ++u) {
    std::copy_n(probe.support.data() + u * N, N, joined + 2 * u * N);
    std::copy_n(probe.query.data() + u * N, N, joined + (2 * u + 1) * N);
  }
  const auto x = forward(tape, phi, architecture.activation, tape.constant(joined, U, 1, 2 * N)).x;
  ProbeFeatures<T> features;
  for (std::size_t l = 1; l <= static_cast<std::size_t>(phi.num_layers); ++l) {
    features.support[l] = pooled(tape, half_of(tape, x[l], 0), probe.grid);
    features.query[l] = pooled(tape, half_of(tape, x[l], 1), probe.grid);
  }
  return features;
}

// The objective on a tape that was reset by the caller, for each judged layer and penalty.
template <class T>
std::vector<RidgeResult<T>> objectives(Tape<T>& tape, const PhiVars<T>& phi,
                                       const Architecture& architecture, const Probe<T>& probe,
                                       const JudgeSettings<T>& settings) {
  const ProbeFeatures<T> features = settings.joint_norm
                                        ? features_normed_jointly(tape, phi, architecture, probe)
                                        : features_normed_apart(tape, phi, architecture, probe);
  const auto top = static_cast<std::size_t>(architecture.num_layers());
  std::vector<RidgeResult<T>> results;
  for (std::size_t l = settings.judged_layers == JudgedLayers::kTop ? top : 1; l <= top; ++l) {
    const auto read = [&](T lambda) {
      results.push_back(ridge_objective(tape, features.support[l], features.query[l], probe.targets,
                                        lambda, settings.loss));
    };
    read(settings.lambda);
    for (const T lambda : settings.further_lambdas) read(lambda);
  }
  return results;
}

// d loss of all readouts / d loss of each.
template <class T>
std::vector<double> readout_shares(const std::vector<RidgeResult<T>>& results,
                                   JudgedLayers judged) {
  std::vector<double> shares(results.size(), 1.0 / static_cast<double>(results.size()));
  if (judged != JudgedLayers::kBest) return shares;
  double total = 0;
  for (std::size_t l = 0; l < results.size(); ++l) {
    const auto worse = static_cast<double>(results[l].loss.data[0] - results[0].loss.data[0]);
    total += shares[l] = std::exp(-worse / kLayerTemperature);
  }
  for (double& share : shares) share /= total;
  return shares;
}

template <class T>
Judgement judgement_of(const std::vector<RidgeResult<T>>& results,
                       const std::vector<double>& shares, JudgedLayers judged) {
  Judgement judgement;
  for (std::size_t l = 0; l < results.size(); ++l) {
    judgement.meta_loss += shares[l] * static_cast<double>(results[l].loss.data[0]);
    judgement.accuracy += shares[l] * results[l].accuracy;
  }
  if (judged == JudgedLayers::kBest) {
    // The soft minimum: its shares times the losses, and their entropy against equal shares.
    for (const double share : shares) {
      if (share <= 0) continue;
      judgement.meta_loss +=
          kLayerTemperature * share * std::log(share * static_cast<double>(shares.size()));
    }
  }
  return judgement;
}

}  // namespace

template <class T>
Var<T> batch_of(Tape<T>& tape, const Architecture& architecture, std::span<const T> x) {
  const int U = architecture.num_inputs();
  METAPLASTIC_CHECK(!x.empty() && x.size() % static_cast<std::size_t>(U) == 0);
  return tape.constant(x.data(), U, 1, static_cast<int>(x.size()) / U);
}

template <class T>
JudgedState<T> judge_on_tape(Tape<T>& tape, const PhiVars<T>& phi, const Architecture& architecture,
                             const Probe<T>& probe, const JudgeSettings<T>& settings) {
  JudgedState<T> judged;
  judged.readouts = objectives(tape, phi, architecture, probe, settings);
  judged.shares = readout_shares(judged.readouts, settings.judged_layers);
  judged.judgement = judgement_of(judged.readouts, judged.shares, settings.judged_layers);
  return judged;
}

template <class T>
Judgement judge(const Architecture& architecture, const T* phi, const Probe<T>& probe,
                const JudgeSettings<T>& settings, Tape<T>& tape) {
  tape.reset(false);
  return judge_on_tape(tape, phi_leaves(tape, architecture, phi), architecture, probe, settings)
      .judgement;
}

#define METAPLASTIC_INSTANTIATE(T)                                                        \
  template Var<T> batch_of(Tape<T>&, const Architecture&, std::span<const T>);            \
  template JudgedState<T> judge_on_tape(Tape<T>&, const PhiVars<T>&, const Architecture&, \
                                        const Probe<T>&, const JudgeSettings<T>&);        \
  template Judgement judge(const Architecture&, const T*, const Probe<T>&,                \
                           const JudgeSettings<T>&, Tape<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
