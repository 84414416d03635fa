#!/usr/bin/env python3
"""Meta-trains a rule on your own arrays, and compares it with the rule it started from.

Here the arrays are made up: readings of 24 sensors in 8 conditions, which differ in how groups of
sensors move together. Prints one line per meta-validation; the picture shows the run.

usage: meta_train_on_arrays.py [--out FOLDER] [--outer-steps 60] [--seed 1]
"""
import argparse
import pathlib

import matplotlib
import numpy as np

from metaplastic import meta

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def readings(num_rows=1600, num_sensors=24, num_conditions=8, seed=0):
    """X [rows, sensors], y [rows]: each condition has its own three directions of joint movement."""
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % num_conditions
    directions = random.normal(size=(num_conditions, 3, num_sensors))
    X = np.einsum("nk,nks->ns", random.normal(1, 1, size=(num_rows, 3)), directions[y])
    return X + random.normal(0, 1.0, X.shape), y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--outer-steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    X, y = readings()
    tasks = meta.save_tasks(options.out / "readings.npz", X, y)
    config = {
        "tasks": {"glyphs": 0, "fields": 0, "images": [f"readings={tasks}"], "min_classes": 4,
                  "max_classes": 8, "held_out_share": 0.3},
        "inner": {"min_units": 16, "max_units": 32, "min_features": 16, "max_features": 24, "min_T": 20,
                  "max_T": 60, "max_layers": 2, "inner_batch": [32]},
        "truncation": {"min_K": 4, "max_K": 6, "shots": 5},
        "outer": {"outer_batch": 4, "outer_steps": options.outer_steps, "outer_lr": 3e-3},
        "validation": {"every": max(1, options.outer_steps // 6), "num_tasks": 6, "inner_steps": 40,
                       "num_probes": 2, "hidden": [32, 24]},
    }
    run = meta.MetaTraining(config, options.out / "run", seed=options.seed)
    steps, losses, validations = [], [], []
    for metrics in run:
        steps.append(metrics["outer_step"])
        losses.append(metrics["meta_loss"])
        if metrics["validation"]:
            v = metrics["validation"]
            validations.append((metrics["outer_step"], v["accuracy"], v["standard_error"],
                                v["random_accuracy"]))
            print(f"outer step {validations[-1][0]:>4}  held-out rows: {v['accuracy']:.3f} "
                  f"+- {v['standard_error']:.3f}, untrained networks {v['random_accuracy']:.3f}")
    print(f"the rule is {run.rule}")

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    axes[0].plot(steps, losses)
    axes[0].set_xlabel("outer step")
    axes[0].set_ylabel("meta-loss of the truncations")
    at, accuracy, error, untrained = np.array(validations).T
    axes[1].errorbar(at, accuracy, error, label="meta-trained rule")
    axes[1].plot(at, untrained, "--", label="untrained networks")
    axes[1].set_xlabel("outer step")
    axes[1].set_ylabel("accuracy, 5 labels per condition")
    axes[1].legend()
    path = options.out / "meta_train_on_arrays.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
