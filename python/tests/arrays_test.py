#!/usr/bin/env python3
"""Tests of what Python may give as data: types, memory, and what is refused.

usage: PYTHONPATH=build/python arrays_test.py PROGRAM [unittest arguments]
"""
import datetime
import gc
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

try:
    import numpy as np
    import pandas
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
except ImportError as error:
    print(f"arrays_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import CollapseWarning, UnsupervisedUpdate, meta

PROGRAM = ""


def rows(num_rows=60, num_columns=5, seed=0):
    return np.random.default_rng(seed).normal(size=(num_rows, num_columns))


def train(data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        return metaplastic.train_encoder(data, "hebb-decorrelate", hidden=(8,), n_features=4, n_steps=5,
                                         **options).encoder


def transformer():
    return UnsupervisedUpdate("hebb-decorrelate", hidden=(8,), n_features=4, n_steps=5, random_state=0)


class Silent(unittest.TestCase):
    """A warning that no test asks for is a failure."""

    def setUp(self):
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", CollapseWarning)

    def folder(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        return pathlib.Path(temporary.name).resolve()

    def assert_same_as(self, expected, data, tolerance=0.0):
        """Trains and embeds like `expected`, an array of float64."""
        want, encoder = train(expected), train(data)
        np.testing.assert_allclose(encoder.embed(data), want.embed(expected), rtol=0, atol=tolerance)
        np.testing.assert_allclose(want.embed(data), want.embed(expected), rtol=0, atol=tolerance)


class Types(Silent):
    def test_every_number_type_of_numpy_trains_and_embeds(self):
        whole = np.random.default_rng(1).integers(0, 2, (60, 5)) * np.array([1, 1, 1, 1, 1])
        for code in ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"):
            for order in "<>":
                with self.subTest(type=order + code):
                    self.assert_same_as(whole.astype(np.float64), whole.astype(np.dtype(order + code)))
        self.assert_same_as(whole.astype(np.float64), whole.astype(np.longdouble))

    def test_signs_fractions_and_extremes(self):
        X = np.array([[-128, 127], [0, -1], [5, 77], [-3, 2]] * 5)
        self.assert_same_as(X.astype(np.float64), X.astype(np.int8))
        halves = np.array([[0.5, -65504.0], [6e-8, 1.0], [-0.25, 3.0]] * 5, np.float16)  # a subnormal, the largest
        self.assert_same_as(halves.astype(np.float64), halves)
        large = np.array([[2**64 - 1, 0], [2**63, 1], [0, 5]] * 5, np.uint64)
        self.assert_same_as(large.astype(np.float64), large)

    def test_types_compare_by_value(self):  # what joblib, read_pickle and n_jobs=2 hand over
        for dtype in (np.float32, np.float64, np.uint8, np.int16):
            X = (rows() * 9).astype(dtype)
            again = pickle.loads(pickle.dumps(X))
            self.assertIsNot(again.dtype, X.dtype)
            self.assert_same_as(X.astype(np.float64), again)
        X = rows()
        np.testing.assert_array_equal(transformer().fit_transform(pickle.loads(pickle.dumps(X))),
                                      transformer().fit_transform(X))
        self.assert_same_as(X, X.view(np.dtype("f8", metadata={"unit": "m"})))

    def test_grid_search_in_processes(self):
        y = np.arange(60) % 3
        scores = cross_val_score(make_pipeline(transformer(), LogisticRegression()), rows(), y, cv=3, n_jobs=2)
        self.assertTrue(np.isfinite(scores).all())

    def test_the_transformer_takes_what_the_functions_take(self):
        whole = np.random.default_rng(1).integers(0, 9, (60, 5))
        want = transformer().fit(whole.astype(np.float64))
        for code in ("?", ">i4", "u2", "f2"):
            X = (whole > 4 if code == "?" else whole).astype(code)
            fitted = transformer().fit(X)
            np.testing.assert_array_equal(fitted.transform(X), transformer().fit_transform(X.astype(np.float64)))
        np.testing.assert_array_equal(want.encoder_.embed(whole), want.transform(whole).astype(np.float32))

    def test_images_of_every_type_are_those_of_the_command_line(self):
        folder = self.folder()
        pixels = np.random.default_rng(2).integers(0, 256, (30, 6, 6))
        for name, images in (("u1", pixels.astype(np.uint8)), ("u2", (pixels * 257).astype(np.uint16)),
                             ("i8", pixels.astype(np.int64)), ("f4", (pixels / 255).astype(np.float32)),
                             ("b1", pixels > 99), ("swapped", (pixels * 257).astype(">u2"))):
            with self.subTest(type=name):
                np.save(folder / "x.npy", images)
                subprocess.run([PROGRAM, "apply", "--rule", "hebb-decorrelate", "--steps", "5", "--hidden", "8",
                                "--features", "4", "--data", f"npy:{folder / 'x.npy'}", "--out", folder / "f.npy",
                                "--quiet"], check=True, capture_output=True)
                np.testing.assert_array_equal(train(images).embed(images), np.load(folder / "f.npy"))


class LargeOffsets(Silent):
    """Columns are centred in 64 bits before they become floats, as for csv and npy."""

    def columns(self):
        seconds = np.arange(60.0) % 17
        return np.column_stack([seconds, rows()[:, 0]]), np.column_stack([1.7e9 + seconds, rows()[:, 0]])

    def test_digits_are_kept_in_every_type_that_has_them(self):
        plain, large = self.columns()
        want = train(plain).embed(plain)
        for data in (large, large.astype(">f8"), np.asfortranarray(large), large.tolist(), pandas.DataFrame(large),
                     pandas.DataFrame(large).astype({0: "Int64"}), large[::-1][::-1]):
            np.testing.assert_allclose(train(data).embed(data), want, rtol=0, atol=1e-4)
        whole = np.column_stack([plain[:, 0], plain[:, 0][::-1] ** 2]).astype(np.int64)
        for code, offset in (("i8", 10**12), ("u8", 2**40), ("i4", 2**30), ("u4", 2**31)):
            data = (whole + offset).astype(code)
            np.testing.assert_allclose(train(data).embed(data), train(whole).embed(whole), rtol=0, atol=1e-4)
        fitted = transformer().fit(large)
        np.testing.assert_allclose(fitted.transform(large), transformer().fit_transform(plain), rtol=0, atol=1e-4)

    def test_the_same_features_as_the_command_line(self):
        folder, (_, large) = self.folder(), self.columns()
        np.save(folder / "x.npy", large)
        subprocess.run([PROGRAM, "apply", "--rule", "hebb-decorrelate", "--steps", "5", "--hidden", "8", "--features",
                        "4", "--data", f"npy:{folder / 'x.npy'}", "--out", folder / "f.npy", "--model",
                        folder / "m.safetensors", "--quiet"], check=True, capture_output=True)
        want = np.load(folder / "f.npy")
        np.testing.assert_array_equal(train(large).embed(large), want)
        loaded = metaplastic.Encoder.load(str(folder / "m.safetensors"))
        for encoder in (loaded, pickle.loads(pickle.dumps(loaded))):
            np.testing.assert_array_equal(encoder.embed(large), want)
            np.testing.assert_array_equal(encoder.embed(large[::-1])[::-1], want)

    def test_read_data_and_save_tasks_keep_them(self):
        folder, (plain, large) = self.folder(), self.columns()
        np.save(folder / "x.npy", large)
        X, _, _ = metaplastic.read_data(f"npy:{folder / 'x.npy'}")
        self.assertEqual(X.dtype, np.float64)
        np.testing.assert_array_equal(X, large)
        np.save(folder / "y.npy", plain)
        self.assertEqual(metaplastic.read_data(f"npy:{folder / 'y.npy'}")[0].dtype, np.float32)
        spec = meta.save_tasks(folder / "t.npz", large, np.arange(60) % 3)
        np.testing.assert_array_equal(metaplastic.read_data(spec)[0], large)


class Memory(Silent):
    def test_lists_frames_and_objects_are_kept_while_they_are_read(self):
        X = rows(6000)

        class Made:  # each array is made when asked for, and nobody else holds it
            def __array__(self, dtype=None, copy=None):
                return (X + 0.0) if dtype is None else X.astype(dtype)

        encoder = train(X)
        want = encoder.embed(X)
        mixed = pandas.DataFrame(X).astype({0: "float32", 1: "float64"})
        for _ in range(10):
            for data, tolerance in ((X.tolist(), 0), (Made(), 0), (mixed, 1e-4), (pandas.DataFrame(X), 0)):
                features = encoder.embed(data)
                np.zeros(X.shape)  # takes the memory that was freed too early
                np.testing.assert_allclose(features, want, rtol=0, atol=tolerance)
        np.testing.assert_array_equal(train(Made()).embed(X), want)
        np.testing.assert_array_equal(train(X.tolist()).embed(X), want)

    def test_threads_embed_what_is_freed_at_once(self):
        X = rows(9000)
        encoder = train(X)
        want = encoder.embed(X)
        wrong = []

        def work():
            for _ in range(5):
                if not np.array_equal(encoder.embed(X.tolist(), num_threads=2), want):
                    wrong.append(1)
                gc.collect()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_any_layout(self):
        X = rows()
        wide = np.repeat(np.repeat(X, 3, axis=0), 2, axis=1)
        record = np.zeros(60, dtype=[("pad", "u1"), ("x", "f8", (5,))])  # items that are not aligned
        record["x"] = X
        read_only = X.copy()
        read_only.setflags(write=False)
        self.assertFalse(record["x"].flags.aligned)
        for name, data in (("Fortran", np.asfortranarray(X)), ("strided", wide[::3, ::2]), ("unaligned", record["x"]),
                           ("reversed", np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]), ("read-only", read_only),
                           ("transposed", np.ascontiguousarray(X.T).T), ("matrix", X.view(np.recarray)),
                           ("memoryview", memoryview(X)), ("list of arrays", list(X)), ("tuples", tuple(map(tuple, X)))):
            with self.subTest(layout=name):
                self.assert_same_as(X, data)
        one = np.broadcast_to(X[:1], (60, 5))  # rows that share their memory
        self.assert_same_as(one.copy(), one)

    def test_memory_maps_of_the_other_byte_order(self):
        folder, X = self.folder(), rows()
        np.save(folder / "x.npy", X.astype(">f8"))
        self.assert_same_as(X, np.load(folder / "x.npy", mmap_mode="r"))

    def test_images_in_any_layout(self):
        images = np.random.default_rng(3).random((40, 6, 5, 3))
        want = train(images).embed(images)
        channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        for data in (np.asfortranarray(images), channels_first.transpose(0, 2, 3, 1), images.tolist(),
                     np.repeat(images, 2, axis=2)[:, :, ::2]):
            np.testing.assert_array_equal(train(data).embed(data), want)

    def test_an_encoder_holds_nothing_of_its_data(self):
        X = rows()
        encoder = train(X)
        want = encoder.embed(X)
        features = encoder.embed(X)
        again = X.copy()
        X[:] = 0
        del encoder
        np.testing.assert_array_equal(features, want)
        np.testing.assert_array_equal(train(again).embed(again), want)


class Refusals(Silent):
    def assert_refused(self, data, words):
        """By training, by embedding and by the transformer, in one line."""
        encoder = train(rows(60, np.shape(data)[1] if len(np.shape(data)) == 2 else 5))
        for use in (train, encoder.embed, transformer().fit):
            with self.assertRaisesRegex(ValueError, words) as caught:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    use(data)
            self.assertNotIn("\n", str(caught.exception).strip())

    def test_complex_numbers(self):
        words = "Complex data not supported"
        self.assert_refused(rows() * 1j, words)
        self.assert_refused(pandas.DataFrame(rows(), columns=list("abcde")).assign(z=1j), words + ".*'z'")
        for use in (train, train(rows()).embed):
            with self.assertRaisesRegex(metaplastic.Error, words):
                use((rows() * 1j).tolist())
        self.assert_refused(pandas.DataFrame({"a": np.array([1 + 2j] * 9, dtype=object)}).to_numpy(), words)

    def test_dates_and_times(self):
        words = "dates and times could not be promoted"
        days = pandas.date_range("2020-01-01", periods=60)
        for values in (days, days.tz_localize("UTC"), days - days[0], days.to_period("D")):
            self.assert_refused(pandas.DataFrame({"when": values}), words + ".*'when'")
            self.assert_refused(pandas.DataFrame({"x": np.arange(60.0), "when": values}), words + ".*'when'")
        self.assert_refused(days.to_numpy().reshape(-1, 1), words)
        self.assert_refused((days.to_numpy() - days.to_numpy()[0]).reshape(-1, 1), words)
        self.assert_refused(np.array([[datetime.date(2020, 1, 1)]] * 9, dtype=object), words)
        self.assert_refused(np.array([[pandas.NaT]] * 9, dtype=object), words)

    def test_names_that_are_not_unique_or_of_several_types(self):
        self.assert_refused(pandas.DataFrame(rows(60, 3), columns=list("aab")),
                            r"Selected columns, \['a'\], are not unique in dataframe")
        self.assert_refused(pandas.DataFrame(rows(60, 3), columns=[1, 1, 2]), "not unique in dataframe")
        self.assert_refused(pandas.DataFrame(rows(60, 3), columns=["a", 1, "c"]),
                            "Feature names are only supported if all input features have string names")
        with self.assertRaisesRegex(metaplastic.Error, "not unique"):
            train(rows(), columns=list("aabcd"))
        with self.assertRaisesRegex(metaplastic.Error, "a name for each of the 5 columns, found 2"):
            train(rows(), columns=list("ab"))

    def test_masked_sparse_and_structured_arrays(self):
        self.assert_refused(np.ma.masked_greater(rows(), 1), "masked")
        train(np.ma.masked_greater(rows(), 1e9))  # nothing is masked
        self.assert_refused(np.zeros((9, 2), dtype=[("a", "f4"), ("b", "f4")]), "records")
        try:
            from scipy import sparse
        except ImportError:
            return
        self.assert_refused(sparse.csr_matrix(rows()).astype(complex), "Complex data not supported")

    def test_text_and_ragged_lists(self):
        self.assert_refused(np.array([["1", "2"]] * 9), "not compatible with arrays of bytes/strings")
        self.assert_refused(np.array([[b"1", b"2"]] * 9), "not compatible with arrays of bytes/strings")
        encoder = train(rows())
        for data in ([[1.0, 2.0], [3.0]], [["a", "b"]], np.array([["a", 1.0]], dtype=object),
                     pandas.DataFrame({"a": ["x", "y"]}), [[{}, {}]], object()):
            for use in (train, encoder.embed):
                with self.assertRaises(metaplastic.Error) as caught:
                    use(data)
                self.assertNotIn("\n", str(caught.exception))

    def test_what_is_no_array(self):
        class Broken:  # as tensors that are part of a graph
            def __array__(self, dtype=None, copy=None):
                raise RuntimeError("call detach() first")

        encoder = train(rows())
        for data, words in ((pathlib.Path("x.csv"), "found the path 'x.csv'; give a str .*csv:FILE"),
                            (Broken(), r"found call detach\(\) first"), ({"a": [1.0]}, "expected an array of numbers"),
                            (b"npy:x.npy", "arrays of bytes/strings"), (None, "shape"), (3.0, "shape"),
                            ((x for x in ()), "expected an array of numbers")):
            for use in (train, encoder.embed):
                with self.assertRaisesRegex(metaplastic.Error, words):
                    use(data)

    def test_shapes_and_numbers_that_do_not_fit(self):
        encoder = train(rows())
        for data, words in ((np.zeros(5), r"shape \[5\]"), (np.zeros((0, 5)), "at least one row"),
                            (np.full((9, 5), np.inf), "found inf in row 0, column 0"),
                            (np.array([[0.0] * 4 + [1e300]] * 9), "found 1e\\+300 in row 0, column 4"),
                            (pandas.Series(np.zeros(5)), "shape"), (np.zeros((9, 4, 4, 2)), "1 or 3 channels")):
            for use in (train, encoder.embed):
                with self.assertRaisesRegex(metaplastic.Error, words):
                    use(data)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
