#!/usr/bin/env python3
"""Looks inside a rule: which terms it has, how much each counts, and what is lost without the strongest ones.

A rule is a sum of terms, each a small formula that a neuron can compute from its own signals and
those of its neighbours (docs/method.md). `rule.mix` holds a weight for each. Here single weights
become 0, an encoder is trained on scikit-learn's digits with what is left, and logistic regression
with 10 labels per class reads its features. The picture shows the weights, the accuracies, and what
some units of the first layer look for.

usage: look_inside_a_rule.py [--out FOLDER] [--rule compact-v1] [--terms 4] [--draws 10] [--steps 200] [--seed 1]
"""
import argparse
import pathlib

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import metaplastic

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def accuracy(features, y, draws):
    """Mean accuracy and standard error of logistic regression with 10 labels per class, on the other rows."""
    scores = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        known = np.concatenate([random.choice(np.flatnonzero(y == c), 10, replace=False) for c in np.unique(y)])
        hidden = np.setdiff1d(np.arange(len(y)), known)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(features[known], y[known])
        scores.append(model.score(features[hidden], y[hidden]))
    return np.mean(scores), np.std(scores, ddof=1) / np.sqrt(len(scores))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--rule", default="compact-v1")
    parser.add_argument("--terms", type=int, default=4, help="strongest terms to leave out, one at a time")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200, help="inner steps")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8) / 16

    def train(rule, steps=options.steps):
        return metaplastic.train_encoder(images, rule, layers="mlp", hidden=(64,), n_features=64, n_steps=steps,
                                         seed=options.seed).encoder

    rule = metaplastic.Rule.load(options.rule)
    strongest = sorted(rule.terms, key=lambda term: -abs(rule.mix[term]))
    print(f"{options.rule}: {rule.theta.size} numbers, {len(rule.terms)} terms; the weights of the terms:")
    for term in strongest:
        print(f"  {term:<12} {rule.mix[term]:+.4f}")

    encoder, untrained = train(rule), train(rule, steps=0)
    found = {"all terms": accuracy(encoder.embed(images), y, options.draws),
             "untrained": accuracy(untrained.embed(images), y, options.draws)}
    for term in strongest[:options.terms]:
        changed = metaplastic.Rule.load(options.rule)
        changed.mix[term] = 0
        found[f"no {term}"] = accuracy(train(changed).embed(images), y, options.draws)
    print("accuracy of the top layer, 10 labels per class:")
    for name, (mean, error) in found.items():
        print(f"  {name:<16} {mean:.3f} +- {error:.3f}")

    figure = plt.figure(figsize=(10, 4), constrained_layout=True)
    left, middle, right = figure.subfigures(1, 3, width_ratios=[1, 1, 0.8])
    axis = left.subplots()
    axis.barh(strongest[::-1], [abs(rule.mix[term]) for term in strongest[::-1]])
    axis.set_xscale("log")
    axis.set_xlabel("size of the term's weight")
    axis = middle.subplots()
    names = list(found)[::-1]
    axis.errorbar([found[name][0] for name in names], names, xerr=[found[name][1] for name in names], fmt="o")
    axis.set_xlabel("accuracy, 10 labels per class")
    right.suptitle("first layer: untrained, trained", fontsize=10)
    grid = right.subplots(6, 6)
    for column, shown in ((0, untrained), (3, encoder)):
        weights = shown.weights(1)
        for n in range(18):
            axis = grid[n // 3, column + n % 3]
            axis.imshow(weights[:, n].reshape(8, 8), cmap="RdBu", vmin=-abs(weights[:, n]).max(),
                        vmax=abs(weights[:, n]).max())
            axis.set_axis_off()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "look_inside_a_rule.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
