#!/usr/bin/env python3
"""Tests of metaplastic.UnsupervisedUpdate as scikit-learn sees it, and against the command line.

usage: PYTHONPATH=build/python estimator_test.py PROGRAM [unittest arguments]
"""
import ast
import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

try:
    import numpy as np
    import pandas
    from sklearn.base import clone
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.estimator_checks import check_estimator
except ImportError as error:
    print(f"estimator_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import UnsupervisedUpdate, _native

PROGRAM = ""


def small(**changes):
    return UnsupervisedUpdate(**{**dict(rule="hebb-decorrelate", hidden=(16,), n_features=6, n_steps=8,
                                        inner_batch=32, random_state=3), **changes})


def rows(num_rows=200, num_columns=5, seed=0):
    return np.random.default_rng(seed).normal(size=(num_rows, num_columns)).astype(np.float32)


class ScikitLearn(unittest.TestCase):
    def test_every_check_of_scikit_learn_runs_and_passes(self):
        num_checks = 0
        for estimator, check in check_estimator(UnsupervisedUpdate(n_steps=3, hidden=(16,), n_features=8),
                                                generate_only=True):
            with self.subTest(check=getattr(check, "func", check).__name__):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        check(estimator)
                    except unittest.SkipTest as skipped:
                        self.fail(f"skipped: {skipped}")
            num_checks += 1
        self.assertGreater(num_checks, 30)
        tags = UnsupervisedUpdate()._get_tags() if hasattr(UnsupervisedUpdate(), "_get_tags") else {}
        self.assertFalse(tags.get("_skip_test") or tags.get("_xfail_checks"))

    def test_pipeline_grid_search_and_feature_union(self):
        X, y = load_wine(return_X_y=True)
        union = FeatureUnion([("raw", StandardScaler()), ("learned", small())])
        search = GridSearchCV(make_pipeline(union, LogisticRegression(max_iter=1000)),
                              {"featureunion__learned__n_features": [4, 6]}, cv=3, n_jobs=1)
        search.fit(X, y)
        self.assertGreater(search.best_score_, 0.9)
        self.assertEqual(search.predict(X[:7]).shape, (7,))
        names = search.best_estimator_[0].get_feature_names_out([f"c{n}" for n in range(13)])
        self.assertEqual(names[-1], f"learned__unsupervisedupdate{len(names) - 13 - 1}")

    def test_pickle_and_clone(self):
        X = rows()
        fitted = small().fit(X)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
        np.testing.assert_array_equal(again.partial_fit(X).transform(X), fitted.partial_fit(X).transform(X))
        np.testing.assert_array_equal(clone(fitted).fit_transform(X), small().fit_transform(X))
        self.assertFalse(hasattr(clone(fitted), "encoder_"))

    def test_types_orders_and_memory(self):
        X = rows()
        expected = small().fit_transform(X)
        self.assertEqual(expected.dtype, np.float32)
        wide = small().fit_transform(X.astype(np.float64))
        self.assertEqual(wide.dtype, np.float64)
        np.testing.assert_array_equal(wide.astype(np.float32), expected)
        read_only = X.copy()
        read_only.setflags(write=False)
        with tempfile.TemporaryDirectory() as folder:
            np.save(pathlib.Path(folder) / "x.npy", X)
            mapped = np.load(pathlib.Path(folder) / "x.npy", mmap_mode="r")
            strided = np.repeat(X, 2, axis=1)[:, ::2]
            for other in (np.asfortranarray(X), read_only, mapped, strided):
                np.testing.assert_array_equal(small().fit(other).transform(other), expected)
        many = np.tile(X, (50, 1))
        one = small(n_jobs=1).fit(many)
        for n_jobs in (2, -1, None):
            other = small(n_jobs=n_jobs).fit(many)
            np.testing.assert_array_equal(other.transform(many), one.transform(many))
            np.testing.assert_array_equal(other.partial_fit(many).transform(X),
                                          small(n_jobs=1).fit(many).partial_fit(many).transform(X))
        with self.assertRaisesRegex(ValueError, "n_jobs"):
            small(n_jobs=0).fit(many)

    def test_pandas(self):
        frame = pandas.DataFrame(rows(), columns=list("abcde"))
        model = small().fit(frame)
        self.assertEqual(list(model.feature_names_in_), list("abcde"))
        self.assertEqual(list(model.get_feature_names_out())[:2],
                         ["unsupervisedupdate0", "unsupervisedupdate1"])
        if hasattr(model, "set_output"):
            out = model.set_output(transform="pandas").transform(frame)
            self.assertEqual(list(out.columns), list(model.get_feature_names_out()))
            self.assertEqual(out.index.tolist(), frame.index.tolist())
        np.testing.assert_array_equal(np.asarray(model.transform(frame)),
                                      small().fit_transform(frame.to_numpy()))

    def test_partial_fit(self):
        X = rows(512)
        model = small(n_steps="auto")
        model.partial_fit(X[:256]).partial_fit(X[256:])
        self.assertEqual(model.n_steps_, 256 // 32 * 2)
        # The same rows in two calls are the same steps as one fit.
        twice = small(n_steps=4).fit(X).partial_fit(X)
        np.testing.assert_array_equal(twice.transform(X), small(n_steps=8).fit_transform(X))
        with self.assertRaises(ValueError):
            model.partial_fit(X[:, :3])


class Behaviour(unittest.TestCase):
    def test_same_bits_as_the_command_line(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            X = rows(300, 7).astype(np.float64)
            np.save(folder / "x.npy", X)
            subprocess.run([PROGRAM, "apply", "--rule", "oja", "--data", f"npy:{folder / 'x.npy'}", "--out",
                            folder / "f.npy", "--model", folder / "m.safetensors", "--hidden", "16,12",
                            "--features", "6", "--steps", "20", "--inner-batch", "32", "--seed", "11",
                            "--activation", "tanh", "--quiet"], check=True)
            model = small(rule="oja", hidden=(16, 12), n_steps=20, random_state=11, activation="tanh").fit(X)
            features = np.load(folder / "f.npy")
            np.testing.assert_array_equal(model.transform(X).astype(np.float32), features)
            # ... and each reads the other's encoder.
            np.testing.assert_array_equal(
                metaplastic.Encoder.load(str(folder / "m.safetensors")).embed(X), features)
            model.encoder_.save(str(folder / "p.safetensors"))
            subprocess.run([PROGRAM, "embed", "--model", folder / "p.safetensors", "--data",
                            f"npy:{folder / 'x.npy'}", "--out", folder / "g.npy"], check=True)
            self.assertEqual((folder / "g.npy").read_bytes(), (folder / "f.npy").read_bytes())

    def test_images_and_specs(self):
        X, y, info = metaplastic.read_data("digits")
        self.assertEqual((X.shape, info["kind"], info["pixel_max"]), ((1797, 8, 8), "image", 16))
        self.assertEqual(y.shape, (1797,))
        settings = dict(rule="hebb-decorrelate", hidden=(16,), n_features=6, n_steps=5, seed=2)
        by_name = metaplastic.train_encoder("digits", **settings)
        by_array = metaplastic.train_encoder(X / np.float32(16), **settings)
        np.testing.assert_array_equal(by_name.encoder.embed("digits"),
                                      by_array.encoder.embed(X / np.float32(16)))
        self.assertEqual(by_name.health["num_features"], 6)

    def test_keyboard_interrupt(self):
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            small(n_steps=10_000_000).fit(rows())
        self.assertLess(time.monotonic() - start, 20)

    def test_the_interpreter_goes_on_meanwhile(self):
        # Without the GIL released this thread could not count until fit ends.
        counted = []
        done = threading.Event()

        def count():
            while not done.is_set():
                counted.append(time.monotonic())
                time.sleep(0.01)

        thread = threading.Thread(target=count)
        thread.start()
        start = time.monotonic()
        while len(counted) < 2:
            time.sleep(0.01)
        # A tenth of a second and more, also where nothing else runs.
        small(n_steps=3000 if os.environ.get("METAPLASTIC_SANITIZED") else 30000, hidden=(32,)).fit(rows())
        end = time.monotonic()
        done.set()
        thread.join()
        self.assertGreater(sum(start < at < end for at in counted), 5)

    def test_errors_are_one_line_and_name_the_remedy(self):
        X = rows()
        for changes, words in (({"rule": "hebb-decorelate"}, "did you mean 'hebb-decorrelate'?"),
                               ({"activation": "rellu"}, "did you mean 'relu'?"),
                               ({"variant": "fra"}, "did you mean 'far'?"),
                               ({"variant": "far", "rule": "hebb"}, "walk among neighbours"),
                               ({"n_steps": "all"}, "'auto'"), ({"inner_batch": 1}, "2 or more"),
                               ({"hidden": 16}, "tuple of widths"), ({"hidden": (16, 0)}, "expected"),
                               ({"n_features": 1.5}, "whole number"), ({"random_state": -1}, "2**63")):
            with self.subTest(**changes):
                with self.assertRaises(ValueError) as caught:
                    small(**changes).fit(X)
                self.assertIn(words, str(caught.exception))
                self.assertNotIn("\n", str(caught.exception))
        with self.assertRaises(metaplastic.Error):
            metaplastic.train_encoder(np.full((9, 3), 1e300), "oja")  # no float32

    def test_the_stubs_name_what_there_is(self):
        stub = pathlib.Path(metaplastic.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
        told = {}
        for node in ast.parse(stub).body:
            if isinstance(node, ast.ClassDef):
                told[node.name] = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            elif isinstance(node, ast.FunctionDef):
                told[node.name] = {argument.arg for argument in node.args.args + node.args.kwonlyargs}
        there = {}
        for name, value in vars(_native).items():
            if isinstance(value, type):
                there[name] = {part for part in vars(value) if part == "__init__" or not part.startswith("_")}
                # pybind11 gives every class an __init__; the stubs name those that may be called.
                there[name] -= {"__init__"} - told.get(name, set())
            elif callable(value) and not name.startswith("_"):
                arguments = value.__doc__.split("(", 1)[1].split(") ->")[0]
                there[name] = set(re.findall(r"(\w+): ", re.sub(r"\[[^\]]*\]", "", arguments))) - {"arg0"}
        told["rule_inner_steps"] = there["rule_inner_steps"]  # its only argument has no name in C++
        self.assertEqual(told, there)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
