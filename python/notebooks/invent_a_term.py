# %% [markdown]
# # Invent a term
#
# A weight's step is a sum of terms. This notebook adds one, written in Python, and asks whether it helps. It uses the slow
# second implementation of the rule in PyTorch, `tests/oracle`, which has autograd. A term that helps becomes a row of the
# C++ table `src/rule/terms.cc`; docs/research.md, "From Python to C++", has the steps.

# %%
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import RidgeClassifier

import metaplastic
from metaplastic import meta

sys.path.insert(0, "../../tests/oracle")
import metz2019
import oracle

torch.set_num_threads(1)

# %% [markdown]
# ## The term
#
# Hebb's term is minus the correlation of the lower unit with the upper one: a weight grows where both are active together.
# The new term uses the *square* of the standardised upper activation, so that the few examples for which a unit is far from
# its mean count most. That is the nonlinear Hebbian learning of independent component analysis.
#
# A formula takes the normalised weights w [U_lo, U_up], the term's readouts of the networks (this one has none), and the
# standardised activations s_lo [U_lo, B] and s_up [U_up, B].

# %%
def skewed_hebb(w, lo, up, s_lo, s_up):
    return -s_lo @ (s_up**2).T / s_lo.shape[1]


metz2019.MORE_TERMS["skewed_hebb"] = (0, 0, skewed_hebb)  # readouts of the upper layer, of the lower one, formula

# %% [markdown]
# ## A rule with it
#
# `Rule` without numbers is all zeros; only its mix is set here, so the networks of the rule do nothing. The oracle's rule
# has one weight more. With that weight 0 its step must be the step of the program.

# %%
rule = metaplastic.Rule({"C": 2, "D": 1, "G": 1})
rule.mix["hebb"] = 0.3
rule.mix["decorrelate"] = 0.1
spec = meta.StepSpec(rule, (16, 24, 12), "relu", inner_lr=0.03)
case = {**rule.sizes, "units": list(spec.widths), "activation": spec.activation, "inner_lr": spec.inner_lr,
        "more_terms": "skewed_hebb"}
parts = {name: torch.from_numpy(part) for name, part in spec.split_theta(rule.theta.astype(np.float64)).items()}


def theta_with(weight):
    """The oracle's theta: the rule's, and the weight of the new term."""
    return {**parts, "mix": torch.cat([parts["mix"], weight.reshape(1, 1)], 1)}


def inner_steps(phi, batches, weight):
    theta = theta_with(weight)
    for x in batches:
        phi = metz2019.inner_step(theta, phi, x.T, case)
    return phi


none = torch.tensor(0.0, dtype=torch.float64)
start = spec.initial_phi(0)
batch = np.random.default_rng(0).normal(size=(5, 32, 16))
ours = spec.split_phi(meta.step(spec, start, batch, rule.theta.astype(np.float64)))
theirs = inner_steps(spec.split_phi(torch.from_numpy(start)), torch.from_numpy(batch), none)
print("largest difference after 5 steps:", max(np.abs(ours[name] - theirs[name].numpy()).max() for name in ours))

# %% [markdown]
# ## Tasks
#
# Mixtures of a few sources, some of which are sparse: far from 0 for few rows. The class decides which sources are on.

# %%
def draw_task(seed, num_rows=300, num_classes=5):
    """x [rows, 16], y [rows]."""
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % num_classes
    on = random.random((num_classes, 8)) < 0.35
    sources = random.exponential(1, size=(num_rows, 8)) * np.where(on[y], 1.5, 0.3)
    x = np.concatenate([sources, random.normal(size=(num_rows, 8))], 1) @ np.linalg.qr(random.normal(size=(16, 16)))[0]
    return (x - x.mean(0)) / x.std(0), y


def batches_of(x, count, seed):
    return torch.from_numpy(x[np.random.default_rng(seed).integers(len(x), size=(count, 32))])


def accuracy(phi, x, y, shots=5):
    features = oracle.forward(phi, torch.from_numpy(x).T, spec.activation)[1][-1].T.numpy()
    few = np.arange(len(y)) < shots * (y.max() + 1)  # classes come in turns
    return RidgeClassifier(alpha=1.0).fit(features[few], y[few]).score(features[~few], y[~few])


# %% [markdown]
# ## Does it help?
#
# First by its gradient: what a small weight of the term would do to the meta-loss, from autograd through 5 inner steps at
# several points of several trajectories. A negative mean says that a positive weight helps.

# %%
def gradient_at(seed, num_before):
    x, y = draw_task(seed)
    phi = spec.split_phi(torch.from_numpy(spec.initial_phi(seed)))
    with torch.no_grad():
        phi = inner_steps(phi, batches_of(x, num_before, seed), none)
    weight = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    phi = inner_steps(phi, batches_of(x, 5, seed + 1000), weight)
    part = lambda rows: {"x": torch.from_numpy(x[rows]).T, "labels": torch.from_numpy(y[rows])}
    loss, _ = oracle.objective(phi, part(slice(0, 25)), part(slice(25, 300)), spec.activation, 0.1, 5)
    return float(torch.autograd.grad(loss, weight)[0])


gradients = np.array([[gradient_at(seed, num_before) for num_before in (0, 15, 30)] for seed in range(12)])
mean, error = gradients.mean(), gradients.mean(1).std(ddof=1) / np.sqrt(len(gradients))
print(f"gradient of the meta-loss by the new weight: {mean:+.3f} +- {error:.3f}")

# %% [markdown]
# Then by what counts: accuracy after whole trajectories, for several weights, on other tasks. Every weight sees the same
# tasks, starts and batches, so the error bars are those of the difference to weight 0.

# %%
weights = (-0.2, 0.0, 0.1, 0.2, 0.4, 0.8)
scores = np.empty((16, len(weights)))
with torch.no_grad():
    for task in range(len(scores)):
        x, y = draw_task(100 + task)
        batches = batches_of(x, 60, task)
        for place, weight in enumerate(weights):
            phi = spec.split_phi(torch.from_numpy(spec.initial_phi(task)))
            scores[task, place] = accuracy(inner_steps(phi, batches, torch.tensor(weight, dtype=torch.float64)), x, y)
gains = scores - scores[:, [weights.index(0.0)]]
errors = gains.std(0, ddof=1) / np.sqrt(len(gains))
print(f"without the term {scores[:, weights.index(0.0)].mean():.3f}")
for weight, gain, error in zip(weights, gains.mean(0), errors):
    print(f"weight {weight:+.1f}: {gain:+.3f} +- {error:.3f}")

# %% [markdown]
# These tasks were made with the term in mind. Whether it helps elsewhere is a question to other tasks: change `draw_task`.

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), dpi=80, constrained_layout=True)
for place, num_before in enumerate((0, 15, 30)):
    axes[0].plot(np.full(len(gradients), num_before) + np.linspace(-2, 2, len(gradients)), gradients[:, place], "o",
                 color="C0", alpha=0.6)
axes[0].axhline(0, color="0.6", linewidth=1)
axes[0].set_xticks((0, 15, 30))
axes[0].set_xlabel("inner steps before the truncation")
axes[0].set_ylabel("gradient by the new weight")
axes[1].errorbar(weights, gains.mean(0), errors, marker="o", capsize=3)
axes[1].axhline(0, color="0.6", linewidth=1)
axes[1].set_xlabel("weight of skewed_hebb, beside hebb 0.3 and decorrelate 0.1")
axes[1].set_ylabel("accuracy gained, 5 labels per class");
