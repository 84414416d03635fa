#!/usr/bin/env python3
"""Measures on this machine what the cluster model is fed with, and holds the model against real runs.

usage: bench/cluster/measure.py [--build build] [--config configs/tiny.toml] [--out MEASURED.json] [--check]
                                [--set key=value ...]

Times of truncations are processor times of one rank by itself, so that other work on the machine
does not count; --check runs 1, 2, 4 and 8 ranks on the cores of this machine and prints the model's figure
beside each, both per second of the cores that the ranks got.
"""
import argparse
import json
import os
import pathlib
import resource
import struct
import subprocess
import tempfile
import time

import model
from mpi_runs import ENVIRONMENT, metrics_of, mpirun

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What a network adds to the latency measured through TCP on this machine, and its rate: nominal.
NETWORKS = {"ethernet-1G": (5e-5, 1.18e8), "ethernet-10G": (2e-5, 1.18e9), "ethernet-100G": (1e-5, 1.18e10)}


def lines_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                          env=ENVIRONMENT)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def train(program, config, overrides, ranks, steps, mode, batch):
    """(metrics lines, seconds of wall and of processors) of a run on so many ranks of one thread."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        words = [program, "train", "--config", config, "--out", out, "--threads", 1, "--quiet", "--outer-steps",
                 steps, f"outer.mode={mode}", f"outer.async_batch={batch if mode == 'async' else 0}",
                 f"outer.outer_batch={max(batch, ranks)}", "validation.every=1000000", "validation.num_tasks=1",
                 "validation.inner_steps=1", "outer.checkpoint_every=1000000", *overrides]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        subprocess.run([str(w) for w in (mpirun(ranks, *words) if ranks > 1 else words)], check=True,
                       env=ENVIRONMENT)
        seconds = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return metrics_of(out), seconds, used


def truncation_times(arguments):
    """One truncation per update: each line of metrics is one. Their spread is that of the wall clock, their sum
    that of the processor, less what starting costs (a run of a single update)."""
    program = arguments.build / "metaplastic"
    few = train(program, arguments.config, arguments.set, 1, 1, "async", 1)
    many = train(program, arguments.config, arguments.set, 1, arguments.samples + 1, "async", 1)
    used = max(1e-6, many[2] - few[2])
    wall = sorted(line["seconds"] for line in many[0][1:])
    wall = wall[:len(wall) * 19 // 20]  # the rest waited for the machine
    return [value * used / len(many[0][1:]) / (sum(wall) / len(wall)) for value in wall]


def links(arguments):
    found = {}
    for name, transport in (("shared-memory", "vader,self"), ("tcp-here", "tcp,self")):
        rows = lines_of("mpirun", "--mca", "btl", transport, *mpirun(2, arguments.build / "mpi_conformance", "--ping")[1:])
        latency = min(row["round_trip_s"] for row in rows) / 2
        large = rows[-1]
        found[name] = {"latency_s": latency, "bytes_per_s": large["bytes"] / (large["round_trip_s"] / 2)}
    for name, (latency, rate) in NETWORKS.items():
        found[name] = {"latency_s": found["tcp-here"]["latency_s"] + latency,
                       "bytes_per_s": min(rate, 10 * found["tcp-here"]["bytes_per_s"])}
    return found


def num_parameters(arguments):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        subprocess.run([str(arguments.build / "metaplastic"), "train", "--config", str(arguments.config), "--out", str(out),
                        "--outer-steps", "1", "--quiet", "validation.num_tasks=1", "validation.inner_steps=1",
                        "outer.outer_batch=1", *arguments.set], check=True)
        content = (out / "checkpoint.safetensors").read_bytes()
        header = json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])
        return header["theta"]["shape"][0]


def check(arguments, measured):
    cores = len(os.sched_getaffinity(0))
    print(f"ranks  mode   updates per core-second, real  model  ratio   ({cores} cores)")
    for mode in ("sync", "async"):
        for ranks in (1, 2, 4, 8):
            few = train(arguments.build / "metaplastic", arguments.config, arguments.set, ranks, 1, mode, 8)
            many = train(arguments.build / "metaplastic", arguments.config, arguments.set, ranks, 1 + arguments.steps,
                         mode, 8)
            real = arguments.steps / (many[2] - few[2])
            predicted = model.simulate(measured, num_ranks=ranks, mode=mode, batch=8, cores=cores,
                                       ranks_per_host=8, updates=100)
            busy = min(cores, ranks) * predicted["efficiency"]
            figure = predicted["updates_per_s"] / busy
            print(f"{ranks:5}  {mode:5}  {real:29.3f}  {figure:5.3f}  {figure / real:5.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "configs" / "tiny.toml")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--steps", type=int, default=60, help="updates of each run of --check")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--set", nargs="*", default=[])
    arguments = parser.parse_args()
    P = num_parameters(arguments)
    measured = {"config": arguments.config.name, "parameters": P, "truncation_s": truncation_times(arguments),
                "links": links(arguments),
                **lines_of(arguments.build / "mpi_conformance", "--reduce", P)[0]}
    if arguments.out:
        arguments.out.write_text(json.dumps(measured) + "\n", encoding="utf-8")
    mean = sum(measured["truncation_s"]) / len(measured["truncation_s"])
    print(f"{P} parameters; a truncation {mean:.4f} s of a core; a report {measured['report_bytes']} bytes and "
          f"{measured['reduce_s']:.2e} s of rank 0")
    for name, link in measured["links"].items():
        print(f"{name}: {link['latency_s']:.2e} s, {link['bytes_per_s']:.2e} bytes/s")
    if arguments.check:
        check(arguments, measured)


if __name__ == "__main__":
    main()
