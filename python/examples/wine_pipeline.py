#!/usr/bin/env python3
"""A small table with few labels: wine, FewLabelClassifier beside the usual classifiers.

178 wines by 13 measurements; `--labels` of each cultivar have a label, all others are predicted. Each
classifier sees the same labels; FewLabelClassifier, SelfTrainingClassifier and LabelSpreading also see
the other rows. Also shows the features as a step of a scikit-learn pipeline.

usage: wine_pipeline.py [--out FOLDER] [--labels 3] [--draws 20] [--steps N]
"""
import argparse
import pathlib

import matplotlib
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from metaplastic import FewLabelClassifier, UnsupervisedUpdate

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def usual():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def classifiers(steps, seed):
    return {
        "LogisticRegression": usual(),
        "SelfTrainingClassifier": make_pipeline(StandardScaler(),
                                                SelfTrainingClassifier(LogisticRegression(max_iter=1000))),
        "LabelSpreading": make_pipeline(StandardScaler(), LabelSpreading(kernel="knn", n_neighbors=7)),
        "FewLabelClassifier": FewLabelClassifier(n_steps=steps, random_state=seed),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--labels", type=int, default=3, help="labels per class")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--steps", type=lambda text: text if text == "auto" else int(text),
                        default="auto", help="inner steps")
    options = parser.parse_args()
    X, y = load_wine(return_X_y=True)
    accuracies = {}
    for draw in range(options.draws):
        random = np.random.default_rng(draw)
        labels = np.full(len(y), -1)
        for c in np.unique(y):
            labels[random.permutation(np.flatnonzero(y == c))[:options.labels]] = c
        known = labels >= 0
        for name, model in classifiers(options.steps, draw).items():
            if name == "LogisticRegression":
                model.fit(X[known], y[known])
            else:
                model.fit(X, labels)
            accuracies.setdefault(name, []).append((model.predict(X[~known]) == y[~known]).mean())
    print(f"wine, {options.labels} labels per class, {options.draws} draws: accuracy on the other rows")
    for name, values in accuracies.items():
        print(f"{name:<23} {np.mean(values):.3f} +- {np.std(values) / np.sqrt(len(values)):.3f}")
    gain = np.mean(accuracies["FewLabelClassifier"]) - np.mean(accuracies["LogisticRegression"])
    if gain < 0.005:
        print("little to gain here: the three cultivars are nearly separable in the measurements themselves")

    # The same features as a step of a pipeline: fit on all rows, labelled or not, then a classifier.
    features = UnsupervisedUpdate(random_state=0, n_steps=options.steps).fit(X)
    classifier = usual().fit(features.transform(X)[known], y[known])
    print(f"UnsupervisedUpdate in a pipeline, last draw: "
          f"{classifier.score(features.transform(X)[~known], y[~known]):.3f}")

    options.out.mkdir(parents=True, exist_ok=True)
    figure, axis = plt.subplots(figsize=(7, 3), constrained_layout=True)
    places = np.arange(len(accuracies))
    axis.errorbar([np.mean(v) for v in accuracies.values()], places, fmt="o",
                  xerr=[np.std(v) / np.sqrt(len(v)) for v in accuracies.values()])
    axis.set_yticks(places, list(accuracies))
    axis.set_xlabel("accuracy, mean and standard error over draws")
    path = options.out / "wine_pipeline.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
