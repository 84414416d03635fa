#!/usr/bin/env python3
"""Draws README's figure: the features of test images before and after the rule trained the network.

usage: make_embedding_figure.py RESULTS/embedding.json OUT.png
The JSON is what `metaplastic experiment embedding --data fashion-mnist --out RESULTS` writes.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_embedding_figure.py RESULTS/embedding.json OUT.png")
    result = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), constrained_layout=True)
    for axis, drawn, title in zip(axes, result["figures"], ("before", "after, without any label")):
        points = drawn["spec"]["data"]["values"]
        for number, name in enumerate(sorted({p["class"] for p in points})):
            own = [p for p in points if p["class"] == name]
            axis.scatter([p["x"] for p in own], [p["y"] for p in own], s=7, color=plt.cm.tab10(number),
                         label=name)
        axis.set_title(title)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    figure.savefig(sys.argv[2], dpi=110)
    print(f"wrote {sys.argv[2]}")


if __name__ == "__main__":
    main()
