"""Meta-training from Python: own tasks, outer steps one by one, gradients as pure functions.

    >>> from metaplastic import meta
    >>> tasks = meta.save_tasks("runs/rows.npz", X, y)                 # X [N, U], y [N]
    >>> run = meta.MetaTraining({"tasks": {"glyphs": 0, "fields": 0, "images": [f"mine={tasks}"]}},
    ...                         "runs/a")
    >>> for metrics in run:                                            # one outer step each
    ...     print(metrics["outer_step"], metrics["meta_loss"])

Configs are dicts of the sections and names of the command line's TOML files; what is not named has
its default. Run folders are the command line's: each resumes what the other began.
"""
from __future__ import annotations

import json
import os
import pathlib
import queue
import threading
import warnings
from typing import Callable, Iterable, Optional, Sequence, Tuple

import numpy as np

from . import _native, arrays
from ._native import InnerLoop, Rule, TaskState
from .families import TaskFamily, class_numbers, with_callables
from .step import StepBars, StepSpec, step, step_vjp

__all__ = ["InnerLoop", "MetaTraining", "StepBars", "StepSpec", "TaskFamily", "TaskState", "estimate",
           "full_config", "inner_loop", "load_config", "make_rule", "save_tasks", "step", "step_vjp", "validate"]


def load_config(path) -> dict:
    """The config in a TOML file, every option named.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict

    Raises
    ------
    metaplastic.Error
    """
    return json.loads(_native.config_from_toml(os.fspath(path)))


def full_config(config: dict) -> dict:
    """The config with every option named.

    Parameters
    ----------
    config : dict
        Sections and options that differ from the defaults.

    Returns
    -------
    dict

    Raises
    ------
    metaplastic.Error
        For an unknown option, with the nearest name, and for values out of range.
    """
    if isinstance(config.get("outer", {}).get("init_rule"), Rule):
        raise _native.Error("outer.init_rule: expected a name or a path, found a Rule; save it and give its path "
                            "(MetaTraining and elastic.train do so in the run's folder)")
    return json.loads(_native.full_config(json.dumps(config)))


def make_rule(config: dict, theta, provenance: Optional[dict] = None) -> Rule:
    """The rule that a run of this config ships for theta [P]: with the settings of its inner loop.

    For an outer loop of one's own on :func:`estimate`. ``rule.save(path)`` writes what the command line
    and :func:`metaplastic.train_encoder` take.

    Parameters
    ----------
    config : dict
    theta : array [P]
    provenance : dict, optional
        What else to say about how it was made, as JSON.

    Returns
    -------
    metaplastic.Rule
    """
    return _native.rule_from_config(json.dumps(config), theta, provenance)


def with_saved_start(config: dict, out) -> dict:
    """The config, whose outer.init_rule may be a Rule: that is saved in the folder ``out`` of the run."""
    start = config.get("outer", {}).get("init_rule")
    if not isinstance(start, Rule):
        return config
    path = pathlib.Path(out).resolve() / "init_rule.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    start.save(path)
    return {**config, "outer": {**config["outer"], "init_rule": str(path)}}


def _needs_64_bits(X):
    """Columns whose spread is small beside their mean, such as times in seconds, lose digits in 32 bits."""
    spread = X.std(axis=0) if X.ndim == 2 else np.zeros(1)
    return bool(((spread > 0) & (np.abs(X.mean(axis=0)) > 1000 * spread)).any())


