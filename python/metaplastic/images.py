"""Rows that are images: which arrays hold them, and how pixels become numbers from 0 to 1."""
from __future__ import annotations

import math
from typing import Any, Optional, Sequence, Tuple, Union

import numpy as np

from ._native import Error

LEAST_SIDE = 8
ROWS_LOOKED_AT = 1000
WHITES = (1, 16, 255, 65535)  # the largest values of usual formats; 16: scikit-learn's digits
LEAST_EDGE = 0.1  # by which neighbours of an image correlate more than pixels half a row apart


def find_shape(X: np.ndarray, image_shape: Union[str, Sequence[int], None]) -> Optional[Tuple[int, ...]]:
    """(height, width) or (height, width, channels) of X's rows, None for a table. "auto": arrays of more
    than two axes, and columns that :func:`looks_like_images` finds. Raises Error."""
    if isinstance(image_shape, str) and image_shape == "auto":
        if not isinstance(X, np.ndarray):  # a sparse matrix
            return None
        if X.ndim > 2:
            return tuple(X.shape[1:])
        side = math.isqrt(X.shape[1])
        return (side, side) if looks_like_images(X, side) else None
    if image_shape is None:
        if X.ndim > 2:
            raise Error(f"image_shape: expected 'auto' for an array of shape {list(X.shape)}, found None; "
                        "give X of two axes, or leave image_shape out")
        return None
    if not isinstance(X, np.ndarray):
        raise Error(f"image_shape: expected 'auto' or None for a sparse matrix, found {image_shape!r}; "
                    "give pixels as an array")
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list, np.ndarray)) else ()
    if len(shape) not in (2, 3) or not all(isinstance(n, (int, np.integer)) and n > 0 for n in shape):
        raise Error("image_shape: expected 'auto', None, (height, width) or (height, width, channels), "
                    f"found {image_shape!r}")
    if math.prod(shape) != math.prod(X.shape[1:]):
        raise Error(f"image_shape: expected {math.prod(X.shape[1:])} pixels as X has, found {image_shape!r}")
    return tuple(int(n) for n in shape)


def white_of(X: np.ndarray) -> int:
    """The pixel value of white: of the type where it is uint8 or uint16, else the first of WHITES that no
    value exceeds."""
    if X.dtype in (np.uint8, np.uint16):
        return int(np.iinfo(X.dtype).max)
    largest = X.max()
    return next((white for white in WHITES if largest <= white), 1)


def scale(X: np.ndarray, shape: Tuple[int, ...], white: int) -> np.ndarray:
    """Images [n, height, width(, channels)] from 0 to 1, float32."""
    pixels = X.reshape(len(X), *shape)
    return np.divide(pixels, white, dtype=np.float32, casting="same_kind") if white != 1 else pixels.astype(
        np.float32, copy=False)


def looks_like_images(X: np.ndarray, side: int) -> bool:
    """Whether columns of the same sign are pixels of side x side images, row by row: neighbours in a row and in
    a column of pixels correlate more than pixels half a row apart, and than the last pixel of a row
    with the first one of the next."""
    if side < LEAST_SIDE or side * side != X.shape[1] or len(X) < 10:
        return False
    rows = np.asarray(X[:: -(-len(X) // ROWS_LOOKED_AT)], dtype=np.float64)
    if rows.min() < 0:
        return False
    rows = rows - rows.mean(axis=0)
    length = np.sqrt((rows * rows).sum(axis=0))
    varies = (length > 0).reshape(side, side)
    grid = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0).reshape(len(rows), side, side)

    def correlation(first, second):
        known = varies[first] & varies[second]
        products = (grid[(slice(None), *first)] * grid[(slice(None), *second)]).sum(axis=0)
        return products[known].mean() if known.any() else 0.0

    whole, half = slice(None), side // 2
    across = correlation((whole, slice(None, -1)), (whole, slice(1, None)))
    down = correlation((slice(None, -1), whole), (slice(1, None), whole))
    far = correlation((whole, slice(None, -half)), (whole, slice(half, None)))
    around = correlation((slice(None, -1), side - 1), (slice(1, None), 0))
    return min(across, down) > LEAST_EDGE + max(far, around)
