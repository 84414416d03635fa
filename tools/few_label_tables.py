#!/usr/bin/python3
"""Few labels on real tables: FewLabelClassifier beside logistic regression, self-training, label spreading and UMAP.

Each draw labels a few rows of each class; all methods see the same labelled rows and all rows without labels, and are
evaluated on the rows without a label. Methods with settings choose them by cross-validation on the labelled rows. Rows are
appended to the output as they are done: a run that was stopped goes on. Needs Debian's python3-sklearn and umap-learn, the
Python package in the path, and the tables of tools/make_tables.R; digits, wine and breast cancer are scikit-learn's.

usage: tools/few_label_tables.py --tables FOLDER --out docs/results/few-labels.tsv [--draws 5] [--methods NAME,..]
       tools/few_label_tables.py --print docs/results/few-labels.tsv
"""
import argparse
import pathlib
import sys
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from tsv_table import append_rows, read_rows

COLUMNS = ["table", "method", "draw", "rows", "columns", "classes", "labelled", "accuracy", "seconds", "choice"]
OF_SKLEARN = {"digits": datasets.load_digits, "wine": datasets.load_wine, "breast cancer": datasets.load_breast_cancer}


class Task:
    """Rows X with labels y [-1: hidden] as a method sees them, and all true labels."""

    def __init__(self, name, X, truth, shots, draw):
        generator = np.random.default_rng(draw)
        self.name, self.X, self.truth, self.draw = name, X, truth, draw
        self.y = np.full(len(truth), -1)
        for kind in np.unique(truth):
            rows = generator.choice(np.flatnonzero(truth == kind), shots, replace=False)
            self.y[rows] = kind
        self.labelled = np.flatnonzero(self.y >= 0)

    def folds(self):
        """(y with a fold's labels hidden, rows of the fold), five times."""
        parts = StratifiedKFold(5, shuffle=True, random_state=self.draw).split(self.labelled, self.y[self.labelled])
        for _, part in parts:
            hidden = self.y.copy()
            hidden[self.labelled[part]] = -1
            yield hidden, self.labelled[part]

    def choose(self, settings, predict):
        """The first of the settings with the best accuracy out of fold; predict(y, setting) gives all rows' classes."""
        folds = list(self.folds())
        scores = [np.mean([(predict(y, s)[rows] == self.truth[rows]).mean() for y, rows in folds]) for s in settings]
        return settings[int(np.argmax(scores))]


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def by_logistic(task):
    return logistic().fit(task.X[task.labelled], task.y[task.labelled]).predict(task.X), ""


def by_few_labels(task):
    from metaplastic import FewLabelClassifier  # pylint: disable=import-outside-toplevel
    model = FewLabelClassifier(random_state=task.draw).fit(task.X, task.y)
    return model.predict(task.X), f"{model.readout_}: {model.share_:.3f}"


def by_self_training(task):
    def predict(y, threshold):
        return SelfTrainingClassifier(logistic(), threshold=threshold).fit(task.X, y).predict(task.X)
    threshold = task.choose([0.6, 0.75, 0.9, 0.99], predict)
    return predict(task.y, threshold), threshold


class Graphs:
    """Affinities of standardised rows, each computed once per table."""

    def __init__(self):
        self.name, self.known = None, {}

    def of(self, task, kind, value):
        if task.name != self.name:
            self.name, self.known = task.name, {}
        if (kind, value) not in self.known:
            rows = StandardScaler().fit_transform(task.X)
            if kind == "knn":
                graph = kneighbors_graph(rows, value, mode="connectivity")
            else:
                square = (rows**2).sum(1)
                distances = np.maximum(square[:, None] + square - 2 * rows @ rows.T, 0)
                graph = np.exp(-value / rows.shape[1] * distances)
            self.known[kind, value] = graph
        return self.known[kind, value]


GRAPHS = Graphs()


def by_label_spreading(task):
    def predict(y, setting):
        kind, value, alpha = setting
        graph = GRAPHS.of(task, kind, value)
        model = LabelSpreading(kernel=lambda X, Y=None: graph.copy(), alpha=alpha, max_iter=100)
        return model.fit(task.X, y).transduction_
    kernels = [("knn", n) for n in (5, 7, 10, 20)] + [("rbf", gamma) for gamma in (0.5, 2, 8, 20)]
    setting = task.choose([(kind, value, alpha) for kind, value in kernels for alpha in (0.2, 0.5, 0.8, 0.95)], predict)
    return predict(task.y, setting), " ".join(map(str, setting))


EMBEDDINGS = {}


