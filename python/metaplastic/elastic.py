"""Meta-training on a Dask cluster whose workers come and go.

    >>> from distributed import Client
    >>> from metaplastic import elastic
    >>> theta = elastic.train(config, "runs/a", Client("scheduler:8786"), seed=1)

One outer step is one pure function per trajectory, so a worker that is killed costs the work in its
hands and nothing else: its estimates are made again elsewhere, with the same bits. The run equals
``metaplastic train`` with the same config and seed, and each resumes the other's folder.
Dask is Debian's python3-distributed; every worker needs this package and the files that the
config names.
"""
from __future__ import annotations

import functools
import json
import pickle
import time
import warnings
from typing import Callable, Iterable, List, Optional

import numpy as np

from . import _native
from .families import TaskFamily, with_callables
from .meta import full_config, with_saved_start


@functools.lru_cache(maxsize=2)
def _inner_loop(config_json: str, families: Optional[bytes]) -> _native.InnerLoop:
    # Once per worker process: a task distribution takes seconds to build.
    return _native.InnerLoop(config_json, pickle.loads(families) if families else ())


def _estimate(config_json: str, families: Optional[bytes], theta: np.ndarray, task_state, seed: int,
              outer_step: int):
    return _inner_loop(config_json, families).estimate(theta, task_state, seed, outer_step)


def _pickled(families) -> Optional[bytes]:
    """None without families. Callables go by value where they are of no module that workers can import."""
    if not families:
        return None
    import cloudpickle  # comes with Dask
    return cloudpickle.dumps(families)


def _gather(client, submit: Callable[[int], object], count: int, patience: int) -> List[object]:
    """Results of submit(0..count-1), however often a worker dies with one in its hands."""
    from distributed import CancelledError, KilledWorker
    futures = {n: submit(n) for n in range(count)}
    results = {}
    failures = 0
    while futures:
        for n, future in list(futures.items()):
            try:
                results[n] = future.result()
                del futures[n]
            except (KilledWorker, CancelledError) as error:
                failures += 1
                if failures > patience:
                    raise RuntimeError(f"elastic: {failures} times a worker died with an estimate; is "
                                       "memory short, or a package missing there?") from error
                futures[n] = submit(n)
    return [results[n] for n in range(count)]


def train(config: dict, out, client, *, seed: int = 0, resume: bool = False, patience: int = 1000,
          callbacks: Iterable[Callable[[dict], object]] = (),
          families: Iterable[TaskFamily] = ()) -> np.ndarray:
    """Meta-trains into the folder ``out``.

    Parameters
    ----------
    config : dict
        As for :class:`metaplastic.meta.MetaTraining`; paths in it are read by all workers.
    out : path
        The run folder.
    client : distributed.Client
        Workers may join, leave and be killed meanwhile. With none left the run waits for the next one.
    seed : int, default=0
    resume : bool, default=False
        Go on with the run in the folder.
    patience : int, default=1000
        How many lost estimates in one outer step before it gives up.
    callbacks : iterable of callable
        Called with the metrics of each outer step; returning False stops the run, saved.
    families : iterable of TaskFamily
        As for :class:`metaplastic.meta.MetaTraining`; they are pickled to the workers.

    Returns
    -------
    ndarray [P], float32
        theta after the last outer step.

    Raises
    ------
    metaplastic.Error
        Also for ``outer.mode = "async"``: an update here takes one estimate of each trajectory.
    RuntimeError
        When patience is over.

    Warns
    -----
    RuntimeWarning
        For a truncation whose numbers did not stay finite: which task, how far it came.
    """
    families = tuple(families)
    pickled = _pickled(families)
    config_json = json.dumps(full_config(with_callables(with_saved_start(config, out), families)))
    loop = _native.OuterLoop(config_json, str(out), seed, resume, families)
    num_steps = json.loads(config_json)["outer"]["outer_steps"]
    callbacks = tuple(callbacks)
    while loop.outer_step < num_steps:
        start = time.monotonic()
        theta, states, outer_step = loop.theta, loop.states(), loop.outer_step

        def submit(n, theta=theta, states=states, outer_step=outer_step):
            # theta goes with each call: data that is scattered would die with its worker.
            return client.submit(_estimate, config_json, pickled, theta, states[n], loop.seed, outer_step,
                                 pure=False, key=f"estimate-{outer_step}-{n}-{time.monotonic_ns()}")

        estimates = _gather(client, submit, len(states), patience)
        metrics = loop.update([gradient for gradient, _ in estimates], [state for _, state in estimates],
                              seconds=time.monotonic() - start,
                              on_note=lambda line: warnings.warn(line, RuntimeWarning, stacklevel=4))
        if not all([callback(metrics) is not False for callback in callbacks]):
            loop.save()
            break
    return loop.theta
