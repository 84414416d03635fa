#!/usr/bin/python3
"""Few labels on Fashion-MNIST: 50,000 rows of which 200 have a label, FewLabelClassifier beside logistic regression.

The rows are the same in every draw and the network reads no label, so that it is trained once (fit), and the classifier is
fitted again for each draw (fit_labels). Accuracies are those of the 10,000 test images. Needs Debian's python3-sklearn and
dataset-fashion-mnist, and the Python package in the path.

usage: tools/few_label_images.py --out docs/results/few-labels-images.tsv [--draws 10]
"""
import argparse
import pathlib
import time

import metaplastic
import numpy as np
from few_label_tables import COLUMNS, logistic
from metaplastic import FewLabelClassifier
from tsv_table import append_rows

ROWS, SHOTS = 50_000, 20


def labels_of(truth, draw):
    generator = np.random.default_rng(draw)
    y = np.full(len(truth), -1)
    for kind in np.unique(truth):
        rows = generator.choice(np.flatnonzero(truth == kind), SHOTS, replace=False)
        y[rows] = kind
    return y


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    images, truth, info = metaplastic.read_data("fashion-mnist")
    first = info["first_test_row"]
    X, y = images[:ROWS].reshape(ROWS, -1), truth[:ROWS]
    X_test, y_test = images[first:].reshape(len(images) - first, -1), truth[first:]
    model, found = None, {"logistic": [], "few labels": []}
    for draw in range(args.draws):
        few, start = labels_of(y, draw), time.time()
        if model is None:
            model = FewLabelClassifier(random_state=0, verbose=1).fit(X, few)
        else:
            model.fit_labels(X[few >= 0], few[few >= 0])
        seconds = {"few labels": time.time() - start}
        accuracy = {"few labels": (model.predict(X_test) == y_test).mean()}
        start = time.time()
        accuracy["logistic"] = (logistic().fit(X[few >= 0], few[few >= 0]).predict(X_test) == y_test).mean()
        seconds["logistic"] = time.time() - start
        for name, values in found.items():
            values.append(accuracy[name])
            append_rows(args.out, COLUMNS, [{
                "table": "fashion-mnist", "method": name, "draw": draw, "rows": ROWS, "columns": X.shape[1], "classes": 10,
                "labelled": (few >= 0).sum(), "accuracy": f"{accuracy[name]:.5f}", "seconds": f"{seconds[name]:.2f}",
                "choice": f"{model.readout_}: {model.share_:.3f}" if name == "few labels" else ""}])
    differences = np.subtract(found["few labels"], found["logistic"])
    for name, values in [*found.items(), ("difference", differences)]:
        print(f"{name}: {np.mean(values):.4f} +- {np.std(values, ddof=1) / np.sqrt(len(values)):.4f}")


if __name__ == "__main__":
    main()
