// Everything that a meta-training run is a function of, besides the seed and the program.
#pragma once

#include <string>
#include <vector>

#include "io/config.h"
#include "model/mlp.h"
#include "neighbours/constants.h"
#include "rule/rule_file.h"
#include "rule/theta.h"
#include "tasks/task_config.h"

namespace metaplastic {

// What a trajectory of the inner loop is drawn from.
struct InnerConfig {
  double inner_lr = 0.02;
  double weight_std = 0.1;
  double bias_std = 0.1;
  std::string init = "normal";
  std::vector<int> inner_batch = {64};
  int min_layers = 2;
  int max_layers = 4;
  int min_units = 48;
  int max_units = 128;
  int min_features = 32;
  int max_features = 128;
  std::vector<std::string> activations = {"relu"};
  double conv_share = 0;
  double stack_share = 0;
  int min_window = 3;
  int max_window = 7;
  int max_cells = 3;
  int min_T = 50;
  int max_T = 400;
  int curriculum_steps = 0;
  bool staggered_start = false;
  double phi_mean_share = 0;
  int neighbour_pool = 4096;
  int min_rows = 0;
  int max_rows = 0;

  template <class Visitor>
  void visit(Visitor& v) {
    v("inner_lr", inner_lr, Range{1e-6, 0.1},
      "relative step size of the inner loop; capped at 0.1, larger ones diverge", "1e-4");
    v("weight_std", weight_std, Range{1e-4, 10}, "spread of the initial W and V", "0.01");
    v("bias_std", bias_std, Range{0, 10}, "spread of the initial biases", "0.1");
    v("init", init, Choices{"normal", "truncated"}, kPhiInitHelp, "truncated");
    v("inner_batch", inner_batch, Range{2, 4096},
      "unlabelled examples per inner step; one is drawn per trajectory", "");
    v("min_layers", min_layers, Range{1, kMaxLayers}, "fewest layers of a base model", "2");
    v("max_layers", max_layers, Range{1, kMaxLayers}, "most layers of a base model", "5");
    v("min_units", min_units, Range{1, 4096}, "smallest hidden width (log-uniform)", "64");
    v("max_units", max_units, Range{1, 4096}, "largest hidden width", "512");
    v("min_features", min_features, Range{1, 4096}, "smallest top layer", "32");
    v("max_features", max_features, Range{1, 4096}, "largest top layer", "32");
    v("activations", activations, Choices{activation_names()}, "one is drawn per trajectory",
      "relu");
    v("conv_share", conv_share, Range{0, 1},
      "share of the trajectories on images and signals whose base model is a conv layer: it learns "
      "from windows, and is judged by its answers, pooled over a grid of places",
      "0");
    v("stack_share", stack_share, Range{0, 1},
      "share of those that go on: the conv layer learns first, without a gradient, and the base "
      "model is of dense layers that learn from its pooled answers; needs whole trajectories",
      "0");
    v("min_window", min_window, Range{2, 16},
      "smallest side of such a layer's windows of images; those of signals are twice as long less "
      "one",
      "");
    v("max_window", max_window, Range{2, 16}, "largest side", "");
    v("max_cells", max_cells, Range{1, 8}, "most cells of the grid along an axis", "");
    v("min_T", min_T, Range{1, 100000}, "fewest inner steps of a trajectory (log-uniform)", "");
    v("max_T", max_T, Range{1, 100000}, "most inner steps of a trajectory", "");
    v("curriculum_steps", curriculum_steps, Range{0, 100000000},
      "outer steps in which the longest T grows geometrically from min_T to max_T; 0: no "
      "curriculum",
      "");
    v("staggered_start", staggered_start,
      "a run's first trajectories start somewhere between 0 and T, by inner steps without a "
      "gradient, so that its first updates see late states too",
      "false");
    v("phi_mean_share", phi_mean_share, Range{0, 1}, kPhiMeanShareHelp, "0");
    v("neighbour_pool", neighbour_pool, Range{2, kNeighbourhood.pool},
      "examples of a task among which neighbours are looked for, where rule.views are neighbours; "
      "all have to be made, so a trajectory takes time in proportion",
      "");
    v("min_rows", min_rows, Range{0, kNeighbourhood.pool},
      "fewest rows of the data set that a trajectory learns from (log-uniform)", "");
    v("max_rows", max_rows, Range{0, kNeighbourhood.pool},
      "most rows; 0: every batch has new examples. With rows, neighbours are searched once", "");
  }
  PhiInit phi_init() const { return {weight_std, bias_std, init == "truncated"}; }
};

struct TruncationConfig {
  int min_K = 6;
  int max_K = 10;
  int objective_every = 2;
  int shots = 10;
  double lambda = 0.1;
  std::vector<double> further_lambdas;
  std::string judged_layers = "top";
  bool joint_readout = false;
  bool stops = false;
  std::string judged_state = "last";
  std::string loss = "cosine";
  std::string probe_norm = "each";
  std::string target_norm = "each";
  int kept_mb = 512;

