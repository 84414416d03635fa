"""Families of tasks that are callables of Python, for meta-training and meta-validation.

Users import :class:`TaskFamily` from :mod:`metaplastic.meta`.
"""
from __future__ import annotations

import itertools
import re
import traceback
from typing import Any, Callable, Iterable, List, Optional, Tuple

import numpy as np

from . import _native

Sample = Callable[[np.random.Generator, str], Tuple[Any, Any]]


def _is_missing(value):
    return value is None or type(value).__name__ == "NAType" or value != value or value in (-1, "")


def class_numbers(y):
    """(which rows have a label [N], int64 numbers of the classes of those that have one)."""
    y = np.asarray(y)
    if y.dtype.kind == "O":
        missing = np.array([_is_missing(value) for value in y.ravel()], dtype=bool).reshape(y.shape)
    elif y.dtype.kind in "US":
        missing = y == np.zeros((), y.dtype)
    else:
        missing = np.isnan(y) | (y == -1) if y.dtype.kind == "f" else y == -1
    present = y[~missing]
    if present.dtype.kind == "O":
        present = present.astype(str)
    return ~missing, np.unique(present, return_inverse=True)[1].astype(np.int64)


def _shape(value):
    return f"{type(value).__name__} of shape {value.shape}" if hasattr(value, "shape") else type(value).__name__


class TaskFamily:
    """A family of tasks: ``sample(rng, split)`` returns the rows of one task and their classes.

    Parameters
    ----------
    sample : callable
        ``sample(rng, split) -> X, y``. rng is a ``numpy.random.Generator``, split is "train" or
        "validation". X holds at least 4 rows of each class: [N, U] numbers, which are standardised, or
        images [N, H, W] or [N, H, W, C]; everything that ``train_encoder`` takes. y [N]: a label for each
        row, whole numbers or strings, of ``tasks.min_classes`` to ``tasks.max_classes`` classes.
    name : str, optional
        By default the name of ``sample``. Letters, digits, ``_``, ``-`` and ``.``.
    weight : float, default=1
        Share of the tasks, beside the weights of the other families.

    Notes
    -----
    ``sample`` must be a pure function: the same generator state and split give the same rows. Then a run
    gives the same bits for any number of threads and after every stop and resume. Each task has its own
    generator, made from the run's seed and the number of the task. A family draws one task twice when a
    run starts, and refuses rows that differ. What "train" returns must not tell of what "validation"
    returns: rules are chosen on the latter.

    ``sample`` runs in any thread, one at a time, because it holds the GIL; all else of meta-training
    runs beside it. It is called once per trajectory and held-out task, and once per call of
    :func:`metaplastic.meta.estimate`.
    """

    def __init__(self, sample: Sample, name: Optional[str] = None, weight: float = 1):
        self.sample = sample
        self.name = name or getattr(sample, "__name__", type(sample).__name__)
        self.weight = float(weight)
        if not callable(sample):
            raise _native.Error(f"TaskFamily: expected a callable sample(rng, split), found {type(sample).__name__}; "
                                "TaskFamily.of_tasks takes an iterable of tasks")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.name):
            raise _native.Error(f"TaskFamily: expected a name of letters, digits, _, - and ., found {self.name!r}; "
                                "give name=")
        if not 0 <= self.weight <= 1e6:
            raise _native.Error(f"TaskFamily: expected a weight from 0 to 1e6, found {weight}")

    @classmethod
    def of_tasks(cls, tasks: Iterable[Tuple[Any, Any]], name: str, weight: float = 1, *,
                 held_out_share: float = 0.2, limit: int = 1000) -> "TaskFamily":
        """A family of tasks that are there already: an iterable, or an iterator, of pairs (X, y).

        Parameters
        ----------
        tasks : iterable of (X, y)
            Read at once, up to ``limit`` tasks; they stay in memory.
        name, weight
            As for the family.
        held_out_share : float, default=0.2
            Share of the tasks, spread evenly, that is for meta-validation alone.
        limit : int, default=1000
            How many tasks are read at most. What an iterator holds beyond them is left in it.
        """
        kept = list(itertools.islice(tasks, limit))
        held_out = [int((n + 1) * held_out_share) > int(n * held_out_share) for n in range(len(kept))]
        parts = {"train": [task for task, held in zip(kept, held_out) if not held],
                 "validation": [task for task, held in zip(kept, held_out) if held]}
        if not all(parts.values()):
            raise _native.Error(f"task family '{name}': expected at least one task for meta-training and one held out, "
                                f"found {len(parts['train'])} and {len(parts['validation'])}; give more tasks, or "
                                "change held_out_share")
        return cls(_Kept(parts), name, weight)

    @property
    def entry(self) -> str:
        """As ``tasks.callables`` of a config names it."""
        return f"{self.name}*{self.weight:g}"

    def describe(self) -> str:
        """What made the tasks, for the provenance of rules."""
        if isinstance(self.sample, _Kept):
            return " and ".join(f"{len(part)} tasks for {split}" for split, part in self.sample.parts.items())
        module = getattr(self.sample, "__module__", None) or "?"
        return f"callable {getattr(self.sample, '__qualname__', type(self.sample).__name__)} of {module}"

    def draw(self, seed: int, split: str) -> Tuple[Any, List[int]]:
        """The rows of one task and the numbers of their classes; a pure function. Raises metaplastic.Error."""
        try:
            drawn = self.sample(np.random.Generator(np.random.PCG64(seed)), split)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(str(error).split())
            raise _native.Error(f"sample raised {type(error).__name__}: {text} ({place.filename}, line {place.lineno})"
                                ) from error
        if not isinstance(drawn, tuple) or len(drawn) != 2:
            raise _native.Error(f"expected sample to return a pair X, y, found {_shape(drawn)}")
        X, y = drawn
        if isinstance(X, str):
            raise _native.Error("expected sample to return rows as X, found a str; read_data reads a data SPEC")
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise _native.Error(f"expected y to have one label per row, found {_shape(labels)}")
        labelled, classes = class_numbers(labels)
        if not labelled.all():
            raise _native.Error(f"expected a label for each row, found {int((~labelled).sum())} of {len(labels)} rows "
                                "without; leave them out")
        return X, classes.tolist()

    def __repr__(self):
        return f"TaskFamily({self.name!r}, weight={self.weight:g}: {self.describe()})"


class _Kept:
    """The sampler of tasks that were read before: one of the split's, each with the same chance."""

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, rng, split):
        part = self.parts[split]
        return part[rng.integers(len(part))]


def with_callables(config: dict, families: Iterable[TaskFamily]) -> dict:
    """The config with the names and weights of the families in ``tasks.callables``."""
    families = tuple(families)
    if not families:
        return config
    return {**config, "tasks": {**config.get("tasks", {}), "callables": [family.entry for family in families]}}
