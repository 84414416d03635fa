#include "experiments/experiment.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "eval/method.h"

namespace metaplastic {

const std::vector<Experiment>& experiments() {
  static const std::vector<Experiment> kExperiments = {
      {"mismatch",
       "A VAE's features get worse with few labels while its own objective improves; the rule's do "
       "not (section 2).",
       run_mismatch, true},
      {"few-shot",
       "With few labels per class, the rule's features match or beat those of usual methods "
       "(section 5.2).",
       run_few_shot, true},
      {"meta-curves",
       "Features get better with meta-training, on data sets it never sees (section 5.2).",
       run_meta_curves},
      {"permutation", "Shuffled input dimensions change nothing for the rule (section 5.3).",
       run_permutation, true},
      {"text",
       "A rule meta-trained on images improves representations of text; late ones overfit to "
       "images "
       "(section 5.3).",
       run_text, true},
      {"architecture",
       "The rule works for widths from 16 to 10,000 and depths from 1 to 11, beyond those it was "
       "meta-trained on (section 5.3).",
       run_architecture},
      {"activation",
       "A rule meta-trained with ReLU works with other activation functions (section 5.3).",
       run_activation},
      {"filters",
       "First-layer filters take shape over inner steps and over meta-training (section 5.4).",
       run_filters},
      {"embedding", "Applying the rule pulls classes apart that it has no labels of (section 5.4).",
       run_embedding},
      {"data-size", "More unlabelled examples give better features (this project's question).",
       run_data_size},
      {"layers",
       "Layers that see windows of images learn more than dense ones (this project's question).",
       run_layers},
      {"ablation",
       "Which terms of the weight step and which inputs of the update network matter (this "
       "project's question).",
       run_ablation},
  };
  return kExperiments;
}

int default_num_tunings(const Experiment& experiment, bool quick) {
  return experiment.searches && !quick ? MethodContext{}.num_tunings : 1;
}

const Experiment& find_experiment(const std::string& name) {
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments()) {
    if (experiment.name == name) return experiment;
    names.push_back(experiment.name);
  }
  fail("experiment: expected one of {}, found {}{}", join_names(names), quote_text(name),
       did_you_mean(name, names));
}

}  // namespace metaplastic