  template <class Visitor>
  void visit(Visitor& v) {
    v("min_K", min_K, Range{1, 10000}, "fewest inner steps of a truncation (uniform)", "");
    v("max_K", max_K, Range{1, 10000}, "most inner steps of a truncation", "");
    v("objective_every", objective_every, Range{1, 10000},
      "the meta-objective is taken after every n-th inner step, counted from the truncation's end",
      "1");
    v("shots", shots, Range{1, 1000}, "labelled examples per class, to fit and again to judge",
      "10");
    v("lambda", lambda, Range{1e-6, 1e6}, "ridge penalty of the meta-objective", "0.1");
    v("further_lambdas", further_lambdas, Range{1e-6, 1e6},
      "further ridge penalties; each judged layer is read with each, and judged_layers says how "
      "they count",
      "");
    v("judged_layers", judged_layers, Choices{"top", "all", "best"},
      "representations that the meta-objective reads: the top layer's, the mean over all layers, "
      "or "
      "a soft minimum over them",
      "top");
    v("joint_readout", joint_readout,
      "also read all layers side by side with the inputs beside them, as evaluate does; not with "
      "judged_layers = \"top\"",
      "false");
    v("stops", stops,
      "instead of objective_every: judged are the states after a 64th, a 16th and a quarter of the "
      "steps and after all, as in evaluate, and a soft minimum over them counts; needs whole "
      "trajectories",
      "false");
    v("judged_state", judged_state, Choices{"last", "mean"},
      "what is judged after an inner step: the state, or as rules are applied the mean over "
      "inner.phi_mean_share of the steps so far, which needs whole trajectories",
      "last");
    v("loss", loss, Choices{"cosine", "cross-entropy"},
      "of the probe's predictions: cosine distance, or cross-entropy of a softmax over the classes",
      "cosine");
    v("probe_norm", probe_norm, Choices{"each", "joint"},
      "batch norm of the labelled examples: of the support and of the query each, or of both "
      "together",
      "");
    v("target_norm", target_norm, Choices{"each", "scalar"},
      "centring and scaling of the targets: of each by the support's moments, or of all by one "
      "mean and one scale, support and query by their own",
      "");
    v("kept_mb", kept_mb, Range{0, 1000000},
      "megabytes of each thread for inner steps that the gradient then need not compute again; "
      "the numbers are the same whatever it is",
      "");
  }
};

// Every estimator has a row in gradient_estimator.cc.
std::vector<std::string> estimator_names();

// How the meta-gradient is estimated.
struct EstimatorConfig {
  std::string name = "backprop";
  double sigma = 0.01;
  int pairs = 2;
  double settings_sigma = 0.3;
  double largest_adjoint = 0;

  template <class Visitor>
  void visit(Visitor& v) {
    v("name", name, Choices{estimator_names()},
      "of the meta-gradient: truncated back-propagation; evolution strategies (ES) on one "
      "truncation or on whole trajectories; persistent ES; back-propagation and ES weighted by "
      "their variances; back-propagation, and ES for the settings without a derivative "
      "(rule.settings)",
      "backprop");
    v("sigma", sigma, Range{1e-6, 10},
      "standard deviation of the perturbation of each number of theta (not for backprop)", "");
    v("pairs", pairs, Range{1, 256},
      "antithetic pairs of perturbations per estimate (not for backprop; mixed needs 2)", "");
    v("settings_sigma", settings_sigma, Range{1e-3, 3},
      "backprop-es: standard deviation of the perturbation of each setting without a derivative",
      "");
    v("largest_adjoint", largest_adjoint, Range{0, 1e30},
      "backprop-es: norm of the adjoint of phi above which the slope of a trajectory says nothing; "
      "mix and settings then have theirs from ES; 0: never",
      "");
  }
};

struct OuterConfig {
  std::string init_rule = "hebb-decorrelate";
  double init_mix_share = 0.5;
  int outer_batch = 16;
  int outer_steps = 1000;
  double outer_lr = 1e-3;
  double settings_step = 1;
  int warmup_steps = 10;
  double decay_steps = 300;
  double cooldown = 0;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double clip_truncation = 1.0;
  double clip_gradient = 0.5;
  double ema_decay = 0.97;
  int checkpoint_every = 20;
  std::vector<std::string> trained;
  std::string mode = "sync";
  int async_batch = 0;
  int max_staleness = 16;

