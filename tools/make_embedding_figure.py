#!/usr/bin/env python3
"""Draws README's figure, for light and for dark pages: features before and after, and accuracy against labels.

usage: make_embedding_figure.py EMBEDDING.json FEW_LABELS.tsv OUT_LIGHT.png OUT_DARK.png
The JSON is what `metaplastic experiment embedding --data fashion-mnist --out RESULTS` writes, the table what
tools/few_label_images.py writes.
"""
import collections
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position
import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

from tsv_table import read_rows  # noqa: E402  pylint: disable=wrong-import-position

# Page and text colours of GitHub; two series that both pages and colour-blind readers tell apart.
THEMES = {"light": {"page": "#ffffff", "text": "#1f2328", "grid": "#d1d9e0", "series": ("#0969da", "#8a5a00")},
          "dark": {"page": "#0d1117", "text": "#e6edf3", "grid": "#3d444d", "series": ("#58a6ff", "#e3b341")}}
NAMES = {"few labels": "FewLabelClassifier()", "logistic": "StandardScaler +\nLogisticRegression"}


def draw_points(axis, drawn, title):
    points = drawn["spec"]["data"]["values"]
    for number, name in enumerate(sorted({p["class"] for p in points})):
        own = [p for p in points if p["class"] == name]
        axis.scatter([p["x"] for p in own], [p["y"] for p in own], s=5, color=plt.cm.tab10(number), label=name,
                     linewidths=0)
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])


def draw_accuracy(axis, rows, theme):
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        found[row["method"]][int(row["labelled"])].append(float(row["accuracy"]))
    for (method, name), color in zip(NAMES.items(), theme["series"]):
        labels = sorted(found[method])
        means = np.array([np.mean(found[method][n]) for n in labels])
        errors = [np.std(found[method][n], ddof=1) / np.sqrt(len(found[method][n])) for n in labels]
        axis.errorbar(labels, means, errors, fmt="o-", color=color, markersize=4)
        axis.annotate(name, (labels[-3], means[-3]), textcoords="offset points", color=color, fontsize=9,
                      xytext=(-4, 8) if method == "few labels" else (4, -24), ha="right" if method == "few labels" else "left")
    axis.set_xscale("log")
    axis.set_xticks(labels, [str(n) for n in labels])
    axis.minorticks_off()
    axis.set_xlabel("labelled images of 50,000")
    axis.set_title("accuracy of the test images", fontsize=10)
    axis.grid(axis="y", color=theme["grid"], linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def draw(result, rows, theme, path):
    colors = {name: theme["text"] for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    with plt.rc_context({**colors, "figure.facecolor": theme["page"], "axes.facecolor": theme["page"]}):
        figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), constrained_layout=True, width_ratios=[1, 1, 1.2])
        for axis, drawn, title in zip(axes, result["figures"], ("before", "after, without any label")):
            draw_points(axis, drawn, title)
        draw_accuracy(axes[2], rows, theme)
        figure.get_layout_engine().set(rect=(0, 0.14, 1, 0.86))
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="lower left", ncols=5, frameon=False, markerscale=2.5, fontsize=9,
                      columnspacing=1.2, handletextpad=0.2)
        figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: make_embedding_figure.py EMBEDDING.json FEW_LABELS.tsv OUT_LIGHT.png OUT_DARK.png")
    result = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows = read_rows(pathlib.Path(sys.argv[2]))
    for theme, path in zip(THEMES.values(), sys.argv[3:]):
        draw(result, rows, theme, path)


if __name__ == "__main__":
    main()