def save_tasks(path, X, y) -> str:
    """Writes labelled rows for ``tasks.images`` of a config (entries NAME=SPEC), and returns their SPEC.

    Parameters
    ----------
    path : path
        A new .npz file; keep it as long as the run is to be resumed.
    X : array [N, U] or [N, H, W] or [N, H, W, C]
        Numbers, standardised when read; or images, as in training.
    y : array [N]
        Labels, whole numbers or strings; at least 2 classes of 4 rows in each split
        (``tasks.held_out_share`` of a class's rows are for meta-validation). Rows without a label (-1,
        NaN, None, an empty string) make no task: they are left out, with a warning that counts them.

    Returns
    -------
    str
        The data SPEC of the file.
    """
    X, _ = arrays.as_array(X)
    labelled, classes = class_numbers(y)
    if X.ndim < 2 or labelled.shape != X.shape[:1]:
        raise _native.Error(f"save_tasks: expected X [N, ...] and y [N], found {X.shape} and {labelled.shape}")
    if not labelled.all():
        warnings.warn(f"save_tasks: {int((~labelled).sum())} of {len(labelled)} rows have no label and are left out",
                      stacklevel=2)
        X = X[labelled]
    if X.dtype == np.float64 and not _needs_64_bits(X):
        X = X.astype(np.float32)
    path = pathlib.Path(path).resolve()
    if path.suffix != ".npz":
        raise _native.Error(f"save_tasks: expected a path that ends in .npz, found {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(temporary, x=X, y=classes)
    os.replace(temporary, path)
    return f"npz:{path}"


class MetaTraining:
    """A meta-training run in a folder, as ``metaplastic train`` makes it.

    Parameters
    ----------
    config : dict or path
        Sections of options, or a TOML file; with ``resume=True`` None takes the folder's own.
    out : path
        The run folder (config.toml, metrics.jsonl, checkpoint.safetensors, rule.safetensors).
    seed : int, default=0
        Of everything random. A run is a function of (config, seed, program).
    threads : int, optional
        Worker threads, by default one per core; the result does not depend on it.
    resume : bool, default=False
        Go on with the run in the folder.
    minutes : float, default=0
        Stop after so long; 0: only after ``outer.outer_steps``.
    families : iterable of TaskFamily
        Beside the families of the config. Their names and weights go into ``tasks.callables``; give them
        again to resume.

    Notes
    -----
    Iterate over it for one metrics dict per outer step, or call :meth:`run`. Leaving the iteration
    early, and Ctrl-C, end the run after the step in hand, saved; ``resume=True`` goes on.
    Metrics: ``outer_step``, ``meta_loss``, ``accuracy`` (of the probes), ``gradient_norm`` (before
    clipping), ``outer_lr``, ``num_truncations``, ``num_non_finite``, ``inner_steps``, ``seconds``,
    and ``validation``: None or a dict of ``accuracy``, ``standard_error``, ``random_accuracy`` (the
    same networks untrained), ``meta_loss``, ``by_family``.
    One run at a time in a process.
    """

    def __init__(self, config, out, *, seed: int = 0, threads: Optional[int] = None, resume: bool = False,
                 minutes: float = 0, families: Iterable[TaskFamily] = ()):
        self.out = os.fspath(out)
        if config is None and resume:
            config = os.path.join(self.out, "config.toml")
        if isinstance(config, dict):
            config = with_saved_start(config, self.out)
        self.families = tuple(families)
        if not isinstance(config, dict):
            config = load_config(config)
        self.config = full_config(with_callables(config, self.families))
        self.seed = seed
        self.threads = threads or os.cpu_count() or 1
        self.resume = resume
        self.minutes = minutes
        self.notes = []

    @property
    def rule(self) -> str:
        """Path of the best rule so far; exists after the first meta-validation."""
        return os.path.join(self.out, "rule.safetensors")

    def run(self, callbacks: Iterable[Callable[[dict], object]] = ()) -> str:
        """Trains to the end.

        Parameters
        ----------
        callbacks : iterable of callable
            Each is called with the metrics after each outer step; one that returns False stops the run,
            one that raises stops it and the exception is raised here. See :mod:`metaplastic.callbacks`.

        Returns
        -------
        str
            "finished", "minutes" (time is up) or "stopped" (a callback said so).
        """
        callbacks = tuple(callbacks)
        return self._run(lambda metrics: all([callback(metrics) is not False for callback in callbacks]))

    def __iter__(self):
        # The run waits in its thread until the next metrics are asked for, so that nothing runs
        # ahead of its reader.
        steps, go_on = queue.Queue(), queue.Queue()
        left = threading.Event()

        def on_step(metrics):
            if left.is_set():  # a step that was under way when the reader left
                return False
            steps.put(metrics)
            return go_on.get()

        def work():
            try:
                self._run(on_step)
                steps.put(None)
            except BaseException as error:  # pylint: disable=broad-except
                steps.put(error)

        thread = threading.Thread(target=work, name="metaplastic-run")
        thread.start()
        try:
            while True:
                item = steps.get()
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
                go_on.put(True)
        finally:
            # Left early, or interrupted: the run ends after the step in hand.
            left.set()
            go_on.put(False)
            thread.join()

    def _run(self, on_step):
        return _native.run_training(json.dumps(self.config), self.out, seed=self.seed,
                                    num_threads=self.threads, resume=self.resume, minutes=self.minutes,
                                    on_step=on_step, on_note=self.notes.append, families=self.families)


def inner_loop(config: dict, families: Iterable[TaskFamily] = ()) -> InnerLoop:
    """Tasks and inner loop of a config, for :func:`estimate` and :func:`validate`.

    Parameters
    ----------
    config : dict
        As for :class:`MetaTraining`.
    families : iterable of TaskFamily
        Families of tasks beside those of the config.

    Raises
    ------
    metaplastic.Error
    """
    families = tuple(families)
    return InnerLoop(json.dumps(full_config(with_callables(config, families))), families)


def validate(loop: InnerLoop, theta, seed: int = 0, threads: Optional[int] = None) -> dict:
    """A rule on the held-out tasks of a config, as a run of the config judges it. A pure function.

    Parameters
    ----------
    loop : InnerLoop
    theta : array [P]
        The rule.
    seed : int
        The same tasks for the same seed.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    dict
        ``accuracy``, ``standard_error`` (over the tasks), ``random_accuracy`` (the same networks
        untrained), ``meta_loss``, and ``by_family``: the accuracy by name.
    """
    return loop.validate(np.asarray(theta, dtype=np.float32), seed, num_threads=threads or os.cpu_count() or 1)


def estimate(loop: InnerLoop, theta, task_state: TaskState, seed: int = 0) -> Tuple[np.ndarray, TaskState]:
    """The meta-gradient of one truncation.

    A pure function: same arguments, same bits, on any machine and in any order; nothing is kept.

    Parameters
    ----------
    loop : InnerLoop
        From :func:`inner_loop`: config and task distribution.
    theta : array [P]
        :meth:`InnerLoop.initial_theta` is where a run starts.
    task_state : TaskState
        From :meth:`InnerLoop.open` or an earlier estimate.
    seed : int, default=0

    Returns
    -------
    gradient : ndarray [P], float32
        As the estimator gives it: ``outer.clip_truncation``, ``outer.clip_gradient`` and ``outer.trained``
        belong to the update of theta.
    task_state : TaskState
        The next one. It carries ``meta_loss``, ``accuracy``, ``finite``, ``inner_steps`` of this
        truncation. At the end of its trajectory, and after numbers that were not finite (then the
        gradient is not to be used), it is the start of the slot's next task.
    """
    return loop.estimate(np.asarray(theta, dtype=np.float32), task_state, seed)
