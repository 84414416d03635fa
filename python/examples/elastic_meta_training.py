#!/usr/bin/env python3
"""Meta-training on a Dask cluster whose workers are killed, against the same run left in peace.

Every `--kill-every` seconds SIGKILL takes one worker that is at work; Dask's nanny starts another.
Prints how often that happened and whether the run came out the same, to the last bit; the picture
shows the meta-loss of both over time.

usage: elastic_meta_training.py [--out FOLDER] [--outer-steps 30] [--workers 2] [--kill-every 10] [--seed 1]
"""
import argparse
import os
import pathlib
import signal
import sys
import threading
import time

import dask
import matplotlib
from distributed import Client, LocalCluster

from metaplastic import elastic, meta

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position


def config(outer_steps):
    """Procedural images on small networks: about half a second of work in an estimate."""
    return {
        "tasks": {"glyphs": 0, "fields": 1},
        "inner": {"min_units": 32, "max_units": 48, "min_features": 16, "max_features": 24, "min_T": 40,
                  "max_T": 120, "max_layers": 2, "inner_batch": [64]},
        "truncation": {"min_K": 8, "max_K": 12, "shots": 5},
        "outer": {"outer_batch": 6, "outer_steps": outer_steps, "outer_lr": 1e-3, "checkpoint_every": 10},
        "validation": {"every": outer_steps, "num_tasks": 4, "inner_steps": 40, "num_probes": 1,
                       "hidden": [32, 24]},
    }


class Killer(threading.Thread):
    """Kills a worker of the cluster, one after the other, every so many seconds."""

    def __init__(self, cluster, every):
        super().__init__(daemon=True)
        self.cluster, self.every = cluster, every
        self.times = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(self.every):
            # One that is still starting is left alone, or slow machines would never get to work.
            nannies = [nanny for nanny in list(self.cluster.workers.values())
                       if nanny.pid and nanny.worker_address in self.cluster.scheduler.workers]
            if nannies:
                os.kill(nannies[len(self.times) % len(nannies)].pid, signal.SIGKILL)
                self.times.append(time.monotonic())


class Watch:
    """A callback that keeps the time and the numbers of each outer step."""

    def __init__(self):
        self.start = time.monotonic()
        self.seconds, self.losses, self.norms = [], [], []

    def __call__(self, metrics):
        self.seconds.append(time.monotonic() - self.start)
        self.losses.append(metrics["meta_loss"])
        self.norms.append(metrics["gradient_norm"])


def theta_of(folder):
    """The bytes of the best rule's numbers: what follows the header, which also says how long it took."""
    content = (folder / "rule.safetensors").read_bytes()
    return content[8 + int.from_bytes(content[:8], "little"):]


def run_on_dask(settings, folder, options):
    # Nannies have time to start their next worker, which takes long where cores are few.
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}), \
            LocalCluster(n_workers=options.workers, threads_per_worker=1, processes=True, dashboard_address=None,
                         local_directory=str(options.out / "dask")) as cluster, Client(cluster) as client:
        watch, killer = Watch(), Killer(cluster, options.kill_every)
        killer.start()
        elastic.train(settings, folder, client, seed=options.seed, callbacks=[watch])
        killer.ended.set()
        killer.join()
        client.wait_for_workers(options.workers)  # a nanny that starts a worker does not like to be closed
    return watch, [at - watch.start for at in killer.times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--outer-steps", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=10, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    settings = config(options.outer_steps)
    peace = Watch()
    undisturbed = meta.MetaTraining(settings, options.out / "undisturbed", seed=options.seed,
                                    threads=options.workers)
    undisturbed.run([peace])
    print(f"undisturbed, {options.workers} threads: {len(peace.losses)} outer steps in {peace.seconds[-1]:.0f} s")
    disturbed, kills = run_on_dask(settings, options.out / "disturbed", options)
    print(f"Dask, {options.workers} workers: {len(disturbed.losses)} outer steps in "
          f"{disturbed.seconds[-1]:.0f} s, {len(kills)} workers killed")
    same = (peace.losses == disturbed.losses and peace.norms == disturbed.norms and
            theta_of(options.out / "undisturbed") == theta_of(options.out / "disturbed"))
    print(f"the same losses, gradients and rule to the last bit: {'yes' if same else 'NO'}")

    figure, axes = plt.subplots(figsize=(9, 3.5), constrained_layout=True)
    axes.plot(peace.seconds, peace.losses, label="undisturbed")
    axes.plot(disturbed.seconds, disturbed.losses, label="workers killed at the lines")
    for at in kills:
        axes.axvline(at, color="grey", linewidth=0.5)
    axes.set_xlabel("seconds")
    axes.set_ylabel("meta-loss of the truncations")
    axes.legend()
    path = options.out / "elastic_meta_training.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
