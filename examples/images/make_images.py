#!/usr/bin/env python3
"""Writes a folder of small PGM images: circles, squares and crosses in noise, 40 of each.

usage: make_images.py FOLDER
"""
import pathlib
import random
import sys

SIDE = 16


def inside(shape, x, y, radius):
    if shape == "circle":
        return x * x + y * y <= radius * radius
    if shape == "square":
        return max(abs(x), abs(y)) <= 0.85 * radius
    return min(abs(x), abs(y)) <= 0.3 * radius and max(abs(x), abs(y)) <= radius


def draw(shape, noise):
    radius = noise.uniform(3.4, 5.4)
    left, top = noise.uniform(6, 10), noise.uniform(6, 10)
    return bytes(int(min(255, max(0, (190 if inside(shape, x - left, y - top, radius) else 40) + noise.gauss(0, 20))))
                 for y in range(SIDE) for x in range(SIDE))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_images.py FOLDER")
    noise = random.Random(1)
    for shape in ("circle", "square", "cross"):
        folder = pathlib.Path(sys.argv[1]) / shape
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(40):
            (folder / f"{n:02}.pgm").write_bytes(b"P5\n%d %d\n255\n" % (SIDE, SIDE) + draw(shape, noise))


if __name__ == "__main__":
    main()
