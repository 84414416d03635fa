#!/usr/bin/env python3
"""Tests of metaplastic.meta and metaplastic.elastic, against the command line where it has the same.

usage: PYTHONPATH=build/python meta_test.py PROGRAM [unittest arguments]
"""
import asyncio
import contextlib
import importlib.util
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError as error:
    print(f"meta_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import elastic, meta

PROGRAM = ""


def rows(num_rows=240, num_columns=6, num_classes=4, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % num_classes
    return random.normal(size=(num_rows, num_columns)) + 3 * np.eye(num_classes, num_columns)[y], y


def tiny_config(tasks, outer_steps=4, **outer):
    return {"rule": {"C": 4, "D": 2, "G": 1},
            "tasks": {"glyphs": 0, "fields": 0, "images": [f"mine={tasks}"], "min_classes": 3,
                      "max_classes": 4, "held_out_share": 0.3},
            "inner": {"min_units": 6, "max_units": 8, "min_features": 6, "max_features": 8, "min_T": 4,
                      "max_T": 9, "inner_batch": [16], "max_layers": 2},
            "truncation": {"min_K": 2, "max_K": 3, "shots": 3},
            "outer": {"outer_batch": 3, "outer_steps": outer_steps, "checkpoint_every": 2, **outer},
            "validation": {"every": 2, "num_tasks": 2, "inner_steps": 4, "num_probes": 1,
                           "hidden": [8, 8]}}


def write_toml(path, config):
    """The config with every option named, as the command line reads it."""
    lines = []
    for section, values in meta.full_config(config).items():
        plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
        for name, part in [(section, plain)] + [(f"{section}.{k}", v) for k, v in values.items()
                                                if isinstance(v, dict)]:
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in part.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def metrics_of(folder):
    lines = (pathlib.Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def tensors_of(path):
    """The tensors of a safetensors file, and its metadata."""
    content = pathlib.Path(path).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    metadata = header.pop("__metadata__")
    return {name: content[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]
            for name, entry in header.items()}, metadata


class Meta(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        X, y = rows()
        self.config = tiny_config(meta.save_tasks(self.folder / "rows.npz", X, y))

    def command_line(self, out, *arguments):
        toml = write_toml(self.folder / "config.toml", self.config)
        subprocess.run([PROGRAM, "train", "--config", toml, "--out", self.folder / out, "--quiet", "--threads",
                        "1", *arguments], check=True)

    def assert_same_run(self, one, other):
        first, second = (tensors_of(self.folder / name / "checkpoint.safetensors")[0] for name in (one, other))
        self.assertEqual(set(first), set(second))
        for name, values in first.items():
            self.assertEqual(values, second[name], name)

    def test_steps_one_by_one_equal_the_command_line(self):
        self.command_line("cli", "--seed", "5")
        run = meta.MetaTraining(self.config, self.folder / "py", seed=5, threads=1)
        steps = list(run)
        self.assertEqual([m["outer_step"] for m in steps], [1, 2, 3, 4])
        self.assertIsNone(steps[0]["validation"])
        self.assertIn("mine", steps[1]["validation"]["by_family"])
        self.assert_same_run("cli", "py")
        self.assertEqual([m["meta_loss"] for m in steps], [m["meta_loss"] for m in metrics_of(run.out)])
        # The rule that came out is one to use.
        X, _ = rows()
        features = metaplastic.train_encoder(X, run.rule, hidden=(8,), n_features=4, n_steps=3)
        self.assertEqual(features.encoder.embed(X).shape, (240, 4))

    def test_left_early_it_is_saved_and_goes_on_anywhere(self):
        for _ in meta.MetaTraining(self.config, self.folder / "parts", seed=5, threads=1):
            break
        self.assertEqual(len(metrics_of(self.folder / "parts")), 1)
        self.command_line("parts", "--resume", "outer.outer_steps=3")
        seen = []
        run = meta.MetaTraining(self.config, self.folder / "parts", resume=True, threads=2)
        self.assertEqual(run.run([seen.append]), "finished")
        self.assertEqual([m["outer_step"] for m in seen], [4])
        meta.MetaTraining(self.config, self.folder / "whole", seed=5, threads=1).run()
        self.assert_same_run("parts", "whole")

    def test_callbacks_stop_and_raise(self):
        run = meta.MetaTraining(self.config, self.folder / "stop", threads=1)
        self.assertEqual(run.run([lambda m: m["outer_step"] < 2]), "stopped")

        def broken(_):
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            meta.MetaTraining(None, self.folder / "stop", resume=True, threads=1).run([broken])
        self.assertEqual(len(metrics_of(self.folder / "stop")), 3)

    def test_keyboard_interrupt_saves(self):
        self.config["outer"]["outer_steps"] = 100000
        run = meta.MetaTraining(self.config, self.folder / "int", threads=1)
        with self.assertRaises(KeyboardInterrupt):
            run.run([lambda m: os.kill(os.getpid(), signal.SIGINT) if m["outer_step"] == 3 else None])
        self.assertTrue((self.folder / "int" / "checkpoint.safetensors").exists())
        self.assertLess(len(metrics_of(run.out)), 6)

    def test_estimate_is_a_pure_function(self):
        loop = meta.InnerLoop(json.dumps(self.config))
        theta = loop.initial_theta(seed=1)
        self.assertEqual(theta.shape, (loop.num_parameters,))
        state = loop.open(1, seed=1)
        gradient, after = meta.estimate(loop, theta, state, seed=1)
        self.assertTrue(after.finite and np.isfinite(gradient).all() and np.abs(gradient).max() > 0)
        self.assertEqual(after.inner_step, after.inner_steps)
        # Again, from a copy that went through a pickle, after other work, in another object.
        meta.estimate(loop, theta * 2, loop.open(0, seed=9), seed=9)
        again, then = meta.estimate(meta.InnerLoop(json.dumps(self.config)), theta,
                                    pickle.loads(pickle.dumps(state)), seed=1)
        np.testing.assert_array_equal(again, gradient)
        np.testing.assert_array_equal(then.phi, after.phi)
        for _ in range(6):  # T <= 9 in truncations of at least 2: the next task begins meanwhile
            _, after = meta.estimate(loop, theta, pickle.loads(pickle.dumps(after)), seed=1)
        self.assertGreater(after.generation, 0)

    def test_the_gradient_is_the_derivative(self):
        # Along the gradient itself: (L(theta + h g) - L(theta - h g)) / 2h = |g|^2 up to O(h^2) and
        # float rounding; 2 % covers both at this h.
        loop = meta.InnerLoop(json.dumps(self.config))
        theta, state = loop.initial_theta(), loop.open(0)
        gradient, _ = meta.estimate(loop, theta, state)
        g = gradient.astype(np.float64)
        h = 3e-3 / np.linalg.norm(g)
        losses = [meta.estimate(loop, (theta + sign * h * g).astype(np.float32), state)[1].meta_loss
                  for sign in (1, -1)]
        self.assertAlmostEqual((losses[0] - losses[1]) / (2 * h) / (g @ g), 1, delta=0.02)

    def test_errors(self):
        with self.assertRaisesRegex(metaplastic.Error, "did you mean"):
            meta.full_config({"inner": {"iner_lr": 0.1}})
        with self.assertRaisesRegex(metaplastic.Error, "tasks.images: expected NAME"):
            meta.InnerLoop(json.dumps({"tasks": {"glyphs": 0, "fields": 0, "images": ["rows.npz"]}}))
        X, _ = rows()
        unlabelled = self.folder / "x.npy"
        np.save(unlabelled, X)
        with self.assertRaisesRegex(metaplastic.Error, "labels"):
            meta.InnerLoop(json.dumps({"tasks": {"glyphs": 0, "fields": 0,
                                                 "images": [f"x=npy:{unlabelled}"]}}))


def die_first(deaths, number, times, function, *arguments):
    """Calls the function; the first times, its process is killed with the work in its hands."""
    for n in range(times):
        try:
            (deaths / f"{number}-{n}").touch(exist_ok=False)
        except FileExistsError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments)


class DeadlyClient:
    """A client some of whose calls kill their workers: {number of the call: how many}."""

    def __init__(self, client, deaths, times):
        self.client, self.deaths, self.times = client, deaths, times
        self.num_calls = 0

    def submit(self, function, *arguments, **options):
        number = self.num_calls
        self.num_calls += 1
        return self.client.submit(die_first, self.deaths, number, self.times.get(number, 0), function,
                                  *arguments, **options)


def close_in_time(part):
    """Closing a cluster whose workers were killed may wait for them for as long as lost workers may take; Python
    ends its processes anyway."""
    with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
        part.close(timeout=20)


class Elastic(Meta):
    """On a LocalCluster; the tests of Meta are not run again."""

    @unittest.skipUnless(importlib.util.find_spec("distributed"), "needs Debian's python3-distributed")
    def test_killed_and_added_workers_change_nothing(self):
        import dask
        from distributed import Client, LocalCluster
        self.config["outer"]["outer_steps"] = 5
        self.command_line("cli", "--seed", "7")
        deaths = self.folder / "deaths"
        deaths.mkdir()
        # A task is lost once, and twice, which with this setting is once more than Dask tries.
        with dask.config.set({"distributed.scheduler.allowed-failures": 1,
                              "distributed.deploy.lost-worker-timeout": "10 minutes"}), \
                contextlib.ExitStack() as parts:
            cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                   local_directory=str(self.folder / "dask"))
            parts.callback(close_in_time, cluster)
            client = Client(cluster)
            parts.callback(close_in_time, client)

            def grow(metrics):
                if metrics["outer_step"] == 2:
                    cluster.scale(3)

            theta = elastic.train(self.config, self.folder / "dask-run",
                                  DeadlyClient(client, deaths, {4: 1, 10: 2}), seed=7, callbacks=[grow])
            client.wait_for_workers(3, timeout=120)  # closing waits for a nanny that starts a worker
        self.assertEqual(sorted(path.name for path in deaths.iterdir()), ["10-0", "10-1", "4-0"])
        self.assert_same_run("cli", "dask-run")
        self.assertEqual(tensors_of(self.folder / "dask-run" / "checkpoint.safetensors")[0]["theta"],
                         theta.tobytes())


for name in [name for name in dir(Meta) if name.startswith("test_")]:
    setattr(Elastic, name, None)

if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
