#!/usr/bin/env python3
"""Tests of data frames: their names, and their types.

usage: PYTHONPATH=build/python frames_test.py PROGRAM [unittest arguments]
"""
import pickle
import subprocess
import sys
import unittest

try:
    import numpy as np
    import pandas
    from sklearn.base import clone
except ImportError as error:
    print(f"frames_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import Encoder

from arrays_test import Silent, rows, train, transformer

PROGRAM = ""


class Frames(Silent):
    def frame(self):
        return pandas.DataFrame(rows(), columns=[f"c{n}" for n in range(5)])

    def test_columns_are_found_by_name(self):
        frame = self.frame()
        encoder = train(frame)
        want = encoder.embed(frame)
        for other in (encoder, pickle.loads(pickle.dumps(encoder))):
            np.testing.assert_array_equal(other.embed(frame[frame.columns[::-1]]), want)
            self.assertEqual(list(other.feature_names_in_), list(frame.columns))
        path = self.folder() / "m.safetensors"
        encoder.save(str(path))
        loaded = Encoder.load(str(path))
        np.testing.assert_array_equal(loaded.embed(frame.sample(frac=1, axis=1, random_state=0)), want)
        self.assertEqual(list(loaded.feature_names_in_), list(frame.columns))
        by_hand = train(frame.to_numpy(), columns=list(frame.columns))
        np.testing.assert_array_equal(by_hand.embed(frame[frame.columns[::-1]]), want)
        np.testing.assert_array_equal(by_hand.embed(frame.to_numpy()[:, ::-1], columns=list(frame.columns)[::-1]), want)
        self.assertEqual(list(encoder.get_feature_names_out()), ["encoder0", "encoder1", "encoder2", "encoder3"])
        self.assertEqual(len(encoder.get_feature_names_out(layer=1)), 8)

    def test_columns_of_a_csv_and_of_a_frame_are_the_same(self):
        folder, frame = self.folder(), self.frame().astype("float32")
        frame.to_csv(folder / "x.csv", index=False)
        subprocess.run([PROGRAM, "apply", "--rule", "hebb-decorrelate", "--steps", "5", "--hidden", "8",
                        "--features", "4", "--data", f"csv:{folder / 'x.csv'}", "--out", folder / "f.npy", "--model",
                        folder / "m.safetensors", "--quiet"], check=True, capture_output=True)
        encoder = Encoder.load(str(folder / "m.safetensors"))
        np.testing.assert_array_equal(encoder.embed(frame[frame.columns[::-1]]), np.load(folder / "f.npy"))
        train(frame).save(str(folder / "p.safetensors"))
        frame[frame.columns[::-1]].to_csv(folder / "y.csv", index=False)
        subprocess.run([PROGRAM, "embed", "--model", folder / "p.safetensors", "--data", f"csv:{folder / 'y.csv'}",
                        "--out", folder / "g.npy"], check=True, capture_output=True)
        np.testing.assert_array_equal(np.load(folder / "g.npy"), np.load(folder / "f.npy"))

    def test_names_that_differ_are_refused_in_scikit_learns_words(self):
        frame = self.frame()
        encoder = train(frame)
        for other, words in ((frame.rename(columns={"c1": "d"}), "unseen at fit time: 'd'.*now missing: 'c1'"),
                             (frame.drop(columns="c4"), "now missing: 'c4'"),
                             (frame.assign(z=1.0), "unseen at fit time: 'z'")):
            with self.assertRaisesRegex(metaplastic.Error, "The feature names should match those that were passed "
                                                           "during fit.*" + words):
                encoder.embed(other)

    def test_names_on_one_side_alone_are_a_warning(self):
        frame = self.frame()
        named, nameless = train(frame), train(frame.to_numpy())
        want = named.embed(frame)
        with self.assertWarnsRegex(UserWarning, "X does not have valid feature names, but Encoder was fitted with"):
            np.testing.assert_array_equal(named.embed(frame.to_numpy()), want)
        with self.assertWarnsRegex(UserWarning, "X has feature names, but Encoder was fitted without"):
            np.testing.assert_array_equal(nameless.embed(frame), want)
        self.assertFalse(hasattr(nameless, "feature_names_in_"))
        np.testing.assert_array_equal(nameless.embed(frame.to_numpy()), want)
        with self.assertRaisesRegex(metaplastic.Error, "expected 5 columns, found 4"):
            nameless.embed(frame.to_numpy()[:, :4])

    def test_whole_numbers_as_names(self):
        frame = pandas.DataFrame(rows())
        mixed = frame[[3, 1, 4, 0, 2]]
        encoder = train(frame)
        np.testing.assert_array_equal(encoder.embed(mixed), encoder.embed(frame))
        years = frame.rename(columns=lambda n: 1990 + n)
        np.testing.assert_array_equal(train(years).embed(years[years.columns[::-1]]), encoder.embed(frame))
        fitted = transformer().fit(years)
        np.testing.assert_array_equal(fitted.transform(years[years.columns[::-1]]), fitted.transform(years))
        np.testing.assert_array_equal(
            clone(fitted).fit(years).partial_fit(years[years.columns[::-1]]).transform(years),
            clone(fitted).fit(years).partial_fit(years).transform(years))

    def test_the_transformer_matches_names(self):
        frame = self.frame()
        fitted = transformer().fit(frame)
        with self.assertRaisesRegex(ValueError, "Feature names must be in the same order as they were in fit"):
            fitted.transform(frame[frame.columns[::-1]])
        np.testing.assert_array_equal(fitted.encoder_.embed(frame[frame.columns[::-1]]).astype(np.float64),
                                      fitted.transform(frame))
        with self.assertWarnsRegex(UserWarning, "X does not have valid feature names, but UnsupervisedUpdate"):
            np.testing.assert_array_equal(fitted.transform(frame.to_numpy()), fitted.transform(frame))
        self.assertEqual(list(fitted.encoder_.feature_names_in_), list(fitted.feature_names_in_))

    def test_nullable_types(self):
        X = np.random.default_rng(4).integers(0, 9, (60, 3))
        frame = pandas.DataFrame({"a": pandas.array(X[:, 0], dtype="Int64"), "b": pandas.array(X[:, 1], dtype="Float32"),
                                  "c": pandas.array(X[:, 2] > 4, dtype="boolean")})
        plain = np.column_stack([X[:, 0], X[:, 1], X[:, 2] > 4]).astype(np.float64)
        want = train(plain, columns=["a", "b", "c"])
        np.testing.assert_array_equal(train(frame).embed(frame), want.embed(frame))
        np.testing.assert_array_equal(train(frame[["a"]].astype("Int8")).embed(frame[["a"]]),
                                      train(plain[:, :1], columns=["a"]).embed(frame[["a"]]))
        for column in frame:
            missing = frame.copy()
            missing.loc[7, column] = pandas.NA
            with self.assertRaisesRegex(metaplastic.Error, "found nan in row 7, column"):
                want.embed(missing)
            with self.assertRaisesRegex(metaplastic.Error, "found nan in row 7, column"):
                train(missing)

    def test_columns_of_several_types(self):
        X = np.random.default_rng(4).integers(0, 9, (60, 4))
        frame = pandas.DataFrame({"a": X[:, 0].astype(np.uint64), "b": X[:, 1].astype(np.int64), "c": X[:, 2] > 4,
                                  "o": X[:, 3].astype(object)})
        plain = pandas.DataFrame(frame.to_numpy(dtype=np.float64), columns=list("abco"))
        np.testing.assert_array_equal(train(frame).embed(frame), train(plain).embed(plain))
        numbers = pandas.DataFrame({"a": pandas.Categorical(X[:, 0])})
        np.testing.assert_array_equal(train(numbers).embed(numbers), train(plain[["a"]]).embed(plain[["a"]]))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
