#!/usr/bin/python3
"""Draws docs/figures/*.svg from the tables beside them (Debian's python3-matplotlib).

stages.tsv: meta-validation of the recipe's stages (docs/recipe.md); trials.tsv: what tools/compare_trials wrote.
usage: tools/make_figures.py [FOLDER]
"""
import collections
import csv
import pathlib
import statistics
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "metaplastic", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none"})
import matplotlib.pyplot as plt  # noqa: E402


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def draw_stages(rows, path):
    stages = collections.defaultdict(list)
    for row in rows:
        stages[row["stage"]].append(row)
    figure, axes = plt.subplots(1, len(stages), figsize=(9, 2.4), sharey=True)
    for axis, (stage, points) in zip(axes, stages.items()):
        axis.plot([int(row["outer_step"]) for row in points], [float(row["accuracy"]) for row in points], "o-", markersize=3)
        axis.axhline(float(points[0]["random"]), color="0.5", linestyle="--", linewidth=1)
        axis.set(title=f"stage {stage}", xlabel="outer step", xlim=(0, None))
    axes[0].set_ylabel("accuracy")
    axes[0].annotate("random\nencoder", (75, float(stages["1"][0]["random"])), textcoords="offset points", xytext=(0, -32), ha="right", color="0.4")
    write(figure, path)


def gains_by_change(rows):
    """change -> minutes -> gains over the random encoder, one of each seed."""
    gains = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        gains[row["change"]][float(row["minutes"])].append(float(row["accuracy"]) - float(row["random"]))
    return gains


def draw_trials(rows, path):
    gains = gains_by_change(rows)
    reference = gains["as it is"]
    columns = 5
    figure, axes = plt.subplots(-(-len(gains) // columns), columns, figsize=(9, 5.4), sharex=True, sharey=True)
    for axis, (change, curve) in zip(axes.flat, gains.items()):
        minutes = sorted(curve)
        if curve is not reference:
            axis.plot(sorted(reference), [statistics.mean(reference[m]) for m in sorted(reference)], color="0.7")
        axis.plot(minutes, [statistics.mean(curve[m]) for m in minutes], color="C0")
        for m in minutes:
            axis.plot([m] * len(curve[m]), curve[m], ".", color="C0", markersize=4)
        axis.axhline(0, color="0.5", linestyle="--", linewidth=1)
        axis.set_title(change, fontsize=9)
    for axis in axes.flat[len(gains):]:
        axis.remove()
    figure.supxlabel("minutes of one thread")
    figure.supylabel("accuracy above the random encoder")
    figure.tight_layout()
    write(figure, path)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures")
    for name, draw in {"stages": draw_stages, "trials": draw_trials}.items():
        table = folder / f"{name}.tsv"
        if not table.exists():
            print(f"make_figures: {table}: expected a table, found no such file; run it in the checkout", file=sys.stderr)
            sys.exit(2)
        draw(read(table), folder / f"{name}.svg")


if __name__ == "__main__":
    main()
