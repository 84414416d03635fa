# %% [markdown]
# # Look inside a rule
#
# A rule is a list of numbers with names. This notebook loads one, shows what it weighs, takes its terms away one by one,
# looks at the filters it makes, and follows the weights of a network through the inner steps.

# %%
import matplotlib.pyplot as plt
import numpy as np

import metaplastic
from metaplastic import meta

rule = metaplastic.Rule.load("compact-fast-v1")
print(rule)
print("inner settings:", rule.inner)
for name, matrix in list(rule.matrices.items())[:4]:
    print(f"{name:12} {matrix.shape}")

# %% [markdown]
# ## The mix
#
# The step of a weight is a sum of terms, each normalised first. `rule.mix` holds their weights; docs/method.md has the formulas.

# %%
mix = dict(rule.mix)
print({name: round(weight, 2) for name, weight in mix.items()})

# %% [markdown]
# ## Which terms matter
#
# Set one weight to 0 and judge the rule again: on held-out tasks of procedural images, 5 labels per class, networks of
# 64 and 32 units. In the figure, grey is the standard error of the whole rule's accuracy over tasks. All rules see the same
# tasks, so differences between them vary less than that.

# %%
config = {
    "rule": rule.sizes,
    "tasks": {"glyphs": 0, "fields": 1, "max_classes": 5},
    "inner": {"inner_lr": rule.inner["inner_lr"], "inner_batch": [64]},
    "truncation": {"shots": 5},
    "validation": {"num_tasks": 16, "inner_steps": 60, "num_probes": 2, "hidden": [64, 32]},
}
loop = meta.inner_loop(config)
whole = meta.validate(loop, rule.theta, seed=3)
print(f"the whole rule {whole['accuracy']:.3f}, untrained networks {whole['random_accuracy']:.3f}")
loss = {}
for name in mix:
    without = metaplastic.Rule(rule.sizes, rule.theta)
    without.mix[name] = 0
    loss[name] = whole["accuracy"] - meta.validate(loop, without.theta, seed=3)["accuracy"]
print({name: round(value, 3) for name, value in loss.items()})

# %% [markdown]
# ## Filters
#
# A unit of the first layer has a weight for each pixel, so its weights are a picture. The network is trained on procedural
# images of 14 x 14 pixels of one task.

# %%
images, _, _ = metaplastic.read_data("fields")
pixels = images.reshape(len(images), -1).astype(np.float32)
spec = meta.StepSpec(rule, (pixels.shape[1], 64, 32))
print(spec, pixels.shape, "from", pixels.min(), "to", pixels.max())

# %% [markdown]
# ## Trajectories of phi
#
# `meta.step` takes one inner step at a time, so every state of the weights can be looked at. Each unit's weight vector turns
# away from where it started. All rules here start from the same weights and see the same batches.

# %%
def trajectory(theta, num_steps=120, seed=5):
    """phi before each step, [steps + 1, phi]."""
    random = np.random.default_rng(seed)
    states = [spec.initial_phi(seed, np.float32)]
    for _ in range(num_steps):
        batch = pixels[random.choice(len(pixels), 64, replace=False)]
        states.append(meta.step(spec, states[-1], batch, theta))
    return np.array(states)


def turned(states, layer):
    """Cosine between the units' weights and their first ones, [steps + 1, units]."""
    W = spec.split_phi(states)[f"W{layer}"]
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    return (W * W[0]).sum(1)


rules = {"compact-fast-v1": rule}
for name in ("hebb", "oja"):
    rules[name] = metaplastic.Rule(rule.sizes)
    rules[name].mix.update(metaplastic.Rule.load(name).mix)
states = {name: trajectory(other.theta) for name, other in rules.items()}

# %%
figure = plt.figure(figsize=(10, 7.5), dpi=80, constrained_layout=True)
grid = figure.add_gridspec(2, 2)
order = sorted(mix, key=lambda name: abs(mix[name]))
axes = figure.add_subplot(grid[0, 0])
axes.barh(order, [mix[name] for name in order], color="0.6")
axes.set_xlabel("weight in the mix")
axes = figure.add_subplot(grid[0, 1])
axes.barh(order, [loss[name] for name in order], color="C0")
axes.axvspan(-whole["standard_error"], whole["standard_error"], color="0.9", zorder=0)
axes.set_xlabel("accuracy lost without it (grey: see text)")
filters = grid[1, 0].subgridspec(2, 1)
for place, (title, number) in enumerate((("filters before training", 0), ("after 120 inner steps", -1))):
    W = spec.split_phi(states["compact-fast-v1"][number])["W1"][:, :16]
    W = W / np.abs(W).max(0)
    axes = figure.add_subplot(filters[place])
    axes.imshow(np.pad(W.T.reshape(2, 8, 14, 14), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=1).transpose(0, 2, 1, 3)
                .reshape(32, 128), cmap="RdBu", vmin=-1, vmax=1)
    axes.set_title(title, fontsize=10)
    axes.axis("off")
axes = figure.add_subplot(grid[1, 1])
for (name, path), color in zip(states.items(), ("C0", "C1", "C2")):
    cosine = turned(path, 1)
    axes.plot(cosine[:, :24], color=color, linewidth=0.3, alpha=0.4)
    axes.plot(cosine.mean(1), color=color, linewidth=2, label=name)
axes.set_xlabel("inner step")
axes.set_ylabel("cosine to the first weights, layer 1")
axes.legend();
