#include "baselines/methods.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "baselines/autoencoder.h"
#include "baselines/contrastive.h"
#include "baselines/conv_autoencoder.h"
#include "baselines/conv_contrastive.h"
#include "baselines/kmeans.h"
#include "baselines/patch_kmeans.h"
#include "baselines/pca.h"
#include "baselines/raw.h"
#include "baselines/softhebb.h"
#include "baselines/spreading_method.h"
#include "baselines/supervised.h"
#include "baselines/transfer.h"

namespace metaplastic {
namespace {

struct Row {
  std::string name;
  std::vector<std::string> aliases;
  std::function<std::unique_ptr<FeatureMethod>(const Rule&, const MethodOptions&)> make;
};

auto autoencoder(AutoencoderKind kind) {
  return [kind](const Rule&, const MethodOptions& o) {
    return autoencoder_method(kind, o.fit.training.model, o.layers, o.training_steps);
  };
}

using MakePatches = std::unique_ptr<FeatureMethod> (*)(const FitOptions&);
auto patches(MakePatches make) {
  return [make](const Rule&, const MethodOptions& o) { return make(o.fit); };
}

// With a part of the steps: one of them costs more than a step of a dense network.
using MakeTrainedPatches = std::unique_ptr<FeatureMethod> (*)(const FitOptions&, int num_steps);
auto trained_patches(MakeTrainedPatches make, int part) {
  return [make, part](const Rule&, const MethodOptions& o) {
    return make(o.fit, std::max(1, o.training_steps / part));
  };
}

const std::vector<Row>& table() {
  static const std::vector<Row> kTable = {
      {"learned",
       {"rule"},
       [](const Rule& rule, const MethodOptions& o) {
         return learned_method(rule, o.fit, o.layers);
       }},
      {"random",
       {},
       [](const Rule& rule, const MethodOptions& o) {
         return random_method(rule, o.fit, o.layers);
       }},
      {"raw", {"pixels"}, [](const Rule&, const MethodOptions&) { return raw_method(); }},
      {"pca", {}, [](const Rule&, const MethodOptions&) { return pca_method(); }},
      {"kmeans", {"k-means"}, [](const Rule&, const MethodOptions&) { return kmeans_method(); }},
      {"autoencoder", {"ae"}, autoencoder(AutoencoderKind::kPlain)},
      {"denoising", {"dae"}, autoencoder(AutoencoderKind::kDenoising)},
      {"vae", {}, autoencoder(AutoencoderKind::kVariational)},
      {"supervised",
       {},
       [](const Rule&, const MethodOptions& o) { return supervised_method(o.fit.training.model); }},
      {"transfer",
       {},
       [](const Rule&, const MethodOptions& o) {
         return transfer_method(o.fit.training.model, o.layers, o.training_steps);
       }},
      {"prototypical",
       {"protonet"},
       [](const Rule&, const MethodOptions& o) {
         return prototypical_method(o.fit.training.model, o.training_steps);
       }},
      {"contrastive",
       {"simclr"},
       [](const Rule&, const MethodOptions& o) {
         return contrastive_method(o.fit.training.model, o.layers, o.training_steps);
       }},
      {"label-spreading",
       {"spreading"},
       [](const Rule& rule, const MethodOptions& o) {
         return spreading_method(rule, o.fit, o.layers);
       }},
      {"patch-kmeans", {}, patches(patch_kmeans_method)},
      {"random-conv", {}, patches(random_conv_method)},
      {"softhebb", {}, trained_patches(softhebb_method, 2)},
      {"conv-autoencoder", {"conv-ae"}, trained_patches(conv_autoencoder_method, 1)},
      {"conv-contrastive", {"conv-simclr"}, trained_patches(conv_contrastive_method, 4)}};
  return kTable;
}

const Row& find_method(const std::string& name) {
  const auto row = std::ranges::find_if(table(), [&](const Row& candidate) {
    return candidate.name == name || std::ranges::count(candidate.aliases, name) > 0;
  });
  if (row == table().end()) {
    fail("methods: expected some of {}, found {}{}", join_names(method_names()), quote_text(name),
         did_you_mean(name, method_names()));
  }
  return *row;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Row& row : table()) names.push_back(row.name);
    return names;
  }();
  return kNames;
}

std::vector<std::unique_ptr<FeatureMethod>> make_methods(const std::vector<std::string>& names,
                                                         const Rule& rule,
                                                         const MethodOptions& options) {
  if (names.empty())
    fail("methods: expected at least one of {}, found none", join_names(method_names()));
  std::vector<std::unique_ptr<FeatureMethod>> methods;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const Row& row = find_method(name);
    if (!seen.insert(row.name).second) {
      fail("methods: expected each method once, found {} twice; name it once",
           quote_text(row.name));
    }
    methods.push_back(row.make(rule, options));
  }
  return methods;
}

}  // namespace metaplastic
