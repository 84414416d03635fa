#!/usr/bin/python3
"""Few labels on Fashion-MNIST: 50,000 rows of which 10 to 500 have one, FewLabelClassifier beside logistic regression.

The rows are the same in every draw and the network reads no label, so that it is trained once (fit), and the classifier is
fitted again for each draw (fit_labels). Accuracies are those of the 10,000 test images. Needs Debian's python3-sklearn and
dataset-fashion-mnist, and the Python package in the path.

usage: tools/few_label_images.py --out docs/results/few-labels-images.tsv [--draws 10] [--shots 1,2,5,10,20,50]
"""
import argparse
import pathlib
import time

import metaplastic
import numpy as np
from few_label_tables import COLUMNS, logistic
from metaplastic import FewLabelClassifier
from tsv_table import append_rows

ROWS = 50_000


def labels_of(truth, shots, draw):
    generator = np.random.default_rng(draw)
    y = np.full(len(truth), -1)
    for kind in np.unique(truth):
        rows = generator.choice(np.flatnonzero(truth == kind), shots, replace=False)
        y[rows] = kind
    return y


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--shots", default="1,2,5,10,20,50", help="labels per class")
    args = parser.parse_args()
    images, truth, info = metaplastic.read_data("fashion-mnist")
    first = info["first_test_row"]
    X, y = images[:ROWS].reshape(ROWS, -1), truth[:ROWS]
    X_test, y_test = images[first:].reshape(len(images) - first, -1), truth[first:]
    model = None
    for shots in map(int, args.shots.split(",")):
        found = {"logistic": [], "few labels": []}
        for draw in range(args.draws):
            few, start = labels_of(y, shots, draw), time.time()
            known = few >= 0
            if model is None:
                model = FewLabelClassifier(random_state=0, verbose=1).fit(X, few)
            else:
                model.fit_labels(X[known], few[known])
            seconds = {"few labels": time.time() - start}
            accuracy = {"few labels": (model.predict(X_test) == y_test).mean()}
            start = time.time()
            accuracy["logistic"] = (logistic().fit(X[known], few[known]).predict(X_test) == y_test).mean()
            seconds["logistic"] = time.time() - start
            for name, values in found.items():
                values.append(accuracy[name])
                append_rows(args.out, COLUMNS, [{
                    "table": "fashion-mnist", "method": name, "draw": draw, "rows": ROWS, "columns": X.shape[1],
                    "classes": 10, "labelled": known.sum(), "accuracy": f"{accuracy[name]:.5f}",
                    "seconds": f"{seconds[name]:.2f}",
                    "choice": f"{model.readout_}: {model.share_:.3f}" if name == "few labels" else ""}])
        differences = np.subtract(found["few labels"], found["logistic"])
        for name, values in [*found.items(), ("difference", differences)]:
            error = np.std(values, ddof=1) / np.sqrt(len(values))
            print(f"{shots} labels per class, {name}: {np.mean(values):.4f} +- {error:.4f}", flush=True)


if __name__ == "__main__":
    main()
