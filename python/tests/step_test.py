#!/usr/bin/env python3
"""Tests of metaplastic.meta.step: against the values of the oracle under tests/oracle, in double, and by
its own properties.

usage: PYTHONPATH=build/python step_test.py [unittest arguments]
"""
import concurrent.futures
import inspect
import json
import pathlib
import pickle
import sys
import unittest

try:
    import numpy as np
except ImportError as error:
    print(f"step_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import _native, callbacks, elastic, meta

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/oracle/golden"
OPTIONS = ("preset", "v_step", "backward", "locality", "bias_mean", "views")


def read_golden(path):
    """(arrays by name, metadata) of a file of doubles."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        first, last = (8 + length + at for at in entry["data_offsets"])
        if entry["dtype"] == "F64":
            arrays[name] = np.frombuffer(content[first:last], np.float64).reshape(entry["shape"])
    return arrays, metadata


class GoldenCase:
    """A case of the oracle in the shapes of meta.step."""

    def __init__(self, path):
        self.arrays, metadata = read_golden(path)
        depth = sum(name.startswith("phi.W") for name in self.arrays)
        widths = [self.arrays["phi.W1"].shape[0]]
        widths += [self.arrays[f"phi.W{l}"].shape[1] for l in range(1, depth + 1)]
        sizes = {key: int(metadata[key]) for key in ("C", "D", "G")}
        sizes.update({key: metadata[key] for key in OPTIONS if key in metadata})
        if sizes.get("preset") == "metz2019":
            sizes["top_units"] = widths[-1]
        share = metadata.get("homeostatic_share")
        self.spec = meta.StepSpec(sizes, widths, metadata["activation"], inner_lr=float(metadata["inner_lr"]),
                                  homeostatic_share=float(share) if share else None)
        self.batch = self.arrays["x.0"].T

    def phi(self, prefix):
        flat = np.empty(self.spec.num_phi)
        for name, part in self.spec.split_phi(flat).items():
            part[...] = self.arrays[f"{prefix}.{name}"]
        return flat

    def theta(self, prefix):
        """None for a case that lacks terms which the program has, with readouts."""
        flat = np.zeros(self.spec.num_theta)
        for name, part in self.spec.split_theta(flat).items():
            found = self.arrays[f"{prefix}.{name}"]
            if name in ("mix", "mix_v"):
                part[:, :found.shape[1]] = found  # later terms stand behind, and have weight 0 here
            elif part.shape != found.shape:
                return None
            else:
                part[...] = found
        return flat


def relative(found, expected):
    return np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300)


def small(seed=0, dtype=np.float64, views="one", K=3):
    """(spec, phi, batch, theta, phi_next_bar) of a small net."""
    random = np.random.default_rng(seed)
    spec = meta.StepSpec({"C": 4, "D": 3, "G": 2, "views": views}, (7, 6, 5), "tanh", inner_lr=0.02)
    return (spec, spec.initial_phi(seed, dtype), random.normal(size=(K, 12, 7)).astype(dtype),
            (0.3 * random.normal(size=spec.num_theta)).astype(dtype),
            random.normal(size=spec.num_phi).astype(dtype))


class Step(unittest.TestCase):
    def test_values_and_gradients_of_the_oracle(self):
        compared = 0
        for path in sorted(GOLDEN.glob("*.safetensors")):
            with self.subTest(path.stem):
                case = GoldenCase(path)
                theta = case.theta("theta")
                if theta is None:
                    continue
                compared += 1
                after = meta.step(case.spec, case.phi("phi"), case.batch, theta)
                self.assertLess(relative(after, case.phi("step1")), 1e-12)
                bars = meta.step_vjp(case.spec, case.phi("phi"), case.batch, theta, case.phi("cotangent"))
                self.assertLess(relative(bars.phi, case.phi("pull_phi_bar")), 1e-8)
                expected = case.theta("pull_theta_bar")
                # The program's later terms have a gradient that the case does not know.
                known = np.ones(len(theta), bool)
                for name, part in case.spec.split_theta(known).items():
                    if name in ("mix", "mix_v"):
                        part[:, case.arrays[f"theta.{name}"].shape[1]:] = False
                self.assertLess(relative(bars.theta[known], expected[known]), 1e-8)
                self.assertIsNone(bars.batch)
        self.assertGreater(compared, 0)

    def test_the_gradient_by_the_batch_is_the_derivative(self):
        for views in ("one", "two"):
            spec, phi, batch, theta, bar = small(views=views, K=1)
            bars = meta.step_vjp(spec, phi, batch, theta, bar, with_batch=True)
            self.assertEqual(bars.batch.shape, batch.shape)
            # Central differences along a random direction, too short for a kink of relu to lie within:
            # the error is that of rounding, 1e-16 / h beside a slope of 0.02.
            direction = np.random.default_rng(1).normal(size=batch.shape)
            h = 1e-6
            ends = [bar @ meta.step(spec, phi, batch + sign * h * direction, theta) for sign in (1, -1)]
            slope = (bars.batch * direction).sum()
            self.assertAlmostEqual((ends[0] - ends[1]) / (2 * h) / slope, 1, delta=1e-5)

    def test_steps_are_steps_one_after_the_other(self):
        spec, phi, batch, theta, bar = small()
        once = phi
        for rows in batch:
            once = meta.step(spec, once, rows, theta)
        np.testing.assert_array_equal(meta.step(spec, phi, batch, theta), once)
        # Backwards: the pull-back through all is that through the last, then through the others.
        middle = meta.step(spec, phi, batch[:2], theta)
        last = meta.step_vjp(spec, middle, batch[2], theta, bar, with_batch=True)
        first = meta.step_vjp(spec, phi, batch[:2], theta, last.phi, with_batch=True)
        whole = meta.step_vjp(spec, phi, batch, theta, bar, with_batch=True)
        np.testing.assert_array_equal(whole.phi, first.phi)
        np.testing.assert_array_equal(whole.batch, np.concatenate([first.batch, last.batch[None]]))
        self.assertLess(relative(first.theta + last.theta, whole.theta), 1e-14)

    def test_float_is_double_rounded(self):
        spec, *doubles = small()
        floats = [array.astype(np.float32) for array in doubles]
        # The same function of the rounded arguments: 24 bits through three steps of a small net.
        rounded = [array.astype(np.float64) for array in floats]
        after = meta.step(spec, *floats[:3])
        self.assertEqual(after.dtype, np.float32)
        self.assertLess(relative(after, meta.step(spec, *rounded[:3])), 1e-4)
        bars, exact = meta.step_vjp(spec, *floats), meta.step_vjp(spec, *rounded)
        self.assertEqual(bars.theta.dtype, np.float32)
        self.assertLess(relative(bars.theta, exact.theta), 1e-2)

    def test_arguments_stay_and_any_layout_is_read(self):
        spec, phi, batch, theta, bar = small()
        before = [array.copy() for array in (phi, batch, theta, bar)]
        first = meta.step_vjp(spec, phi, batch, theta, bar)
        for array, copy in zip((phi, batch, theta, bar), before):
            np.testing.assert_array_equal(array, copy)
        strided = np.repeat(theta, 2)[::2]
        again = meta.step_vjp(spec, phi, np.asfortranarray(batch), strided, bar)
        np.testing.assert_array_equal(first.theta, again.theta)

    def test_threads_share_a_spec(self):
        spec, phi, batch, theta, bar = small()
        expected = meta.step_vjp(spec, phi, batch, theta, bar).theta
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: meta.step_vjp(spec, phi, batch, theta, bar).theta, range(40)):
                np.testing.assert_array_equal(found, expected)

    def test_a_rule_gives_its_form_and_its_settings(self):
        rule = metaplastic.Rule.load("hebb-decorrelate")
        spec = meta.StepSpec(rule, (5, 4))
        self.assertEqual((spec.num_theta, spec.inner_lr), (rule.theta.size, rule.inner["inner_lr"]))
        for name, part in spec.split_theta(rule.theta).items():
            np.testing.assert_array_equal(part, rule.matrices[name])
        copy = pickle.loads(pickle.dumps(spec))
        self.assertEqual(repr(copy), repr(spec))
        batch = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
        phi = spec.initial_phi(0, np.float32)
        np.testing.assert_array_equal(meta.step(copy, phi, batch, rule.theta), meta.step(spec, phi, batch, rule.theta))

    def test_a_training_is_its_steps(self):
        # One step of train_encoder with all rows as the batch, from the same start.
        X = np.random.default_rng(2).normal(size=(32, 6)).astype(np.float32)
        rule = metaplastic.Rule.load("hebb-decorrelate")
        rule.inner = {"phi_mean_share": 0}
        spec = meta.StepSpec(rule, (6, 5))
        start = spec.initial_phi(seed=4, dtype=np.float32)
        trained = _native.train_encoder(rule, X, hidden=[], features=5, activation="relu", inner_steps=1,
                                        inner_batch=32, seed=4)
        standardised = (X - X.mean(0)) / X.std(0)
        after = meta.step(spec, start, standardised, rule.theta)
        # The rows come in another order, so that sums are rounded otherwise.
        self.assertLess(relative(after, trained.phi[:spec.num_phi]), 1e-5)
        self.assertGreater(relative(start, trained.phi[:spec.num_phi]), 1e-3)

    def test_docstrings_name_every_parameter(self):
        # In the sections that numpydoc reads.
        for module, names in ((meta, meta.__all__), (callbacks, callbacks.__all__), (elastic, ["train"]),
                              (metaplastic, ["train_encoder", "read_data", "UnsupervisedUpdate"])):
            for name in names:
                found = getattr(module, name)
                if found.__module__.startswith("metaplastic._native") or issubclass(type(found), type) and issubclass(
                        found, tuple):
                    continue  # documented in _native.pyi; a record of fields
                with self.subTest(name):
                    text = found.__doc__
                    self.assertTrue(text)
                    for parameter in inspect.signature(found).parameters:
                        self.assertRegex(text, rf"Parameters\n *-+\n(.*\n)*? *(\w+, )*{parameter}\b")

    def test_errors(self):
        spec, phi, batch, theta, bar = small()
        for message, arguments in (
                ("phi: expected 155 numbers for this step, found 3", (phi[:3], batch, theta)),
                ("theta: expected .* found 0", (phi, batch, theta[:0])),
                (r"batch: expected \[B, 7\] or \[K, B, 7\].*found 3 x 12 x 6", (phi, batch[..., :6], theta)),
                ("batch: expected .*at least 2 examples, found 1 x 1 x 7", (phi, batch[0, :1], theta)),
                ("expected arrays of one type.*theta float32; use astype", (phi, batch, theta.astype(np.float32))),
                ("phi int64", (np.zeros(155, int),) * 3)):
            with self.assertRaisesRegex(metaplastic.Error, "^[^\n]*" + message + "[^\n]*$"):
                meta.step(spec, *arguments)
        with self.assertRaisesRegex(metaplastic.Error, "phi_next_bar: expected 155"):
            meta.step_vjp(spec, phi, batch, theta, bar[:-1])
        with self.assertRaisesRegex(metaplastic.Error, "followed by its second views"):
            views, phi, batch, theta, _ = small(views="two")
            meta.step(views, phi, batch[:, :11], theta)
        with self.assertRaisesRegex(metaplastic.Error, "did you mean"):
            meta.StepSpec({}, (3, 2), "rellu")
        with self.assertRaisesRegex(metaplastic.Error, "inner_lr"):
            meta.StepSpec({}, (3, 2), inner_lr=0)


if __name__ == "__main__":
    unittest.main()
