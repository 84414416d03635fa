#!/usr/bin/env python3
"""Rows that come in other forms than one dense array: sparse matrices, and Dask collections on a LocalCluster."""
import importlib.util
import sys
import unittest

import numpy as np

import metaplastic
from metaplastic import UnsupervisedUpdate
from metaplastic.threads import count_threads


def counts(num_rows=120, num_columns=40):
    rng = np.random.default_rng(0)
    return (rng.poisson(0.2, (num_rows, num_columns)) * rng.random((num_rows, num_columns))).astype(np.float32)


def trained(data, **options):
    return metaplastic.train_encoder(data, "hebb", hidden=(8,), n_features=6, n_steps=4, inner_batch=16,
                                     **options).encoder


@unittest.skipUnless(importlib.util.find_spec("scipy"), "SciPy is missing")
class Sparse(unittest.TestCase):
    def test_the_bits_of_dense_rows(self):
        from scipy import sparse
        for X in (counts(), counts().astype(np.float64) + 1e-9, (counts() > 0).astype(np.int64)):
            dense = trained(X)
            expected = dense.embed(X)
            for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array):
                np.testing.assert_array_equal(trained(kind(X)).embed(kind(X)), expected)
                np.testing.assert_array_equal(dense.embed(kind(X)), expected)
        twice = sparse.csr_matrix((np.ones(3, np.float32), [1, 1, 0], [0, 2, 3]), shape=(2, 3))  # one entry in two parts
        encoder = trained(counts(60, 3))
        np.testing.assert_array_equal(encoder.embed(twice), encoder.embed(twice.toarray()))
        self.assertFalse(twice.has_canonical_format)  # and it is left as it was

    def test_the_transformer_takes_them(self):
        from scipy import sparse
        X = counts()
        model = UnsupervisedUpdate("hebb", hidden=(8,), n_features=6, n_steps=4, random_state=0)
        expected = model.fit(X).transform(X)
        np.testing.assert_array_equal(model.fit(sparse.csc_matrix(X)).transform(sparse.csr_matrix(X)), expected)

    def test_the_classifier_takes_them(self):
        from scipy import sparse
        X = counts()
        y = (X[:, 0] > np.median(X[:, 0])).astype(int)
        labels = np.where(np.arange(len(y)) % 4 == 0, y, -1)

        def fitted(rows):
            return metaplastic.FewLabelClassifier("hebb", hidden=(8,), n_features=6, n_steps=4, random_state=0,
                                                  image_shape=None).fit(rows, labels)
        dense = fitted(X)
        for kind in (sparse.csr_matrix, sparse.csc_matrix):
            model = fitted(kind(X))
            np.testing.assert_array_equal(model.predict_proba(kind(X)), dense.predict_proba(X))
            np.testing.assert_array_equal(model.transform(kind(X)), dense.transform(X))
            again = model.fit_labels(kind(X), 1 - y)
            np.testing.assert_array_equal(again.predict(X), fitted(X).fit_labels(X, 1 - y).predict(X))
        with self.assertRaisesRegex(metaplastic.Error, "for a sparse matrix"):
            metaplastic.FewLabelClassifier("hebb", image_shape=(1, X.shape[1])).fit(sparse.csr_matrix(X), labels)

    def test_what_is_refused(self):
        from scipy import sparse
        X = sparse.csr_matrix(counts())
        X.data[3] = np.inf
        with self.assertRaisesRegex(metaplastic.Error, r"finite.*row 0|finite.*row \d+, column \d+"):
            trained(X)
        with self.assertRaisesRegex(metaplastic.Error, "at least one row"):
            trained(sparse.csr_matrix((0, 4), dtype=np.float32))
        broken = sparse.csr_matrix(counts())
        broken.indices[0] = 99
        with self.assertRaisesRegex(metaplastic.Error, "lie inside"):
            trained(broken)


class Threads(unittest.TestCase):
    def test_numbers_of_jobs(self):
        from unittest import mock
        with mock.patch("os.sched_getaffinity", return_value=set(range(6)), create=True):
            for limit, expected in (("", 6), ("2", 2), ("9", 6), ("0", 1), ("many", 6)):
                with mock.patch.dict("os.environ", {"OMP_NUM_THREADS": limit}):
                    self.assertEqual(count_threads(None), expected)
        self.assertEqual(count_threads(3), 3)
        self.assertGreaterEqual(count_threads(-1), 1)

    def test_the_same_bits(self):
        X = counts(600)
        one, three = trained(X, n_jobs=1), trained(X, n_jobs=3)
        np.testing.assert_array_equal(one.embed(X, num_threads=1), three.embed(X))
        with self.assertRaises(ValueError):
            trained(X, n_jobs=0)


@unittest.skipUnless(importlib.util.find_spec("distributed"), "Dask is missing")
class Dask(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from dask.distributed import Client, LocalCluster
        cls.cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
        cls.client = Client(cls.cluster)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.cluster.close()

    def test_arrays_block_by_block(self):
        import dask.array as da
        X = counts(301)
        encoder = trained(X)
        expected = encoder.embed(X)
        rows = da.from_array(X, chunks=(70, 13))
        features = encoder.embed(rows)
        self.assertEqual((features.shape, features.dtype, features.numblocks), ((301, 6), np.float32, (5, 1)))
        np.testing.assert_array_equal(features.compute(), expected)
        np.testing.assert_array_equal(encoder.embed(rows[rows[:, 0] > 0], layer=1).compute(),
                                      encoder.embed(X[X[:, 0] > 0], layer=1))
        images = np.random.default_rng(1).integers(0, 256, (50, 9, 8, 3), dtype=np.uint8)
        model = trained(images, layers="mlp")
        np.testing.assert_array_equal(model.embed(da.from_array(images, chunks=(20, 9, 8, 3))).compute(),
                                      model.embed(images))
        with self.assertRaisesRegex(metaplastic.Error, "expected 40 columns, found 39"):
            encoder.embed(rows[:, 1:])

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "pandas is missing")
    def test_data_frames_by_the_names_of_their_columns(self):
        import dask.dataframe as dd
        import pandas
        frame = pandas.DataFrame(counts(90, 3), columns=list("abc"), index=np.arange(90) * 2)
        encoder = trained(frame)
        parts = dd.from_pandas(frame, npartitions=4)
        found = encoder.embed(parts[["c", "a", "b"]]).compute()
        self.assertEqual(list(found.columns), [f"encoder{n}" for n in range(6)])
        self.assertEqual(list(found.index), list(frame.index))
        np.testing.assert_array_equal(found.to_numpy(), encoder.embed(frame))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
