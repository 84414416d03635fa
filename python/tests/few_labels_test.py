#!/usr/bin/env python3
"""Tests of metaplastic.FewLabelClassifier as scikit-learn sees it, and against the command line.

usage: PYTHONPATH=build/python few_labels_test.py PROGRAM [unittest arguments]
"""
import csv
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest
import warnings

try:
    import numpy as np
    import pandas
    from sklearn.base import clone
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.estimator_checks import check_estimator
except ImportError as error:
    print(f"few_labels_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import FewLabelClassifier
from metaplastic.few_labels import split_labels
from metaplastic.images import looks_like_images

PROGRAM = ""
# Minutes under sanitizers, whose other tests of this file run the same code on less data.
once = unittest.skipIf(os.environ.get("METAPLASTIC_SANITIZED"), "runs once, without sanitizers")


def small(**changes):
    return FewLabelClassifier(**{**dict(rule="hebb-decorrelate", hidden=(16,), n_features=8, n_steps=10,
                                        random_state=3), **changes})


def clusters(num_rows=300, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % 3
    return (random.normal(size=(3, 6)) * 4)[y] + random.normal(size=(num_rows, 6)), y


def few(y, every=10):
    labels = np.full(len(y), -1)
    labels[::every] = y[::every]
    return labels


class ScikitLearn(unittest.TestCase):
    @once
    def test_every_check_of_scikit_learn_passes(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_estimator(FewLabelClassifier(n_steps=3, hidden=(32,), n_features=16))
        skipped = [w.message for w in caught if "skip" in type(w.message).__name__.lower()]
        self.assertEqual(skipped, [])

    def test_pickle_clone_and_frames(self):
        X, y = clusters()
        frame = pandas.DataFrame(X, columns=list("abcdef"))
        model = small().fit(frame, few(y))
        self.assertEqual(list(model.feature_names_in_), list("abcdef"))
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
        np.testing.assert_array_equal(clone(model).fit(frame, few(y)).predict(frame),
                                      model.predict(frame))
        self.assertEqual(model.transform(frame).shape, (300, len(model.get_feature_names_out())))


class Labels(unittest.TestCase):
    def test_what_counts_as_no_label(self):
        for y, classes, codes in (
                ([2, -1, 5, 2], [2, 5], [0, -1, 1, 0]),
                ([2.0, np.nan, 5.0, -1.0], [2, 5], [0, -1, 1, -1]),
                (np.array(["a", None, "b", -1], dtype=object), ["a", "b"], [0, -1, 1, -1]),
                (["a", "-1", "b", "a"], ["a", "b"], [0, -1, 1, 0]),
                (np.array([3, None, 4, 3], dtype=object), [3, 4], [0, -1, 1, 0])):
            found, found_codes = split_labels(np.asarray(y))
            self.assertEqual(found.tolist(), classes)
            self.assertEqual(found_codes.tolist(), codes)
        with self.assertWarnsRegex(UserWarning, "two classes"):
            found, codes = split_labels(np.array([1, -1, 1]))
        self.assertEqual((found.tolist(), codes.tolist()), ([-1, 1], [1, 0, 1]))

    def test_numbers_and_names_give_the_same_predictions(self):
        X, y = clusters()
        names = np.array(["ant", "bee", "cat"])
        by_name = np.array([names[c] if c >= 0 else None for c in few(y)], dtype=object)
        numbers, words = small().fit(X, few(y)), small().fit(X, by_name)
        self.assertEqual(words.classes_.tolist(), names.tolist())
        np.testing.assert_array_equal(names[numbers.predict(X)], words.predict(X))
        self.assertGreater((words.predict(X) == names[y]).mean(), 0.95)
        np.testing.assert_array_equal(numbers.predict_proba(X), words.predict_proba(X))

    def test_unlabelled_rows_are_learned_from(self):
        X, y = clusters()
        labels = few(y)
        alone, beside = small().fit(X[labels >= 0], labels[labels >= 0]), small().fit(X, labels)
        self.assertFalse(np.array_equal(alone.encoder_.weights(1), beside.encoder_.weights(1)))

    def test_errors_are_one_line(self):
        X, y = clusters()
        for labels, text in ((np.full(300, -1), "label"), (np.where(few(y) == 1, 1, -1)[:, None] * 0, "class")):
            with self.assertRaisesRegex(ValueError, text):
                small().fit(X, labels)
        for changes, text in (({"cv": 1}, "2 folds"), ({"variants": ()}, "expected one or more"),
                              ({"hidden": 16}, "tuple"), ({"n_steps": "all"}, "whole number or auto")):
            with self.assertRaisesRegex(metaplastic.Error, text):
                small(**changes).fit(X, few(y))


class Logistic(unittest.TestCase):
    def test_without_use_of_features_it_is_scikit_learns(self):
        """Labels by chance: the blend must not be better; logits are then scikit-learn's, times one number."""
        X, _ = clusters()
        X = X * [1, 10, 100, 1, 1, 0.01]
        checked = 0
        for seed in range(6):
            labels = few(np.random.default_rng(seed).integers(0, 2, 300))
            model = small().fit(X, labels)
            if model.share_ > 0:
                continue
            checked += 1
            peer = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9, max_iter=10000))
            logits = peer.fit(X[labels >= 0], labels[labels >= 0]).decision_function(X)
            found = np.log(model.predict_proba(X))
            factors = (found[:, 1] - found[:, 0]) / logits
            # Probabilities are float32: 6e-8 of rounding in a difference of logs, and the solver's 1e-6.
            clear = np.abs(logits) > 0.05
            np.testing.assert_allclose(factors[clear], np.median(factors), rtol=1e-3)
            self.assertEqual(model.readout_, "input")
        self.assertGreater(checked, 2)

    def test_labels_again_without_training(self):
        X, y = clusters()
        model = small().fit(X, few(y))
        weights = model.encoder_.weights(1)
        more = few(y, every=5)
        model.fit_labels(X[more >= 0], more[more >= 0])
        np.testing.assert_array_equal(model.encoder_.weights(1), weights)
        np.testing.assert_array_equal(model.predict_proba(X), small().fit(X, more).predict_proba(X))
        names = np.array(["ant", "bee", "cat"])[y]
        self.assertGreater((model.fit_labels(X, names).predict(X) == names).mean(), 0.95)


class Images(unittest.TestCase):
    def fit(self, X, y, **changes):
        return small(**changes).fit(X, few(y, every=5))

    def test_columns_that_are_pixels_are_found(self):
        X, y = load_digits(return_X_y=True)
        X, y = X[:200], y[:200]
        with self.assertWarnsRegex(UserWarning, "8 x 8 images"):
            found = self.fit(X, y)
        self.assertEqual(found.image_shape_, (8, 8))
        self.assertIn("conv", found.encoder_.layers)
        same = self.fit(X, y, image_shape=(8, 8)).predict_proba(X)
        np.testing.assert_array_equal(found.predict_proba(X), same)
        np.testing.assert_array_equal(self.fit(X.reshape(-1, 8, 8), y).predict_proba(X.reshape(-1, 8, 8)), same)
        shuffled = X[:, np.random.default_rng(0).permutation(64)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertIsNone(self.fit(shuffled, y).image_shape_)
            self.assertIsNone(self.fit(X, y, image_shape=None).image_shape_)
            self.assertIsNone(self.fit(X, y, layers="mlp").image_shape_)

    def test_tables_and_signals_are_no_images(self):
        random = np.random.default_rng(1)
        for X in (random.random((300, 64)), np.abs(np.cumsum(random.normal(size=(300, 144)), axis=1)),
                  np.abs(random.normal(size=(300, 3)) @ random.normal(size=(3, 256)))):
            self.assertFalse(looks_like_images(X, int(X.shape[1]**0.5)))

    def test_white_follows_the_type_or_the_values(self):
        X, y = load_digits(return_X_y=True)
        X, y = X[:150].reshape(-1, 8, 8), y[:150]
        shades = (X * 15.9375).astype(np.uint8)  # 16 is white
        floats = self.fit(shades.astype(float), y)
        np.testing.assert_array_equal(self.fit(shades, y).predict_proba(shades),
                                      floats.predict_proba(shades.astype(float)))
        np.testing.assert_allclose(self.fit(shades / 255.0, y).predict_proba(shades / 255.0),
                                   floats.predict_proba(shades.astype(float)), atol=1e-4)
        colour = np.repeat(shades[..., None], 3, axis=3)
        self.assertEqual(self.fit(colour, y).image_shape_, (8, 8, 3))
        for shape, text in (((8, 9), "64 pixels"), ((8,), "found \\(8,\\)"), (None, "None")):
            with self.assertRaisesRegex(metaplastic.Error, text):
                self.fit(shades, y, image_shape=shape)


class Program(unittest.TestCase):
    def test_same_as_the_command_line(self):
        X, y = clusters()
        X, labels = X.astype(np.float32), few(y)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            np.save(folder / "x.npy", X)
            np.save(folder / "y.npy", labels)
            settings = ["--rule", "hebb-decorrelate", "--hidden", "16", "--features", "8", "--steps", "10",
                        "--seed", "3"]
            done = subprocess.run([PROGRAM, "classify", "--data", f"npy:{folder}/x.npy,{folder}/y.npy",
                                   "--out", folder / "p.csv", "--model", folder / "m", *settings],
                                  capture_output=True, text=True, check=True)
            self.assertIn("out-of-fold accuracy on 30 labelled rows", done.stdout)
            with open(folder / "p.csv", newline="") as file:
                table = list(csv.DictReader(file))
            model = small().fit(X, labels)
            self.assertEqual([int(row["row"]) for row in table], np.flatnonzero(labels < 0).tolist())
            self.assertEqual([int(row["class"]) for row in table],
                             model.predict(X[labels < 0]).tolist())
            subprocess.run([PROGRAM, "predict", "--model", folder / "m", "--data", f"npy:{folder}/x.npy",
                            "--out", folder / "q.csv"], capture_output=True, check=True)
            with open(folder / "q.csv", newline="") as file:
                every = list(csv.DictReader(file))
            self.assertEqual([int(row["class"]) for row in every], model.predict(X).tolist())
            loaded = metaplastic.Encoder.load(str(folder / "m"))
            np.testing.assert_array_equal(loaded.embed(X), model.transform(X))


class Accuracy(unittest.TestCase):
    @once
    def test_is_better_than_the_inputs_on_digits(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        X, y = load_digits(return_X_y=True)
        gains = []
        for draw in range(3):
            random = np.random.default_rng(draw)
            labels = np.full(len(y), -1)
            for c in np.unique(y):
                labels[random.permutation(np.flatnonzero(y == c))[:10]] = c
            known = labels >= 0
            model = FewLabelClassifier(n_steps=100, random_state=draw).fit(X, labels)
            usual = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            usual.fit(X[known], y[known])
            gains.append((model.predict(X[~known]) == y[~known]).mean()
                         - usual.score(X[~known], y[~known]))
        self.assertGreater(np.mean(gains), 0.02)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
