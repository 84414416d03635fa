# %% [markdown]
# # Meta-train a rule on your arrays
#
# A rule changes the weights of a network without labels. Meta-training learns the rule itself: on tasks whose
# labels are known, so that afterwards few labels are enough on tasks of the same kind. Here the tasks are arrays
# that a Python function returns. Replace `sample` by rows of your own; the rest stays.

# %%
import pathlib
import tempfile

import matplotlib.pyplot as plt
import numpy as np

import metaplastic
from metaplastic import callbacks, meta

folder = pathlib.Path(tempfile.mkdtemp())

# %% [markdown]
# ## The tasks
#
# Readings of 24 sensors in a few conditions: in each condition, three directions of joint movement differ. The rest is
# noise with more variance than the signal in some directions, so that distances between rows tell little.
# `split` says whether the task is for meta-training or for meta-validation: the two have different noise here.

# %%
def sample(rng, split):
    num_conditions = int(rng.integers(4, 9))
    y = np.arange(240) % num_conditions
    directions = rng.normal(size=(num_conditions, 3, 24))
    signal = np.einsum("nk,nks->ns", rng.normal(1, 1, size=(240, 3)), directions[y])
    noise = rng.normal(size=(240, 24)) @ np.diag(np.geomspace(0.5, 4 if split == "train" else 5, 24))
    return signal + noise @ np.linalg.qr(rng.normal(size=(24, 24)))[0], y


family = meta.TaskFamily(sample, "readings")
X, y = sample(np.random.default_rng(0), "train")
print(X.shape, np.bincount(y))

# %% [markdown]
# ## The run
#
# Small networks and few inner steps: some minutes instead of hours. `run` goes to the end and saves a rule for the
# command line; `resume=True` would go on after a stop.

# %%
config = {
    "rule": {"C": 8, "D": 4, "G": 2},
    "tasks": {"glyphs": 0, "fields": 0, "min_classes": 4, "max_classes": 8},
    "inner": {"min_units": 16, "max_units": 32, "min_features": 16, "max_features": 24, "min_T": 20, "max_T": 60,
              "max_layers": 2, "inner_batch": [32]},
    "truncation": {"min_K": 4, "max_K": 6, "shots": 5},
    "outer": {"outer_batch": 4, "outer_steps": 400, "outer_lr": 5e-3},
    "validation": {"every": 50, "num_tasks": 24, "inner_steps": 40, "num_probes": 2, "hidden": [32, 24]},
}
steps = []
run = meta.MetaTraining(config, folder / "run", seed=1, families=[family])
run.run([steps.append, callbacks.CsvLog(folder / "run.csv")])
rule = metaplastic.Rule.load(run.rule)
print(rule)

# %% [markdown]
# ## New tasks
#
# Tasks of other seeds than the run's. `meta.validate` trains the same networks by each rule, and classifies from 5 labels
# per condition. Classical rules are the ones to beat.

# %%
loop = meta.inner_loop({**config, "validation": {**config["validation"], "num_tasks": 40}}, [family])
scores = {"meta-trained": meta.validate(loop, rule.theta, seed=99)}
scores["untrained network"] = {"accuracy": scores["meta-trained"]["random_accuracy"], "standard_error": 0}
for name in ("hebb", "oja", "hebb-decorrelate"):
    classical = metaplastic.Rule(rule.sizes)
    classical.mix.update(metaplastic.Rule.load(name).mix)
    scores[name] = meta.validate(loop, classical.theta, seed=99)
for name, score in scores.items():
    print(f"{name:18} {score['accuracy']:.3f} +- {score['standard_error']:.3f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), dpi=80, constrained_layout=True)
axes[0].plot([m["outer_step"] for m in steps], [m["meta_loss"] for m in steps], linewidth=0.7, color="0.7",
             label="meta-loss of a step")
axes[0].set_xlabel("outer step")
axes[0].set_ylabel("meta-loss")
validated = [m for m in steps if m["validation"]]
twin = axes[0].twinx()
twin.errorbar([m["outer_step"] for m in validated], [m["validation"]["accuracy"] for m in validated],
              [m["validation"]["standard_error"] for m in validated], color="C0", marker="o")
twin.set_ylabel("accuracy, held-out tasks", color="C0")
names = sorted(scores, key=lambda name: scores[name]["accuracy"])
axes[1].barh(names, [scores[name]["accuracy"] for name in names],
             xerr=[scores[name]["standard_error"] for name in names],
             color=["C0" if name == "meta-trained" else "0.7" for name in names])
axes[1].set_xlabel("accuracy on new tasks, 5 labels per condition");
