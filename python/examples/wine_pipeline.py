#!/usr/bin/env python3
"""Learned features in a scikit-learn pipeline: wine, with few labels and with many.

All rows train the features, without labels, inside each fold's training part; the classifier sees
`--labels` labels per class of it. Prints cross-validated accuracy with and without the features.

usage: wine_pipeline.py [--out FOLDER] [--rule NAME] [--variant NAME] [--steps N] [--labels 3] [--splits 5]
"""
import argparse
import pathlib

import matplotlib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from metaplastic import UnsupervisedUpdate

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


class FewLabels(ClassifierMixin, BaseEstimator):
    """Fits features on all rows and a classifier on `labels` rows per class."""

    def __init__(self, features, labels=3, random_state=0):
        self.features = features
        self.labels = labels
        self.random_state = random_state

    def fit(self, X, y):
        self.features_ = clone(self.features).fit(X)
        random = np.random.default_rng(self.random_state)
        self.classes_ = np.unique(y)
        chosen = np.concatenate([random.permutation(np.flatnonzero(y == c))[:self.labels]
                                 for c in self.classes_])
        self.classifier_ = LogisticRegression(max_iter=2000).fit(self.features_.transform(X)[chosen],
                                                                 y[chosen])
        return self

    def predict(self, X):
        return self.classifier_.predict(self.features_.transform(X))


def representations(options):
    learned = make_pipeline(UnsupervisedUpdate(options.rule, hidden=(32,), n_features=32, inner_batch=64, n_steps=options.steps,
                                               variant=options.variant, random_state=0), StandardScaler())
    return {
        "raw": StandardScaler(),
        "PCA, 8": make_pipeline(StandardScaler(), PCA(8, random_state=0)),
        "learned": learned,
        "raw + learned": FeatureUnion([("raw", StandardScaler()), ("learned", clone(learned))]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--rule", default="compact-v1")
    parser.add_argument("--variant", default="usual", help="how the rule is applied")
    parser.add_argument("--steps", type=lambda text: text if text == "auto" else int(text), default="auto", help="inner steps")
    parser.add_argument("--labels", type=int, default=3)
    parser.add_argument("--splits", type=int, default=5)
    options = parser.parse_args()
    X, y = load_wine(return_X_y=True)
    splits = StratifiedKFold(options.splits, shuffle=True, random_state=0)
    few, many = {}, {}
    for name, features in representations(options).items():
        few[name] = np.mean([cross_val_score(FewLabels(features, options.labels, seed), X, y, cv=splits)
                             for seed in range(3)], axis=0)
        many[name] = cross_val_score(make_pipeline(features, LogisticRegression(max_iter=2000)), X, y,
                                     cv=splits)
    print(f"wine, {options.splits}-fold cross-validated accuracy, rule {options.rule}, variant {options.variant}")
    print(f"{'features':<14} {options.labels:>3} labels per class    all labels")
    for name in few:
        print(f"{name:<14} {few[name].mean():>12.3f} {many[name].mean():>17.3f}")

    options.out.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    places = np.arange(len(few))
    axes[0].bar(places - 0.2, [v.mean() for v in few.values()], 0.4,
                yerr=[v.std() for v in few.values()], label=f"{options.labels} labels per class")
    axes[0].bar(places + 0.2, [v.mean() for v in many.values()], 0.4,
                yerr=[v.std() for v in many.values()], label="all labels")
    axes[0].set_xticks(places, list(few), rotation=15)
    axes[0].set_ylim(0.5, 1)
    axes[0].set_ylabel("accuracy, mean and deviation over folds")
    axes[0].legend(loc="lower right")
    learned = representations(options)["learned"].fit_transform(X)
    plane = PCA(2).fit_transform(learned)
    axes[1].scatter(*plane.T, c=y, s=12)
    axes[1].set_title("learned features, first two principal axes; colour: cultivar")
    path = options.out / "wine_pipeline.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
