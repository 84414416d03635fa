#!/usr/bin/python3
"""Writes share/digits.npz, the data behind `--data digits`, from scikit-learn (Debian's python3-sklearn).

1797 handwritten digits of 8 x 8 pixels with values 0..16, the test part of "Optical Recognition of
Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998, UCI Machine Learning Repository), as distributed with
scikit-learn under the BSD 3-clause licence. The same input gives the same bytes.
usage: tools/make_digits.py [OUTPUT]
"""
import pathlib
import sys

import numpy as np
from sklearn.datasets import load_digits


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "share" / "digits.npz"
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    assert images.shape == (1797, 8, 8) and images.max() == 16 and (images == digits.images).all()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, x=images, y=labels)
    print(f"{path}: {images.shape[0]} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
