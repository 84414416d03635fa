#!/usr/bin/env python3
"""Tests of what Python is told: a collapse, and rows without a label.

usage: PYTHONPATH=build/python notices_test.py PROGRAM [unittest arguments]
"""
import sys
import unittest
import warnings

try:
    import numpy as np
    import pandas
except ImportError as error:
    print(f"notices_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import CollapseWarning, meta

from arrays_test import Silent, rows, transformer


class Collapse(Silent):
    def setUp(self):
        super().setUp()
        warnings.simplefilter("error", CollapseWarning)

    def test_constant_columns_and_dead_units_are_warnings(self):
        def both(data, **options):
            yield metaplastic.train_encoder, (data, "hebb-decorrelate"), dict(hidden=(8,), n_features=4, n_steps=5)
            yield transformer().fit, (data,), {}
            yield transformer().partial_fit, (data,), {}

        for use, arguments, options in both(np.ones((30, 3))):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                use(*arguments, **options)
            lines = [str(warning.message) for warning in seen if warning.category is CollapseWarning]
            self.assertTrue(any(line.startswith("constant columns: 3 of 3 ('0', '1', '2')") for line in lines), lines)
            self.assertTrue(any("dead units" in line or "effective rank" in line for line in lines), lines)
            self.assertEqual({warning.filename for warning in seen}, {__file__})
        frame = pandas.DataFrame(rows(), columns=list("abcde")).assign(c=7.0)
        with self.assertWarnsRegex(CollapseWarning, r"constant columns: 1 of 5 \('c'\)"):
            transformer().fit(frame)

    def test_healthy_features_warn_of_nothing(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 6))
        training = metaplastic.train_encoder(X, "hebb-decorrelate", hidden=(16,), n_features=6, n_steps=8)
        self.assertEqual(training.health["warnings"], [])


class MissingLabels(Silent):
    def test_rows_without_a_label_are_minus_one(self):
        folder, X = self.folder(), rows(40)
        y = np.where(np.arange(40) < 10, -1, np.arange(40) % 3 + 5)
        np.savez(folder / "x.npz", x=X, y=y)
        _, labels, info = metaplastic.read_data(f"npz:{folder / 'x.npz'}")
        np.testing.assert_array_equal(labels, np.where(y < 0, -1, y - 5))
        self.assertEqual(info["class_names"], ["5", "6", "7"])
        encoder = metaplastic.train_encoder(f"npz:{folder / 'x.npz'}", "hebb", hidden=(8,), n_features=4,
                                            n_steps=5).encoder  # learned from all the same
        self.assertEqual(encoder.embed(f"npz:{folder / 'x.npz'}").shape, (40, 4))
        np.testing.assert_array_equal(transformer().fit(X, y).transform(X), transformer().fit(X).transform(X))

    def test_rows_without_a_label_make_no_task(self):
        folder, X = self.folder(), rows(80)
        classes = np.arange(80) % 4
        gone = np.arange(80) % 5 == 0
        for y in (np.where(gone, -1, classes), np.where(gone, np.nan, classes),
                  np.where(gone, "", np.char.add("k", classes.astype(str))),
                  np.array([None if g else f"k{c}" for g, c in zip(gone, classes)], dtype=object),
                  np.array([pandas.NA if g else c for g, c in zip(gone, classes)], dtype=object)):
            with self.assertWarnsRegex(UserWarning, "16 of 80 rows have no label and are left out"):
                spec = meta.save_tasks(folder / "t.npz", X, y)
            saved, labels, info = metaplastic.read_data(spec)
            np.testing.assert_array_equal(saved, X[~gone].astype(np.float32))
            np.testing.assert_array_equal(labels, classes[~gone])
            self.assertEqual(len(info["class_names"]), 4)

    def test_all_labels_are_kept_without_a_word(self):
        folder, X = self.folder(), rows(80)
        _, labels, _ = metaplastic.read_data(meta.save_tasks(folder / "t.npz", X, np.arange(80) % 4))
        np.testing.assert_array_equal(labels, np.arange(80) % 4)


if __name__ == "__main__":
    sys.argv.pop(1)
    unittest.main()
