#!/usr/bin/env python3
"""Signals in Python: what an array is taken for, encoders, few labels, folders of sounds.

usage: PYTHONPATH=build/python signals_test.py [unittest arguments]
"""
import os
import pathlib
import sys
import tempfile
import unittest
import wave

try:
    import numpy as np
except ImportError as error:
    print(f"signals_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic

QUICK = dict(rule="hebb-decorrelate", hidden=(12,), n_features=6, n_steps=8, seed=1)


def tones(num_rows=240, seed=0):
    """Three classes of frequency with a random phase, in two channels."""
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % 3
    time = np.arange(60)[None, :] * np.array([0.05, 0.13, 0.29])[y][:, None] + random.random((num_rows, 1))
    X = np.stack([np.sin(2 * np.pi * time), np.cos(2 * np.pi * time)], axis=2) * [1, 20] + [0, 300]
    return X + 0.1 * random.normal(size=X.shape), y


class Signals(unittest.TestCase):
    def test_the_kind_decides_what_an_array_is(self):
        X, _ = tones()
        training = metaplastic.train_encoder(X, kind="signal", **QUICK)
        encoder = training.encoder
        self.assertEqual(encoder.layers, "conv 128 9, pool 4, dense 12, dense 6")
        self.assertIn("channels standardised, 60 steps of 2", encoder.preprocessing)
        features = encoder.embed(X)
        self.assertEqual(features.shape, (240, 6))
        np.testing.assert_array_equal(features, encoder.embed(X.reshape(240, -1)))
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/x.npy", X)
            encoder.save(f"{folder}/e.safetensors")
            loaded = metaplastic.Encoder.load(f"{folder}/e.safetensors")
            np.testing.assert_array_equal(features, loaded.embed(f"npy:{folder}/x.npy,signal=yes"))
            array, _, info = metaplastic.read_data(f"npy:{folder}/x.npy,signal=yes")
        self.assertEqual((array.shape, info["kind"], info["rate"]), ((240, 60, 2), "signal", None))
        one = metaplastic.train_encoder(X[:, :, 0], kind="signal", layers="conv 5 7, pool 3", **QUICK).encoder
        self.assertEqual(one.embed(X[:, :, 0]).shape, (240, 15))

    def test_what_is_no_signal_is_refused(self):
        X, _ = tones()
        for arguments, words in [
                (dict(data=X, layers="signals"), "expected pixels from 0 to 1"),
                (dict(data=np.abs(X) / 400, layers="signals"), 'kind="signal" in Python'),
                (dict(data=X, kind="table"), r'expected \[rows, columns\] for kind="table"'),
                (dict(data=X[:, :, 0], kind="image"), 'for kind="image"'),
                (dict(data=X[..., None], kind="signal"), "reshape it"),
                (dict(data=X, kind="signal", views="mirrors"), "found views of images"),
                (dict(data=X, kind="signal", views="mirror"), "did you mean 'mirrors'"),
                (dict(data=X, kind="signals"), "expected table, image, signal or None"),
                (dict(data="digits", kind="signal"), "expected none for a data SPEC"),
                (dict(data=X, kind="signal", resize=5), "expected images for a resize")]:
            with self.assertRaisesRegex(metaplastic.Error, words):
                metaplastic.train_encoder(**{**QUICK, **arguments})
        encoder = metaplastic.train_encoder(X, kind="signal", **QUICK).encoder
        with self.assertRaisesRegex(metaplastic.Error, "expected 60 steps of 2 channels"):
            encoder.embed(X[:, :50])

    @unittest.skipIf(os.environ.get("METAPLASTIC_SANITIZED"), "a minute under sanitizers: runs once, without")
    def test_few_labels(self):
        X, y = tones()
        labels = np.where(np.arange(240) < 30, y, -1)
        model = metaplastic.FewLabelClassifier(kind="signal", random_state=0, n_steps=100).fit(X, labels)
        self.assertGreater(np.mean(model.predict(X[30:]) == y[30:]), 0.9)

    def test_sounds(self):
        with tempfile.TemporaryDirectory() as folder:
            X, _ = tones(20)
            for n, row in enumerate(X[:, :, 0]):
                with wave.open(str(pathlib.Path(folder) / f"{n}.wav"), "wb") as file:
                    file.setparams((1, 2, 8000, 0, "NONE", ""))
                    file.writeframes((np.tile(row, 20 + n) * 9000).astype("<i2").tobytes())
            spec = f"wav:{folder},length=0.2"
            encoder = metaplastic.train_encoder(spec, **QUICK).encoder
            self.assertIn("40 log-mel bands every 10 ms", encoder.preprocessing)
            # Later files get the length that was fitted, whatever theirs is.
            np.testing.assert_array_equal(encoder.embed(spec), encoder.embed(f"wav:{folder}"))
            samples, _, info = metaplastic.read_data(spec)
        self.assertEqual((samples.shape, info["rate"]), ((20, 1600, 1), 8000))
        with self.assertRaisesRegex(metaplastic.Error, "expected sounds as the encoder was fitted on"):
            encoder.embed(samples)


if __name__ == "__main__":
    unittest.main()
