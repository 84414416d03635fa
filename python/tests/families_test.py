#!/usr/bin/env python3
"""Tests of task families that are callables of Python, in runs, resumed ones, and on Dask.

usage: PYTHONPATH=build/python families_test.py PROGRAM [unittest arguments]
"""
import concurrent.futures
import importlib.util
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import numpy as np
except ImportError as error:
    print(f"families_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import elastic, meta

from meta_test import metrics_of, rows, tensors_of, tiny_config

PROGRAM = ""


def blobs(rng, split):
    """Classes around centres of their own; the held-out tasks have another number of columns."""
    num_columns = 6 if split == "train" else 7
    y = np.arange(60) % int(rng.integers(3, 5))
    return rng.normal(size=(60, num_columns)) + 3 * rng.normal(size=(5, num_columns))[y], y


def config_of(outer_steps=4, **tasks):
    config = tiny_config("unused", outer_steps)
    config["tasks"] = {"glyphs": 0, "fields": 0, "min_classes": 3, "max_classes": 4, **tasks}
    return config


class Families(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def tensors(self, name):
        return tensors_of(self.folder / name / "checkpoint.safetensors")[0]

    def run_to(self, name, threads=1, sample=blobs, **options):
        run = meta.MetaTraining(config_of(), self.folder / name, seed=5, threads=threads,
                                families=[meta.TaskFamily(sample, "blobs")], **options)
        self.assertEqual(run.run(), "finished")
        return run

    def test_any_number_of_threads_gives_the_same_bits(self):
        callers = set()

        def watched(rng, split):
            callers.add(threading.get_ident())
            return blobs(rng, split)

        self.run_to("one", threads=1)
        for threads in (2, 4):
            self.run_to(str(threads), threads, watched)
            self.assertEqual(self.tensors("one"), self.tensors(str(threads)))
        self.assertGreater(len(callers), 2)  # the caller's, and workers'
        self.assertEqual([m["meta_loss"] for m in metrics_of(self.folder / "one")],
                         [m["meta_loss"] for m in metrics_of(self.folder / "4")])

    def test_stopped_and_resumed_it_gives_the_same_bits(self):
        self.run_to("whole")
        for _ in meta.MetaTraining(config_of(), self.folder / "parts", seed=5, threads=2,
                                   families=[meta.TaskFamily(blobs, "blobs")]):
            break
        meta.MetaTraining(None, self.folder / "parts", resume=True, threads=1,
                          families=[meta.TaskFamily(blobs, "blobs")]).run()
        self.assertEqual(self.tensors("whole"), self.tensors("parts"))

    def test_no_run_goes_on_without_its_families(self):
        self.run_to("whole")
        for command in (("--resume", "outer.outer_steps=9"),):
            done = subprocess.run([PROGRAM, "train", "--config", self.folder / "whole/config.toml", "--out",
                                   self.folder / "whole", "--quiet", *command], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, r"^[^\n]*tasks.callables: expected a Python callable for 'blobs', found none; "
                                          r"run from Python with families=[^\n]*\n$")
        with self.assertRaisesRegex(metaplastic.Error, "expected a Python callable for 'blobs', found none"):
            meta.MetaTraining(None, self.folder / "whole", resume=True).run()
        with self.assertRaisesRegex(metaplastic.Error, r"tasks/callables/0 is .blobs\*1. there and .blobs\*2. now"):
            meta.MetaTraining(None, self.folder / "whole", resume=True,
                              families=[meta.TaskFamily(blobs, "blobs", weight=2)]).run()

    def test_weights_choose_among_families(self):
        X, y = rows()
        config = config_of(images=[f"mine={meta.save_tasks(self.folder / 'rows.npz', X, y)}"])
        config["validation"]["num_tasks"] = 40
        loop = meta.inner_loop(config, [meta.TaskFamily(blobs, "blobs", weight=3)])
        self.assertRegex(loop.tasks[1], r"^blobs: callable blobs of \S+, first task 60 rows of 6 numbers in [34] "
                                        r"classes, sha256 [0-9a-f]{64} \(weight 3\)$")
        seen = meta.validate(loop, loop.initial_theta(), seed=1, threads=2)["by_family"]
        self.assertEqual(set(seen), {"blobs", "mine"})
        never = meta.inner_loop(config, [meta.TaskFamily(blobs, "blobs", weight=0)])
        self.assertEqual(len(never.tasks), 1)

    def test_validation_draws_the_other_split(self):
        asked = []

        def watched(rng, split):
            asked.append(split)
            return blobs(rng, split)

        loop = meta.inner_loop(config_of(), [meta.TaskFamily(watched)])
        self.assertEqual(asked, ["train", "train", "validation"])
        del asked[:]
        one = meta.validate(loop, loop.initial_theta(), threads=1)
        self.assertEqual(asked, ["validation"] * 2)
        self.assertEqual(one, meta.validate(loop, loop.initial_theta(), threads=2))
        self.assertEqual(list(one["by_family"]), ["watched"])
        del asked[:]
        meta.estimate(loop, loop.initial_theta(), loop.open(0))
        self.assertEqual(set(asked), {"train"})

    def test_estimates_in_threads(self):
        loop = meta.inner_loop(config_of(), [meta.TaskFamily(blobs)])
        theta, state = loop.initial_theta(), loop.open(1)
        expected, _ = meta.estimate(loop, theta, state)
        self.assertGreater(np.abs(expected).max(), 0)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for found, _ in pool.map(lambda _: meta.estimate(loop, theta, state), range(16)):
                np.testing.assert_array_equal(found, expected)

    def test_an_own_outer_loop_makes_a_rule_for_the_program(self):
        config = config_of()
        loop = meta.inner_loop(config, [meta.TaskFamily(blobs)])
        theta = loop.initial_theta()
        states, mean, square = [loop.open(slot) for slot in range(3)], 0, 0
        for step in range(1, 4):  # Adam, written out
            estimates = [meta.estimate(loop, theta, state) for state in states]
            states = [state for _, state in estimates]
            gradient = np.mean([gradient for gradient, _ in estimates], axis=0)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            theta = theta - 1e-3 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        rule = meta.make_rule(config, theta, {"made_by": "families_test"})
        rule.save(self.folder / "own.safetensors")
        X, _ = rows()
        np.save(self.folder / "x.npy", X.astype(np.float32))
        subprocess.run([PROGRAM, "apply", "--data", f"npy:{self.folder / 'x.npy'}", "--rule",
                        self.folder / "own.safetensors", "--out", self.folder / "f.npy", "--quiet", "--steps", "5",
                        "--hidden", "8", "--features", "4"], check=True)
        trained = metaplastic.train_encoder(X.astype(np.float32), rule, hidden=(8,), n_features=4, n_steps=5)
        np.testing.assert_array_equal(trained.encoder.embed(X.astype(np.float32)), np.load(self.folder / "f.npy"))

    def test_images_and_names_as_labels(self):
        def pictures(rng, split):
            del split
            y = np.array(["circle", "cross", "dot"])[np.arange(24) % 3]
            return rng.integers(0, 256, size=(24, 9, 9), dtype=np.uint8), y

        config = config_of(image_side=6)
        loop = meta.inner_loop(config, [meta.TaskFamily(pictures)])
        self.assertIn("24 rows of 36 numbers in 3 classes", loop.tasks[0])  # shrunk to image_side
        _, after = meta.estimate(loop, loop.initial_theta(), loop.open(0))
        self.assertTrue(after.finite)

    def test_tasks_of_an_iterator(self):
        def tasks():
            random = np.random.default_rng(0)
            for n in range(1000):
                X, y = blobs(random, "train")
                X[:, 0] = n  # names the task; constant columns become 0
                yield X, y

        left = tasks()
        family = meta.TaskFamily.of_tasks(left, "kept", held_out_share=0.25, limit=12)
        self.assertEqual(family.describe(), "9 tasks for train and 3 tasks for validation")
        self.assertEqual(next(left)[0][0, 0], 12)
        rng = np.random.default_rng(1)
        numbers = {split: {family.sample(rng, split)[0][0, 0] for _ in range(200)} for split in ("train", "validation")}
        self.assertEqual(numbers["validation"], {3, 7, 11})
        self.assertEqual(numbers["train"], set(range(12)) - {3, 7, 11})
        loop = meta.inner_loop(config_of(), [family])
        theta, state = loop.initial_theta(), loop.open(0)
        again = meta.inner_loop(config_of(), [pickle.loads(pickle.dumps(family))])
        np.testing.assert_array_equal(meta.estimate(loop, theta, state)[0], meta.estimate(again, theta, state)[0])
        with self.assertRaisesRegex(metaplastic.Error, "at least one task for meta-training and one held out, found 2 "
                                                       "and 0; give more tasks"):
            meta.TaskFamily.of_tasks([blobs(rng, "train")] * 2, "few")

    def test_bad_returns_take_one_line(self):
        X, y = np.zeros((40, 5)) + np.arange(40)[:, None], np.arange(40) % 4

        def raises(rng, split):
            raise KeyError("no\nsuch row")

        cases = [(lambda rng, split: X, "expected sample to return a pair X, y, found ndarray of shape .40, 5."),
                 (lambda rng, split: (X, y[:-1]), "expected as many labels as rows, found 39 and 40"),
                 (lambda rng, split: (X, y[:, None]), "expected y to have one label per row, found ndarray of shape"),
                 (lambda rng, split: (X[:, 0], y), r"array: expected \[rows, columns\].*found the shape \[40\]"),
                 (lambda rng, split: (X.astype(complex), y), "[Cc]omplex"),
                 (lambda rng, split: (np.where(X == 3, np.nan, X), y), "found nan in row 3, column 0"),
                 (lambda rng, split: ("csv:rows.csv", y), "found a str"),
                 (lambda rng, split: (X, np.where(y == 2, -1, y)), "found 10 of 40 rows without; leave them out"),
                 (lambda rng, split: (X, y % 2), "expected 3 to 4 classes in y, found 2; .*tasks.min_classes"),
                 (lambda rng, split: (X, np.arange(40) % 8), "expected 3 to 4 classes in y, found 8; .*max_classes"),
                 (lambda rng, split: (X[:13], y[:13]), "expected at least 4 rows of each class, found a class of 3"),
                 (lambda rng, split: (X + np.random.normal(size=X.shape), y), "expected the same rows from a generator "
                                                                             "with the same seed.*from rng"),
                 (raises, r"sample raised KeyError: 'no\\nsuch row' \(\S*families_test.py, line \d+\)")]
        for sample, message in cases:
            with self.assertRaisesRegex(metaplastic.Error, f"^task family 'bad'[^\n]*{message}[^\n]*$"):
                meta.inner_loop(config_of(), [meta.TaskFamily(sample, "bad")])
        for arguments, message in (((X,), "expected a callable"), ((blobs, "a*b"), "expected a name"),
                                   ((blobs, "b", -1), "expected a weight"), ((lambda rng, split: 0,), "expected a name")):
            with self.assertRaisesRegex(metaplastic.Error, message):
                meta.TaskFamily(*arguments)
        with self.assertRaisesRegex(metaplastic.Error, "expected each name once, found 'blobs' twice"):
            meta.inner_loop(config_of(), [meta.TaskFamily(blobs)] * 2)
        with self.assertRaisesRegex(metaplastic.Error, "expected at least one family with a positive weight"):
            meta.inner_loop(config_of())

    def test_what_a_task_raises_later_ends_the_run_in_one_line(self):
        calls = []

        def tires(rng, split):
            calls.append(split)
            if len(calls) > 8:
                raise RuntimeError("tired")
            return blobs(rng, split)

        run = meta.MetaTraining(config_of(outer_steps=50), self.folder / "tires", threads=2,
                                families=[meta.TaskFamily(tires)])
        with self.assertRaisesRegex(metaplastic.Error, r"^task family 'tires' \((train|validation)\): sample raised "
                                                       r"RuntimeError: tired \([^\n]*$"):
            run.run()

    @unittest.skipUnless(importlib.util.find_spec("distributed"), "needs Debian's python3-distributed")
    def test_dask_has_the_same_bits(self):
        from distributed import Client, LocalCluster
        self.run_to("whole")
        seen = []
        with LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None,
                          local_directory=str(self.folder / "dask")) as cluster, Client(cluster) as client:
            # Stopped by a callback, and resumed.
            for resume in (False, True):
                elastic.train(config_of(), self.folder / "dask-run", client, seed=5, resume=resume,
                              callbacks=[lambda m: seen.append(m) or resume or m["outer_step"] < 2],
                              families=[meta.TaskFamily(blobs, "blobs")])
        self.assertEqual([m["outer_step"] for m in seen], [1, 2, 3, 4])
        self.assertEqual(self.tensors("whole"), self.tensors("dask-run"))
        self.assertIn("blobs", json.loads((self.folder / "dask-run/metrics.jsonl").read_text().splitlines()[-1])
                      ["validation"]["by_family"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
