#!/usr/bin/python3
"""Draws first-layer filters over the inner steps, for light and for dark pages (Debian's python3-matplotlib).

usage: make_filters_figure.py FILTERS.json OUT_LIGHT.png OUT_DARK.png
The JSON is what `metaplastic experiment filters --quick --data fashion-mnist --out RESULTS` writes.
"""
import base64
import io
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position

# Page and text colours of GitHub.
THEMES = {"light": ("#ffffff", "#1f2328"), "dark": ("#0d1117", "#e6edf3")}


def draw(pictures, theme, path):
    page, text = THEMES[theme]
    figure, axes = plt.subplots(1, len(pictures), figsize=(10.5, 2.9), facecolor=page, constrained_layout=True)
    for axis, picture in zip(axes, pictures):
        data = base64.b64decode(picture[theme].split(",")[-1])
        axis.imshow(plt.imread(io.BytesIO(data), format="png"), interpolation="nearest")
        axis.set_title(picture["title"].split(", ")[-1], fontsize=10, color=text)
        axis.axis("off")
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: make_filters_figure.py FILTERS.json OUT_LIGHT.png OUT_DARK.png")
    pictures = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["pictures"]
    for theme, path in zip(THEMES, sys.argv[2:]):
        draw(pictures, theme, path)


if __name__ == "__main__":
    main()
