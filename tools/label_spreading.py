#!/usr/bin/python3
"""How far the graph of neighbours alone carries ten labels per class on share/digits.npz, the labels seen while it is used.

Label spreading of scikit-learn (Debian's python3-sklearn) is transductive: rows that are judged are part of the graph. Prints the mean
accuracy of the unlabelled rows over the draws, and its standard error, for each setting; the best of them is chosen by what is judged, so
it flatters the method. What docs/notebook/bundled-rule.md, "Other networks", compares with.
usage: tools/label_spreading.py [--shots 10] [--trials 50]
"""
import argparse
import pathlib
import sys

import numpy as np
from sklearn.semi_supervised import LabelSpreading


def require_within(name, value, least, most):
    if not least <= value <= most:
        print(f"label_spreading: --{name}: expected {least} to {most}, found {value}; choose one of those", file=sys.stderr)
        sys.exit(2)


def draw_labels(labels, shots, seed):
    """The labels of `shots` rows of each class, drawn by `seed`; -1, which is unlabelled, elsewhere."""
    generator = np.random.default_rng(seed)
    shown = np.full(labels.shape, -1)
    for kind in np.unique(labels):
        rows = generator.choice(np.flatnonzero(labels == kind), shots, replace=False)
        shown[rows] = kind
    return shown


def accuracies(images, labels, args, **settings):
    """Of each draw the share of unlabelled rows that come out right."""
    for seed in range(args.trials):
        shown = draw_labels(labels, args.shots, seed)
        model = LabelSpreading(kernel="knn", max_iter=5000, **settings).fit(images, shown)
        unlabelled = shown < 0
        yield (model.transduction_[unlabelled] == labels[unlabelled]).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shots", type=int, default=10, help="labels per class")
    parser.add_argument("--trials", type=int, default=50, help="draws of labels")
    args = parser.parse_args()
    digits = np.load(pathlib.Path(__file__).resolve().parent.parent / "share" / "digits.npz")
    images, labels = digits["x"].reshape(len(digits["y"]), -1).astype(float), digits["y"].astype(int)
    require_within("shots", args.shots, 1, int(np.bincount(labels).min()) - 1)
    require_within("trials", args.trials, 2, 10000)
    for neighbours in (5, 6, 7, 8, 10, 15):
        for alpha in (0.5, 0.8, 0.9, 0.95, 0.99):
            found = np.array(list(accuracies(images, labels, args, n_neighbors=neighbours, alpha=alpha)))
            error = found.std(ddof=1) / np.sqrt(len(found))
            print(f"{neighbours:2d} neighbours, alpha {alpha:.2f}: {found.mean():.4f} +- {error:.4f}", flush=True)


if __name__ == "__main__":
    main()
