"""Callbacks for ``MetaTraining.run`` and ``elastic.train``: tables, TensorBoard, and what others take.

    >>> from metaplastic import callbacks
    >>> run.run([callbacks.CsvLog("run.csv"), callbacks.TensorBoardLog("events")])

A callback is any callable of the metrics dict; one that returns False stops the run. Weights & Biases
needs no class of ours: ``lambda m: wandb_run.log(callbacks.scalars(m), step=m["outer_step"])``.
"""
from __future__ import annotations

import csv
import os
import pathlib
from typing import Dict, List, Optional

from . import _native

__all__ = ["CsvLog", "TensorBoardLog", "scalars"]


def scalars(metrics: dict) -> Dict[str, float]:
    """The numbers of one outer step by the tags that ``metaplastic train --tensorboard`` gives them.

    Parameters
    ----------
    metrics : dict
        What a callback is called with.

    Returns
    -------
    dict
        ``outer/meta_loss`` and so on, ``speed/inner_steps_per_second``, and after a meta-validation
        ``meta_validation/accuracy`` and so on, with ``meta_validation_by_family/NAME``.
    """
    found: Dict[str, float] = {}
    _add("outer", {name: value for name, value in metrics.items() if name != "validation"}, found)
    if metrics["seconds"] > 0:
        found["speed/inner_steps_per_second"] = metrics["inner_steps"] / metrics["seconds"]
    if metrics["validation"]:
        _add("meta_validation", metrics["validation"], found)
    return found


def _add(group, values, found):
    for name, value in values.items():
        if isinstance(value, dict):
            found.update({f"{group}_{name}/{key}": float(number) for key, number in value.items()})
        elif isinstance(value, (int, float)):
            found[f"{group}/{name}"] = float(value)


class TensorBoardLog:
    """Writes the scalars of each outer step as an event file, without TensorBoard being installed.

    Parameters
    ----------
    folder : path
        For ``tensorboard --logdir``. A resumed run adds a file there, which replaces what a run that
        died wrote beyond its last checkpoint.
    """

    def __init__(self, folder):
        self.folder = os.fspath(folder)
        self._file: Optional[_native.EventFile] = None

    def __call__(self, metrics: dict) -> None:
        if self._file is None:
            self._file = _native.EventFile(self.folder, metrics["outer_step"])
        self._file.write(metrics["outer_step"], scalars(metrics))


class CsvLog:
    """Keeps a CSV file with a row for each outer step, whole after every step.

    Columns are the tags of :func:`scalars` without ``outer/``; a cell is empty where a step has no such
    number. A new column (the first meta-validation brings some) is added to the rows that are there.

    Parameters
    ----------
    path : path
        A file that exists is gone on with. Its rows from the first step on that this object sees are
        replaced: a run that died had written them beyond its last checkpoint.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._columns: List[str] = []

    def __call__(self, metrics: dict) -> None:
        row = {tag.removeprefix("outer/"): repr(number) for tag, number in scalars(metrics).items()}
        row["outer_step"] = str(metrics["outer_step"])
        first = self._columns == []
        if first or not set(row) <= set(self._columns):
            self._rewrite(row, metrics["outer_step"] if first else None)
        else:
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns).writerow(row)

    def _rewrite(self, row, first_step):
        rows = []
        if self.path.exists():
            with open(self.path, newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
                self._columns = self._columns or list(reader.fieldnames or ())
            if self._columns and "outer_step" not in self._columns:
                raise _native.Error(f"{self.path}: expected a table with a column outer_step to go on with, found "
                                    "another; give the path of a new file")
        if first_step is not None:
            rows = [kept for kept in rows if int(kept["outer_step"]) < first_step]
        self._columns = list(dict.fromkeys(["outer_step", *self._columns, *row]))
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows + [row])
        os.replace(temporary, self.path)
