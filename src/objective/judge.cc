#include "objective/judge.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace metaplastic {
namespace {

// Of every layer of phi on the support and on the query, [U_l,1,N] each; index 0: the inputs.
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
  features.support[0] = batch_of(tape, architecture, std::span<const T>(probe.support));
  features.query[0] = batch_of(tape, architecture, std::span<const T>(probe.query));
  return features;
}

// What the inputs are multiplied by beside num_features answers of units.
template <class T>
T scale_of_inputs(const std::vector<T>& x, int num_inputs, int num_features) {
  const std::size_t N = x.size() / static_cast<std::size_t>(num_inputs);
  double variance = 0;
  for (std::size_t u = 0; u < static_cast<std::size_t>(num_inputs); ++u) {
    double sum = 0, square = 0;
    for (std::size_t n = 0; n < N; ++n) {
      const auto value = static_cast<double>(x[u * N + n]);
      sum += value;
      square += value * value;
    }
    const auto count = static_cast<double>(N);
    variance += square / count - sum / count * (sum / count);
  }
  return variance > 0 ? static_cast<T>(std::sqrt(num_features * kUnitVariance / variance)) : T(1);
}

template <class T>
Var<T> joint_features(Tape<T>& tape, const std::array<Var<T>, kMaxLayers + 1>& x,
                      std::size_t num_layers, T input_scale, const JudgeSettings<T>& settings) {
  Var<T> joined;
  if (settings.inputs_leaf) {
    const std::span<const Var<T>> inputs(&x[0], 1);
    joined = side_by_side(tape, mix(tape, inputs, *settings.inputs_leaf, input_scale), T(1), x[1]);
  } else {
    joined = side_by_side(tape, x[0], settings.inputs * input_scale, x[1]);
  }
  for (std::size_t l = 2; l <= num_layers; ++l) joined = side_by_side(tape, joined, T(1), x[l]);
  return joined;
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
  const auto read = [&](const Var<T>& support, const Var<T>& query) {
    const auto with = [&](T lambda) {
      results.push_back(
          ridge_objective(tape, support, query, probe.targets, lambda, settings.loss));
    };
    with(settings.lambda);
    for (const T lambda : settings.further_lambdas) with(lambda);
  };
  for (std::size_t l = settings.judged_layers == JudgedLayers::kTop ? top : 1; l <= top; ++l)
    read(features.support[l], features.query[l]);
  if (settings.joint_readout && probe.grid.places() == 1) {
    int num_features = 0;
    for (std::size_t l = 1; l <= top; ++l) num_features += features.support[l].units();
    const T scale = scale_of_inputs(probe.support, architecture.num_inputs(), num_features);
    read(joint_features(tape, features.support, top, scale, settings),
         joint_features(tape, features.query, top, scale, settings));
  }
  return results;
}

// What the readouts come to, and d meta_loss / d loss of each.
template <class T>
std::pair<Judgement, std::vector<double>> judgement_of(const std::vector<RidgeResult<T>>& results,
                                                       JudgedLayers judged) {
  std::vector<double> losses;
  for (const RidgeResult<T>& result : results)
    losses.push_back(static_cast<double>(result.loss.data[0]));
  std::vector<double> shares(results.size(), 1.0 / static_cast<double>(results.size()));
  Judgement judgement;
  if (judged == JudgedLayers::kBest) {
    SoftMinimum minimum = soft_minimum(losses);
    judgement.meta_loss = minimum.value;
    shares = std::move(minimum.shares);
  } else {
    for (std::size_t l = 0; l < losses.size(); ++l) judgement.meta_loss += shares[l] * losses[l];
  }
  for (std::size_t l = 0; l < results.size(); ++l)
    judgement.accuracy += shares[l] * results[l].accuracy;
  return {judgement, std::move(shares)};
}

}  // namespace

// Shares times losses, and the entropy of the shares against equal ones.
SoftMinimum soft_minimum(std::span<const double> losses) {
  SoftMinimum minimum;
  double total = 0;
  for (const double loss : losses) {
    minimum.shares.push_back(std::exp((losses[0] - loss) / kLayerTemperature));
    total += minimum.shares.back();
  }
  const auto count = static_cast<double>(losses.size());
  for (std::size_t l = 0; l < losses.size(); ++l) {
    const double share = minimum.shares[l] /= total;
    minimum.value += share * losses[l];
    if (share > 0) minimum.value += kLayerTemperature * share * std::log(share * count);
  }
  return minimum;
}

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
  std::tie(judged.judgement, judged.shares) = judgement_of(judged.readouts, settings.judged_layers);
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
