#!/usr/bin/python3
"""Draws first-layer filters, for light and for dark pages (Debian's python3-matplotlib).

usage: make_filters_figure.py OUT_LIGHT.png OUT_DARK.png FILTERS.json
       make_filters_figure.py OUT_LIGHT.png OUT_DARK.png TITLE=ENCODER.safetensors[,IMAGES.npy] ...

FILTERS.json is what `metaplastic experiment filters --quick --data fashion-mnist --out RESULTS` writes: filters over
the inner steps. Encoders are what `apply --model` writes with a conv layer at the bottom: all filters, the smoothest
first, each scaled by its own largest weight, grey at zero. IMAGES.npy [N,height,width,channels] are images that the
encoder learned from, for a layer that whitens: its filters are then shown as they see whitened windows.
"""
import base64
import io
import json
import math
import pathlib
import struct
import sys

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position

# Page and text colours of GitHub.
THEMES = {"light": ("#ffffff", "#1f2328"), "dark": ("#0d1117", "#e6edf3")}
WINDOWS = 20_000
OFFSET = 0.1  # of the mean eigenvalue, as src/apply/window_whitening.h
FLAT = 0.01   # as src/apply/window_rows.h:kWindowOffset
GAP = 1       # pixels between filters


def over_steps(path):
    """Title and picture of each theme, of the JSON of an experiment."""
    pictures = json.loads(path.read_text(encoding="utf-8"))["pictures"]

    def image(picture, theme):
        data = base64.b64decode(picture[theme].split(",")[-1])
        return plt.imread(io.BytesIO(data), format="png")

    return [(picture["title"].split(", ")[-1], {theme: image(picture, theme) for theme in THEMES})
            for picture in pictures]


def first_layer(path):
    """Metadata and the filters [units,window] of layer 1 of an encoder file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    entry = header["layer.1.W"]
    first, last = (8 + size + at for at in entry["data_offsets"])
    return header["__metadata__"], np.frombuffer(data[first:last], np.float32).reshape(entry["shape"]).T


def root_of_covariance(images, height, width):
    """What takes filters of windows to filters of whitened windows."""
    images = images.astype(np.float64) / (255 if images.dtype == np.uint8 else 1)
    random = np.random.default_rng(0)
    rows = random.integers(0, len(images), WINDOWS)
    y = random.integers(0, images.shape[1] - height + 1, WINDOWS)
    x = random.integers(0, images.shape[2] - width + 1, WINDOWS)
    windows = np.stack([images[i, a:a + height, b:b + width].ravel() for i, a, b in zip(rows, y, x)])
    windows -= windows.mean(axis=1, keepdims=True)
    windows /= windows.std(axis=1, keepdims=True) + FLAT
    values, vectors = np.linalg.eigh(np.cov(windows.T))
    return (vectors * np.sqrt(values + OFFSET * values.mean())) @ vectors.T


def smoothness(tile):
    """Mean correlation of a pixel with its right and lower neighbours."""
    pairs = ((tile[:, 1:], tile[:, :-1]), (tile[1:], tile[:-1]))
    return np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs])


def filters_of(encoder, images):
    """Filters [units,height,width,channels] of the conv layer at the bottom, the smoothest first."""
    metadata, filters = first_layer(encoder)
    words = metadata["layers"].split(",")[0].split()
    if words[0] != "conv":
        sys.exit(f"{encoder}: expected a conv layer at the bottom, found '{words[0]}'")
    height, width = map(int, words[2].split("x"))
    if ("whiten" in words) != (images is not None):
        sys.exit(f"{encoder}: expected images for a conv layer that whitens, and for no other")
    if images is not None:
        filters = filters @ root_of_covariance(np.load(images), height, width)
    tiles = filters.reshape(len(filters), height, width, -1)
    return tiles[np.argsort([-smoothness(tile) for tile in tiles])]


def mosaic(tiles, page):
    """All filters in one picture of twice as many columns as rows."""
    _, height, width, channels = tiles.shape
    columns = max(1, round(math.sqrt(2 * len(tiles))))
    rows = -(-len(tiles) // columns)
    picture = np.empty((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3))
    picture[:] = matplotlib.colors.to_rgb(page)
    for n, tile in enumerate(tiles):
        y, x = n // columns * (height + GAP), n % columns * (width + GAP)
        largest = np.abs(tile).max() or 1
        colours = 0.5 + tile / largest / 2
        picture[y:y + height, x:x + width] = np.broadcast_to(colours, (height, width, max(3, channels)))
    return picture


def of_encoder(text):
    title, _, files = text.partition("=")
    encoder, _, images = files.partition(",")
    tiles = filters_of(pathlib.Path(encoder), pathlib.Path(images) if images else None)
    return title, {theme: mosaic(tiles, page) for theme, (page, _) in THEMES.items()}


def draw(pictures, theme, path):
    page, text = THEMES[theme]
    shapes = [picture[theme].shape for _, picture in pictures]
    figure, axes = plt.subplots(1, len(pictures), figsize=(10.5, 2.9), facecolor=page, constrained_layout=True,
                                squeeze=False, gridspec_kw={"width_ratios": [w / h for h, w, *_ in shapes]})
    for axis, (title, picture) in zip(axes.flat, pictures):
        axis.imshow(picture[theme], interpolation="nearest")
        axis.set_title(title, fontsize=10, color=text)
        axis.axis("off")
    figure.savefig(path, dpi=160)
    print(f"wrote {path}")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.partition("\n\n")[2].partition("\n\n")[0])
    if sys.argv[3].endswith(".json"):
        pictures = over_steps(pathlib.Path(sys.argv[3]))
    else:
        pictures = [of_encoder(text) for text in sys.argv[3:]]
    for theme, path in zip(THEMES, sys.argv[1:3]):
        draw(pictures, theme, path)


if __name__ == "__main__":
    main()
