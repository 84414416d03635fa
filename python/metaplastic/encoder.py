"""Encoders from arrays or from a data SPEC, without scikit-learn."""
from __future__ import annotations

import dataclasses
import json
import warnings
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _native
from ._native import Encoder, Rule
from .threads import count_threads

Data = Any  # a SPEC, an array, a list, a data frame, ..


@dataclasses.dataclass(frozen=True)
class Training:
    """What :func:`train_encoder` returns.

    Attributes
    ----------
    encoder : Encoder
        The trained network with its fitted preprocessing.
    inner_steps : int
        Inner steps done.
    notes : tuple of str
        One line each, e.g. that there were fewer rows than an inner batch.
    health : dict
        ``dead_share`` (of all units), ``effective_rank`` (of the top layer, at most
        ``num_features``), ``drift`` (turn of the weight columns over the last tenth of the steps,
        0 to sqrt(2)), ``warnings`` (one line per sign that is out of range). Needs no label.
    """

    encoder: Encoder
    inner_steps: int
    notes: Tuple[str, ...]
    health: dict


class CollapseWarning(UserWarning):
    """The features hold less than their number promises: dead units, a collapsed layer, weights that still
    turn, or columns of the data that hold one value in all rows."""


def warn_of_collapse(encoder: Encoder, health: dict, stacklevel: int) -> None:
    """A ``warnings.warn`` for each sign, as the command line prints a line for each."""
    constant = encoder.constant_columns
    if constant:
        names = ", ".join(map(repr, constant[:8])) + (", .." if len(constant) > 8 else "")
        warnings.warn(f"constant columns: {len(constant)} of {len(encoder.columns)} ({names}) hold one value in all "
                      "rows and become 0; drop them, or look at where they come from", CollapseWarning,
                      stacklevel=stacklevel + 1)
    for line in health["warnings"]:
        warnings.warn(line, CollapseWarning, stacklevel=stacklevel + 1)


def train_encoder(data: Data, rule: Union[str, Rule] = "compact-v1", *, hidden: Sequence[int] = (128, 128),
                  n_features: int = 128, activation: str = "relu", n_steps: Optional[int] = None,
                  inner_batch: Optional[int] = None, seed: int = 0, resize: Optional[int] = None,
                  variant: str = "usual", layers: Optional[str] = None, kind: Optional[str] = None, views: Optional[str] = None, columns: Optional[Sequence[str]] = None,
                  layer: Union[int, str] = "top", with_input: bool = False, n_jobs: Optional[int] = None,
                  progress: Optional[Callable[[int, int], None]] = None) -> Training:
    """Trains an encoder on unlabelled rows, as ``metaplastic apply`` does; same bits for one seed.

    Parameters
    ----------
    data : str, array or data frame
        A SPEC of the command line ("fashion-mnist", "csv:FILE,label=c", ...), of which the training
        rows are used; or an array [N, U] (a table: columns are standardised), [N, H, W] or
        [N, H, W, C] (images; white is 1 for floats and bools, 65535 for uint16, else 255). Of bools,
        whole numbers or floats of any size and byte order, read where it lies; or a list, a data
        frame, or what has ``__array__``. :meth:`Encoder.embed` takes the same.
    rule : str or Rule, default="compact-v1"
        A rule file, the name of a bundled rule (:func:`rule_names`), or a :class:`Rule`.
    hidden : sequence of int, default=(128, 128)
        Widths of the hidden layers.
    n_features : int, default=128
        Width of the top layer.
    activation : str, default="relu"
        relu, leaky_relu, tanh, elu, sigmoid, softplus, swish or step.
    n_steps, inner_batch : int, optional
        By default what the rule is evaluated at and meta-trained with.
    seed : int, default=0
        Of initial weights and batches, 0 to 2**63 - 1.
    resize : int, optional
        Side of square images after shrinking, in pixels; 0 keeps the size; None shrinks what is above
        32, or above 14 without conv layers.
    variant : str, default="usual"
        Of a rule that walks among neighbours, usual, alike, alone, noisy, mixed, dense, far or apart:
        how it is applied, which ``metaplastic evaluate`` chooses by labels.
    layers : str, optional
        "mlp" (hidden and n_features alone), "images" or "signals" (conv layers below them), or all
        layers such as "conv 128 7x7, pool 3x3, dense 128" or "conv 64 9, pool 4, dense 128". None:
        "images" where rows are images of 8 x 8 and more, "signals" where they are signals of 16 steps
        and more, else "mlp".
    kind : str, optional
        "signal" reads an array [N, T] or [N, T, C] as signals of T times and C channels. None: by its
        dimensions, as above; "table" and "image" insist on that. The encoder remembers it.
    views : str, optional
        The second view of an image, for layers that see places: neighbours, places, shifts or mirrors.
        None: neighbours.
    columns : sequence of str, optional
        Names of an array's columns; a data frame brings its own. The encoder keeps them, and finds the
        columns of later data by them.
    layer : int or str, default="top"
        What ``embed`` gives out: a layer from 1 up, "top" or "all" (side by side).
    with_input : bool, default=False
        Whether the prepared inputs stand before it, scaled to vary as much.
    n_jobs : int, optional
        Threads that share the work of an inner step, as joblib counts them; None: all cores, or as many
        as OMP_NUM_THREADS says. The result does not depend on it.
    progress : callable, optional
        Called with (inner steps done, inner steps in all) about ten times a second.

    Returns
    -------
    Training

    Raises
    ------
    Error
        A ValueError with one line, for input that cannot be used.
    KeyboardInterrupt
        Within about a tenth of a second. The GIL is released meanwhile.

    Warns
    -----
    CollapseWarning
        For each sign of a collapse, and for constant columns.
    """
    applied = _native.train_encoder(
        rule, data, hidden=[int(width) for width in hidden], features=int(n_features),
        activation=activation, inner_steps=n_steps, inner_batch=inner_batch, seed=int(seed),
        resize=resize, variant=variant, layers=layers, kind=kind, views=views, columns=None if columns is None else list(columns),
        layer=str(layer), with_input=bool(with_input), num_threads=count_threads(n_jobs), progress=progress)
    warn_of_collapse(applied.encoder, applied.health, stacklevel=2)
    return Training(applied.encoder, applied.inner_steps, tuple(applied.notes), applied.health)


def read_data(spec: str) -> Tuple[np.ndarray, Optional[np.ndarray], Dict[str, Any]]:
    """What a data SPEC names.

    Parameters
    ----------
    spec : str
        As for ``--data`` of the command line.

    Returns
    -------
    X : ndarray
        float32 (float64 for a table with a column such as times in seconds, which would lose its
        digits), raw: [N, U] for tables, [N, H, W] or [N, H, W, 3] for images (black is 0, white
        ``info["pixel_max"]``), [N, T, C] for signals and sounds, [N, words] normalised word counts
        for text.
    y : ndarray [N], int64, or None
        0..classes-1, and -1 for a row without a label as in ``sklearn.semi_supervised``.
    info : dict
        ``kind`` ("image", "table", "text", "signal"), ``description``, ``class_names``,
        ``column_names``, ``first_test_row`` (rows from there on are the official test set; N where
        there is none), ``pixel_max``, ``rate`` (of sounds, else None), ``notes``.
    """
    return _native.read_data(spec)


def rule_names() -> List[str]:
    """Names of the bundled rules, sorted."""
    return _native.rule_names()


def record(encoder: Encoder) -> dict:
    """How an encoder was made: rule and its SHA-256, data, seed, inner steps, inner batch, ..."""
    return json.loads(encoder.record_json)
