#!/usr/bin/env python3
"""50,000 images of which 200 have a label: the classifier with its defaults, beside the usual one.

Fashion-MNIST: the first 50,000 training images, 20 labels per class; the official test images judge.
FewLabelClassifier learns from all images, labelled or not. The usual way, StandardScaler and
LogisticRegression, sees the 200 labelled images. The bundled rule never saw Fashion-MNIST.

usage: two_hundred_labels.py [--out FOLDER] [--draws 3] [--labels 20] [--rows 50000]
                             [--test-rows 10000] [--steps N]
"""
import argparse
import pathlib

import matplotlib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import metaplastic
from metaplastic import FewLabelClassifier

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def with_few_labels(y, per_class, seed):
    """y with all labels but `per_class` of each class taken away: -1 is no label."""
    random = np.random.default_rng(seed)
    few = np.full(len(y), -1)
    for c in np.unique(y):
        chosen = random.choice(np.flatnonzero(y == c), per_class, replace=False)
        few[chosen] = c
    return few


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--labels", type=int, default=20, help="labels per class")
    parser.add_argument("--rows", type=int, default=50000, help="training images used")
    parser.add_argument("--test-rows", type=int, default=10000, help="test images used")
    parser.add_argument("--steps", type=int, help="inner steps (default: what the rule is evaluated at)")
    options = parser.parse_args()
    X, y, info = metaplastic.read_data("fashion-mnist")
    first_test = info["first_test_row"]
    images = X / np.float32(info["pixel_max"])
    tested = slice(first_test, first_test + options.test_rows)
    train, test = images[:options.rows], images[tested]
    y_train, y_test = y[:options.rows], y[tested]

    few_label, usual = [], []
    for draw in range(options.draws):
        labels = with_few_labels(y_train, options.labels, draw)
        known = labels >= 0
        model = FewLabelClassifier(n_steps=options.steps or "auto", random_state=draw, n_jobs=-1)
        model.fit(train, labels)
        few_label.append((model.predict(test) == y_test).mean())
        beside = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        beside.fit(train[known].reshape(known.sum(), -1), labels[known])
        usual.append(beside.score(test.reshape(len(test), -1), y_test))
        print(f"draw {draw}: FewLabelClassifier {few_label[-1]:.3f} (reads: {model.readout_}), "
              f"LogisticRegression {usual[-1]:.3f}", flush=True)
    gain = np.mean(few_label) - np.mean(usual)
    print(f"{len(train)} images, {known.sum()} labels: FewLabelClassifier {np.mean(few_label):.3f}, "
          f"LogisticRegression {np.mean(usual):.3f}, difference {gain:+.3f}")
    if gain <= 0:
        print("no gain: with so few images or steps the features are not yet better than the pixels")

    plane = train[:2000].reshape(-1, train[0].size), model.transform(train[:2000])
    options.out.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), constrained_layout=True)
    for axis, values, title in zip(axes, plane, ("pixels", "what the classifier reads")):
        centred = values - values.mean(axis=0)
        _, _, axes_of_variance = np.linalg.svd(centred, full_matrices=False)
        points = centred @ axes_of_variance[:2].T
        axis.scatter(*points.T, c=y_train[:2000], cmap="tab10", s=4)
        axis.set_title(f"{title}, first two principal components")
    path = options.out / "two_hundred_labels.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
