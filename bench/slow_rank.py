#!/usr/bin/env python3
"""What one slow rank costs: throughput against the ranks' own rates, and the meta-loss against the seeds'.

usage: bench/slow_rank.py [--build build] [--seconds S] [--steps N] [--seeds N]

The slow rank is stopped and continued from outside, nine tenths of the time stopped. Own rates are those of
as many runs of one process each, at the same time, one of them slowed likewise: the machine is shared
out in the same way. Both are measured in turn, three times; medians.
"""
import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

from mpi_runs import ENVIRONMENT, metrics_of, mpirun, ranks_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "tiny.toml"
RANKS = 3
COMMON = ["--threads", "1", "--quiet", "outer.outer_batch=6", "outer.checkpoint_every=1000000"]


class Slowed(threading.Thread):
    """Lets a process run a tenth of the time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.over = False

    def run(self):
        try:
            while not self.over:
                os.kill(self.pid, signal.SIGSTOP)
                time.sleep(0.18)
                os.kill(self.pid, signal.SIGCONT)
                time.sleep(0.02)
        except ProcessLookupError:
            pass

    def stop(self):
        self.over = True
        self.join()


def metrics_so_far(folder):
    try:
        return metrics_of(folder)
    except (OSError, ValueError):
        return []


def truncations(folder):
    return sum(sum(line["rank_truncations"]) for line in metrics_so_far(folder))


def wait_for_line(folders):
    while not all(metrics_so_far(folder) for folder in folders):
        time.sleep(0.05)


def rate(commands, folders, slowed, seconds):
    """Truncations per second of all runs together, after each has made its first update."""
    runs = [subprocess.Popen([str(w) for w in command], env=ENVIRONMENT) for command in commands]  # pylint: disable=consider-using-with
    wait_for_line(folders)
    slow = Slowed(slowed(runs))
    slow.start()
    time.sleep(2)
    before, start = sum(map(truncations, folders)), time.monotonic()
    time.sleep(seconds)
    done, elapsed = sum(map(truncations, folders)) - before, time.monotonic() - start
    slow.stop()
    for run in runs:
        run.terminate()
    for run in runs:
        run.wait()
    return done / elapsed


def throughput(program, seconds):
    ratios = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            words = [program, "train", "--config", CONFIG, "--outer-steps", 10**8, *COMMON, "outer.mode=async",
                     "validation.every=1000000", "outer.async_batch=1"]
            together = rate([mpirun(RANKS, *words, "--out", folder / "all", "--rank-timeout", 60)], [folder / "all"],
                            lambda runs: ranks_of(folder / "all")[RANKS - 1], seconds)
            alone = [folder / f"alone{n}" for n in range(RANKS)]
            apart = rate([[*words, "--out", out] for out in alone], alone, lambda runs: runs[-1].pid, seconds)
            ratios.append(together / apart)
            print(f"{RANKS} ranks together {together:.1f} truncations/s, by themselves {apart:.1f}: {ratios[-1]:.2f}",
                  flush=True)
    print(f"median: {statistics.median(ratios):.2f}")


def final_loss(program, mode, seed, steps, slow):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "run"
        words = [program, "train", "--config", CONFIG, "--out", folder, "--seed", seed, "--outer-steps", steps, *COMMON,
                 f"outer.mode={mode}", "validation.every=1000000", "validation.num_tasks=16", "--rank-timeout", 60]
        run = subprocess.Popen([str(w) for w in mpirun(RANKS, *words)], env=ENVIRONMENT)  # pylint: disable=consider-using-with
        if slow:
            wait_for_line([folder])
            slowed = Slowed(ranks_of(folder)[RANKS - 1])
            slowed.start()
            while run.poll() is None and len(metrics_so_far(folder)) < steps - 1:
                time.sleep(0.05)
            slowed.stop()
        if run.wait() != 0:
            raise RuntimeError(f"the run ended with status {run.returncode}")
        return metrics_of(folder)[-1]["validation"]["meta_loss"]


def losses(program, steps, seeds):
    sync = [final_loss(program, "sync", seed, steps, False) for seed in range(1, seeds + 1)]
    slow = [final_loss(program, "async", seed, steps, True) for seed in range(1, seeds + 1)]
    print(f"meta-loss after {steps} updates, meta-validation, {seeds} seeds")
    print("synchronous:                ", " ".join(f"{loss:.4f}" for loss in sync), f"(mean {statistics.mean(sync):.4f})")
    print("asynchronous, one rank slow:", " ".join(f"{loss:.4f}" for loss in slow), f"(mean {statistics.mean(slow):.4f})")
    inside = min(sync) <= statistics.mean(slow) <= max(sync)
    print(f"the asynchronous mean is {'inside' if inside else 'OUTSIDE'} the synchronous spread "
          f"{min(sync):.4f} to {max(sync):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    program = (arguments.build / "metaplastic").resolve()
    throughput(program, arguments.seconds)
    losses(program, arguments.steps, arguments.seeds)


if __name__ == "__main__":
    main()