  template <class Visitor>
  void visit(Visitor& v) {
    v("init_rule", init_rule,
      "where theta starts: random, the name of a classical rule, or a rule file", "random");
    v("init_mix_share", init_mix_share, Range{0, 1},
      "share of a rule file's mix that is kept beside the terms of agree, where rule.views are "
      "others than its own",
      "");
    v("outer_batch", outer_batch, Range{1, 100000},
      "trajectories in flight; one truncation of each per outer step", "256");
    v("outer_steps", outer_steps, Range{1, 100000000}, "updates of theta", "200000");
    v("outer_lr", outer_lr, Range{1e-8, 1}, "Adam step size", "3e-4");
    v("settings_step", settings_step, Range{0, 1000},
      "what theta's settings are made of, logarithms all, moves by so many times outer_lr", "");
    v("warmup_steps", warmup_steps, Range{0, 1000000}, "outer steps of linear warm-up", "");
    v("decay_steps", decay_steps, Range{1, 1e9},
      "step size falls as 1 / sqrt(1 + outer_step / decay_steps)", "");
    v("cooldown", cooldown, Range{0, 1},
      "last share of outer_steps in which the step size also falls linearly to 0", "");
    v("beta1", beta1, Range{0, 0.9999}, "Adam's first decay", "0.9");
    v("beta2", beta2, Range{0, 0.999999}, "Adam's second decay", "0.999");
    v("clip_truncation", clip_truncation, Range{1e-6, 1e6},
      "largest norm of one truncation's gradient", "");
    v("clip_gradient", clip_gradient, Range{1e-6, 1e6}, "largest norm of the averaged gradient",
      "");
    v("ema_decay", ema_decay, Range{0, 0.99999},
      "exponential average of theta, which is what is shipped", "");
    v("checkpoint_every", checkpoint_every, Range{1, 1000000}, "outer steps between checkpoints",
      "");
    v("trained", trained,
      "names of theta's tensors that are trained, such as mix; the others keep their start; none: "
      "all are trained",
      "all");
    v("mode", mode, Choices{"sync", "async"},
      "sync: an update waits for one truncation of each trajectory, and a run's bits do not depend "
      "on ranks and threads; async: trajectories go on by themselves, an update takes the "
      "truncations that have come",
      "async");
    v("async_batch", async_batch, Range{0, 100000},
      "truncations per update in async mode; 0: outer_batch", "256");
    v("max_staleness", max_staleness, Range{0, 1000000},
      "async mode does not use a truncation whose theta is older than so many updates", "");
  }
};

// Meta-validation: held-out classes, fresh trajectories; the rule file is chosen by it.
struct ValidationConfig {
  int every = 20;
  int num_tasks = 16;
  int inner_steps = 200;
  int num_probes = 4;
  std::string readout = "objective";
  bool stops = false;
  bool paired = false;
  std::vector<int> hidden = {128, 128, 128};
  std::vector<std::string> further_hidden;
  std::vector<std::string> conv;
  double conv_share = 1;
  double stack_share = 0;
  std::vector<std::string> activations = {"relu"};

  template <class Visitor>
  void visit(Visitor& v) {
    v("every", every, Range{1, 1000000}, "outer steps between validations", "");
    v("num_tasks", num_tasks, Range{1, 10000}, "held-out tasks, the same each time", "");
    v("inner_steps", inner_steps, Range{1, 100000}, "inner steps before the probe", "");
    v("num_probes", num_probes, Range{1, 1000}, "draws of labelled examples per task", "");
    v("readout", readout, Choices{"objective", "best", "evaluate"},
      "what a held-out task's accuracy is: that of the meta-objective's probes, or as in evaluate "
      "(one batch norm over all draws; layer and ridge penalty chosen on other draws); best: each "
      "layer by itself, evaluate: also all layers side by side, and the inputs beside",
      "");
    v("stops", stops,
      "with readout best or evaluate: states after a 64th, a 16th and a quarter of the steps are "
      "candidates too, as in evaluate",
      "");
    v("paired", paired,
      "also judge the rule that the run starts from, and give differences to it, task by task", "");
    v("hidden", hidden, Range{1, 4096}, "widths of the base model's layers, the last is read out",
      "");
    v("further_hidden", further_hidden,
      "further base models, each as widths joined by -, such as 64-32; held-out tasks take turns",
      "");
    v("conv", conv,
      "base models of held-out images and signals instead, in turns, each as a conv layer and a "
      "pool "
      "such as \"conv 64 5x5, pool 3x3\", or \"conv 64 9, pool 4\" for signals",
      "");
    v("conv_share", conv_share, Range{0, 1},
      "share of the held-out images and signals that have them; the others have dense layers", "");
    v("stack_share", stack_share, Range{0, 1},
      "share of those where the conv layer learns first, and then the dense layers above its "
      "pooled answers, which are judged",
      "");
    v("activations", activations, Choices{activation_names()},
      "of the base models; the held-out tasks take turns", "relu");
  }
};

// The base models' widths: hidden, then further_hidden. Throws Error for what is no list of widths.
std::vector<std::vector<int>> validation_widths(const ValidationConfig& config);

struct MetaConfig {
  RuleSizes rule;
  TaskConfig tasks;
  InnerConfig inner;
  TruncationConfig truncation;
  EstimatorConfig estimator;
  OuterConfig outer;
  ValidationConfig validation;

  template <class Visitor>
  void visit(Visitor& v) {
    v.section("rule", rule);
    v.section("tasks", tasks);
    v.section("inner", inner);
    v.section("truncation", truncation);
    v.section("estimator", estimator);
    v.section("outer", outer);
    v.section("validation", validation);
  }
  // The inner loop of a rule of this config: of several batches, the first.
  InnerSettings inner_settings() const;
  // Throws Error where options contradict one another (a minimum above its maximum, ...).
  void validate() const;
};

}  // namespace metaplastic
