#!/usr/bin/env python3
"""The rule inside PyTorch: inner steps as a torch.autograd.Function, and an objective of your own.

First the gradient is compared with an independent program of the same step, tests/oracle, in double.
Then PyTorch's Adam learns the weights of a rule's terms, so that after some inner steps each example
lies near the mean of its class; no C++ knows this objective. The picture shows both losses.

usage: torch_step.py [--out FOLDER] [--outer-steps 60] [--seed 1]
"""
import argparse
import pathlib
import sys

import matplotlib
import numpy as np
import torch

from metaplastic import Rule, meta

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position

ORACLE = pathlib.Path(__file__).resolve().parents[2] / "tests/oracle"


class InnerSteps(torch.autograd.Function):
    """phi after the steps of a batch [B, inputs] or [K, B, inputs]; differentiable in all three tensors."""

    @staticmethod
    def forward(ctx, spec, phi, batch, theta):
        ctx.spec = spec
        ctx.save_for_backward(phi, batch, theta)
        return torch.from_numpy(meta.step(spec, *(tensor.detach().numpy() for tensor in (phi, batch, theta))))

    @staticmethod
    def backward(ctx, phi_next_bar):
        arrays = [tensor.detach().numpy() for tensor in ctx.saved_tensors]
        bars = meta.step_vjp(ctx.spec, *arrays, phi_next_bar.numpy(), with_batch=ctx.needs_input_grad[2])
        return None, *(None if bar is None else torch.from_numpy(bar) for bar in bars)


def forward(spec, phi, x):
    """Features [B, units] of the base model: docs/method.md, "Base model", with relu."""
    named = spec.split_phi(phi)
    for layer in range(1, len(spec.widths)):
        z = x @ named[f"W{layer}"]
        x = torch.relu((z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-6) + named[f"b{layer}"])
    return x


def check_with_oracle():
    """The largest relative difference of values and gradients between the wrapper and the oracle."""
    sys.path.insert(0, str(ORACLE))
    import metz2019  # pylint: disable=import-outside-toplevel
    random = np.random.default_rng(0)
    sizes = {"C": 6, "D": 4, "G": 2, "views": "neighbours"}
    spec = meta.StepSpec(sizes, (9, 8, 7), "tanh", inner_lr=0.02)
    case = {**Rule(sizes).sizes, "units": [9, 8, 7], "activation": "tanh", "inner_lr": 0.02, "more_terms": "",
            "homeostatic_share": spec.homeostatic_share}
    numbers = (spec.initial_phi(1), random.normal(size=(3, 16, 9)), 0.3 * random.normal(size=spec.num_theta))
    weights = torch.from_numpy(random.normal(size=spec.num_phi))

    def of_wrapper(phi, batch, theta):
        return InnerSteps.apply(spec, phi, batch, theta)

    def of_oracle(phi, batch, theta):
        named = spec.split_phi(phi)
        for x in batch:
            named = metz2019.inner_step(spec.split_theta(theta), named, x.T, case)
        return torch.cat([named[name].reshape(-1) for name in spec.split_phi(phi)])

    results = []
    for function in (of_wrapper, of_oracle):
        leaves = [torch.tensor(array, requires_grad=True) for array in numbers]
        after = function(*leaves)
        results.append([after.detach(), *torch.autograd.grad(weights @ after, leaves)])
    return [float((a - b).abs().max() / b.abs().max()) for a, b in zip(*results)]


def draw_task(random, num_classes=5, rows_per_class=12, num_inputs=16):
    """x [rows, inputs], y: classes in a few directions, among others that tell nothing."""
    y = np.arange(num_classes * rows_per_class) % num_classes
    centres = np.zeros((num_classes, num_inputs))
    centres[:, :4] = random.normal(size=(num_classes, 4)) * 1.5
    mixing = np.linalg.qr(random.normal(size=(num_inputs, num_inputs)))[0]
    x = (centres[y] + random.normal(size=(len(y), num_inputs)) * np.linspace(0.5, 1.5, num_inputs)) @ mixing
    return torch.from_numpy(x / x.std(0)), torch.from_numpy(y)


def prototype_loss(features, y, num_classes=5):
    """Cross-entropy of the nearest class mean; means of the first half, examples of the second.
    [Snell et al. 2017, prototypical networks]"""
    half = len(y) // 2
    means = torch.stack([features[:half][y[:half] == c].mean(0) for c in range(num_classes)])
    distances = ((features[half:, None] - means[None])**2).mean(2)
    return torch.nn.functional.cross_entropy(-distances, y[half:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--outer-steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, difference in zip(("phi after 3 steps", "gradient by phi", "by the batch", "by theta"),
                                check_with_oracle()):
        print(f"{name:18} differs from the oracle by at most {difference:.1e}")

    rule = Rule.load("hebb-decorrelate")
    spec = meta.StepSpec(rule, (16, 24, 12), inner_lr=0.02)
    rule = Rule(rule.sizes, rule.theta)  # a copy
    theta = torch.from_numpy(rule.theta.astype(np.float64))
    mix = spec.split_theta(theta)["mix"]
    random = np.random.default_rng(options.seed)
    weights = mix.clone().requires_grad_()
    adam = torch.optim.Adam([weights], lr=0.02)
    start = theta.clone()
    losses = []
    for outer_step in range(options.outer_steps):
        x, y = draw_task(random)
        batch = torch.stack([x[torch.from_numpy(random.permutation(len(x))[:32])] for _ in range(12)])
        phi = torch.from_numpy(spec.initial_phi(outer_step))
        changed = theta.clone()
        spec.split_theta(changed)["mix"][...] = weights
        loss = prototype_loss(forward(spec, InnerSteps.apply(spec, phi, batch, changed), x), y)
        with torch.no_grad():
            before = prototype_loss(forward(spec, InnerSteps.apply(spec, phi, batch, start), x), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append((float(before), float(loss)))
    last = np.mean(losses[-max(1, options.outer_steps // 3):], axis=0)
    print(f"loss of the last third: {last[0]:.3f} with the rule it started from, {last[1]:.3f} learned")
    rule.matrices["mix"][...] = weights.detach().numpy()
    rule.save(options.out / "prototypes.safetensors")
    print("mix:", ", ".join(f"{name} {weight:+.2f}" for name, weight in rule.mix.items() if abs(weight) > 0.05))

    figure, axes = plt.subplots(figsize=(7, 3.5), constrained_layout=True)
    for curve, label in zip(np.array(losses).T, ("hebb-decorrelate", "its mix learned by torch.optim.Adam")):
        axes.plot(curve, linewidth=0.8, label=label)
    axes.set_xlabel("outer step, a new task each")
    axes.set_ylabel("loss of the nearest class mean")
    axes.legend()
    path = options.out / "torch_step.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