def by_umap(task):
    import umap  # pylint: disable=import-outside-toplevel

    def predict(y, setting):
        if (task.name, setting) not in EMBEDDINGS:
            neighbours, components = setting
            reducer = umap.UMAP(n_neighbors=neighbours, n_components=components, random_state=0)
            EMBEDDINGS[task.name, setting] = reducer.fit_transform(StandardScaler().fit_transform(task.X))
        rows = EMBEDDINGS[task.name, setting]
        return logistic().fit(rows[y >= 0], y[y >= 0]).predict(rows)
    setting = task.choose([(neighbours, components) for neighbours in (5, 15) for components in (2, 10)], predict)
    return predict(task.y, setting), " ".join(map(str, setting))


METHODS = {"logistic": by_logistic, "few labels": by_few_labels, "self-training": by_self_training,
           "label spreading": by_label_spreading, "umap": by_umap}


def read_tables(folder, most_rows):
    """(name, X, y) of every table; of more rows the first ones, which make_tables.R has shuffled."""
    for name, load in OF_SKLEARN.items():
        yield name, *load(return_X_y=True)
    for path in sorted(pathlib.Path(folder).glob("*.csv")):
        lines = path.read_text(encoding="utf-8").splitlines()[1:][:most_rows]
        cells = [line.split(",") for line in lines]
        y = np.unique([row[-1] for row in cells], return_inverse=True)[1]
        yield path.stem, np.array([row[:-1] for row in cells], dtype=float), y


def run(args):
    done = {(row["table"], row["method"], int(row["draw"])) for row in read_rows(args.out)}
    warnings.filterwarnings("ignore")
    for name, X, truth in read_tables(args.tables, args.rows):
        for method in args.methods.split(","):
            for draw in range(args.draws):
                if (name, method, draw) in done:
                    continue
                task = Task(name, X, truth, args.shots, draw)
                start = time.time()
                predicted, choice = METHODS[method](task)
                hidden = task.y < 0
                accuracy = (predicted[hidden] == truth[hidden]).mean()
                append_rows(args.out, COLUMNS, [{
                    "table": name, "method": method, "draw": draw, "rows": len(X), "columns": X.shape[1],
                    "classes": len(np.unique(truth)), "labelled": len(task.labelled), "accuracy": f"{accuracy:.5f}",
                    "seconds": f"{time.time() - start:.2f}", "choice": choice}])
                print(f"{name} {method} {draw}: {accuracy:.4f} ({choice})", file=sys.stderr, flush=True)
        EMBEDDINGS.clear()


def print_table(path):
    """Means over the draws, with the paired difference of the classifier to logistic regression."""
    found = {}
    for row in read_rows(path):
        found.setdefault(row["table"], {}).setdefault(row["method"], {})[int(row["draw"])] = float(row["accuracy"])
    others = ["logistic", "few labels", "self-training", "label spreading", "umap"]
    print("| table | logistic regression | FewLabelClassifier | difference +- stderr | SelfTraining | LabelSpreading | UMAP |")
    print("|---|---|---|---|---|---|---|")
    columns = {name: [] for name in [*others, "difference"]}
    for table, methods in found.items():
        draws = sorted(set.intersection(*(set(methods.get(name, {})) for name in others[:2])))
        differences = np.array([methods["few labels"][d] - methods["logistic"][d] for d in draws])
        error = differences.std(ddof=1) / np.sqrt(len(draws))
        means = {name: np.mean(list(methods[name].values())) if name in methods else np.nan for name in others}
        for name in others:
            columns[name].append(means[name])
        columns["difference"].append(differences.mean())
        print(f"| {table} | {means['logistic']:.3f} | {means['few labels']:.3f} | {differences.mean():+.3f} +- {error:.3f} | "
              + " | ".join(f"{means[name]:.3f}" for name in others[2:]) + " |")
    total = {name: np.mean(values) for name, values in columns.items()}
    print(f"| **mean** | {total['logistic']:.3f} | {total['few labels']:.3f} | {total['difference']:+.3f} | "
          + " | ".join(f"{total[name]:.3f}" for name in others[2:]) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tables", help="folder that tools/make_tables.R wrote")
    parser.add_argument("--out", type=pathlib.Path, help="results, one row per table, method and draw")
    parser.add_argument("--print", type=pathlib.Path, metavar="TSV", help="print the table of a result file")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--shots", type=int, default=10, help="labels per class")
    parser.add_argument("--rows", type=int, default=1500, help="most rows of a table")
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args()
    if args.print:
        print_table(args.print)
    elif args.tables and args.out:
        run(args)
    else:
        parser.error("expected --tables and --out, or --print; see the usage above")


if __name__ == "__main__":
    main()
