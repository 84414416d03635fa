#!/usr/bin/env python3
"""Tests of metaplastic.Rule: its numbers, its files, and every place that takes a rule.

usage: PYTHONPATH=build/python rule_test.py PROGRAM [unittest arguments]
"""
import gc
import json
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import unittest
import warnings

try:
    import numpy as np
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
except ImportError as error:
    print(f"rule_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import Rule, UnsupervisedUpdate, meta

from meta_test import rows, tiny_config

PROGRAM = ""


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def train(rule, X):
    return metaplastic.train_encoder(X, rule, hidden=(8,), n_features=4, n_steps=6).encoder


class Numbers(unittest.TestCase):
    def test_a_bundled_rule_is_what_inspect_says(self):
        rule = Rule.load("compact-v1")
        shown = run("inspect", next(pathlib.Path(metaplastic.__file__).parent.glob("share/rules/compact-v1.safetensors")))
        weights = re.findall(r"^  (\w\S*) +(-?\d+\.\d{5})$", shown, re.M)
        self.assertEqual([name for name, _ in weights], rule.terms)
        for name, weight in weights:
            self.assertAlmostEqual(rule.mix[name], float(weight), delta=1e-5)
        self.assertEqual((rule.name, len(rule.sha256)), ("compact-v1", 64))
        self.assertIn(f"C {rule.sizes['C']}", shown)
        self.assertIn(f"inner_steps: {rule.inner['inner_steps']}", shown)
        self.assertTrue(rule.provenance)
        self.assertIn("compact-v1", repr(rule))

    def test_theta_and_its_matrices_are_views(self):
        rule = Rule.load("hebb-decorrelate")
        total = sum(matrix.size for matrix in rule.matrices.values())
        self.assertEqual(total, rule.theta.size)
        self.assertEqual((rule.theta.dtype, rule.matrices["mix"].ndim), (np.float32, 2))
        rule.mix["hebb"] = 0.25
        self.assertEqual(rule.mix["hebb"], 0.25)
        self.assertEqual(rule.matrices["mix"].reshape(-1)[rule.terms.index("hebb")], 0.25)
        rule.matrices["mix"][:] = 0.5
        self.assertEqual(dict(rule.mix), {name: 0.5 for name in rule.terms})
        view, mix = rule.theta, rule.mix
        rule.theta = np.arange(view.size)
        np.testing.assert_array_equal(view, np.arange(view.size))
        before = view.copy()
        del rule
        gc.collect()
        np.zeros(before.size, np.float32)  # takes what would have been freed
        np.testing.assert_array_equal(view, before)
        mix["hebb"] = 7
        self.assertEqual((view == 7).sum(), 1 + (before == 7).sum())

    def test_a_rule_of_ones_own(self):
        rule = Rule({"C": 4, "D": 2, "G": 1}, inner={"inner_steps": 7})
        self.assertEqual((rule.sizes["C"], rule.sizes["preset"], rule.inner["inner_steps"]), (4, "compact", 7))
        self.assertEqual((rule.theta == 0).all(), True)
        rule.mix.update(hebb=0.3, decorrelate=0.1)
        rule.inner = {"inner_lr": 0.05}
        self.assertEqual((rule.inner["inner_lr"], rule.inner["inner_steps"]), (0.05, 7))
        rule.provenance = {"made_by": "hand"}
        again = Rule(rule.sizes, rule.theta, inner=rule.inner, provenance=rule.provenance)
        X, _ = rows()
        np.testing.assert_array_equal(train(again, X).embed(X), train(rule, X).embed(X))

    def test_errors_name_the_remedy(self):
        rule = Rule.load("hebb")
        with self.assertRaisesRegex(KeyError, "did you mean 'hebb'"):
            rule.mix["heb"] = 1
        with self.assertRaisesRegex(KeyError, "expected one of"):
            rule.mix["zzz"]
        with self.assertRaisesRegex(ValueError, "finite"):
            rule.mix["hebb"] = float("nan")
        with self.assertRaisesRegex(TypeError, "set 'hebb' to 0"):
            del rule.mix["hebb"]
        for use, words in ((lambda: Rule({"c": 4}), "did you mean"), (lambda: Rule({"C": 4}, np.zeros(3)), "theta: expected"),
                           (lambda: Rule(inner={"inner_lr": 5}), "inner_lr"), (lambda: Rule({"preset": "x"}), "preset"),
                           (lambda: Rule.load("hebbb"), "did you mean 'hebb'"), (lambda: Rule(provenance={1j: 2}), "JSON"),
                           (lambda: setattr(rule, "theta", [1.0]), "theta: expected"),
                           (lambda: meta.full_config({"outer": {"init_rule": rule}}), "save it and give its path")):
            with self.assertRaisesRegex(metaplastic.Error, words) as caught:
                use()
            self.assertNotIn("\n", str(caught.exception))
        rule.theta[0] = np.inf
        X, _ = rows()
        for use in (lambda: train(rule, X), lambda: rule.save("/dev/null/x")):
            with self.assertRaisesRegex(metaplastic.Error, "expected finite numbers in the matrix"):
                use()


class Use(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        warnings.simplefilter("ignore", metaplastic.CollapseWarning)

    def applied(self, rule_file, X):
        np.save(self.folder / "x.npy", X)
        run("apply", "--rule", rule_file, "--data", f"npy:{self.folder / 'x.npy'}", "--out", self.folder / "f.npy",
            "--hidden", "8", "--features", "4", "--steps", "6", "--quiet", "--model", self.folder / "m.safetensors")
        return np.load(self.folder / "f.npy")

    def test_a_changed_rule_saved_is_the_same_rule(self):
        X, _ = rows()
        rule = Rule.load("hebb-decorrelate")
        np.testing.assert_array_equal(train(rule, X).embed(X), train("hebb-decorrelate", X).embed(X))
        rule.mix["hebb"] = 0.2
        changed = train(rule, X)
        self.assertFalse(np.array_equal(changed.embed(X), train("hebb-decorrelate", X).embed(X)))
        rule.save(self.folder / "r.safetensors")
        np.testing.assert_array_equal(self.applied(self.folder / "r.safetensors", X), changed.embed(X))
        loaded = Rule.load(self.folder / "r.safetensors")
        np.testing.assert_array_equal(loaded.theta, rule.theta)
        self.assertEqual((loaded.sizes, loaded.inner, loaded.sha256), (rule.sizes, rule.inner, rule.sha256))
        # The encoder says which rule it was.
        record = json.loads(changed.record_json)
        self.assertEqual((record["rule"], record["rule_sha256"]), ("hebb-decorrelate, changed in Python", rule.sha256))
        by_program = json.loads(metaplastic.Encoder.load(str(self.folder / "m.safetensors")).record_json)
        self.assertEqual(by_program["rule_sha256"], rule.sha256)

    def test_an_outer_loop_of_ones_own_makes_a_rule_of_the_program(self):
        X, y = rows()
        config = tiny_config(meta.save_tasks(self.folder / "rows.npz", X, y))
        loop = meta.InnerLoop(json.dumps(config))
        start = loop.initial_theta(seed=1)
        theta = start.astype(np.float64)
        states = [loop.open(slot, seed=1) for slot in range(3)]
        m, v = np.zeros_like(theta), np.zeros_like(theta)
        for t in range(1, 6):  # Adam
            estimates = [meta.estimate(loop, theta, state, seed=1) for state in states]
            states = [state for _, state in estimates]
            g = np.mean([gradient for gradient, _ in estimates], axis=0, dtype=np.float64)
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            theta -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        rule = meta.make_rule(config, theta, {"made_by": "an Adam of ours"})
        self.assertGreater(np.abs(rule.theta - start).max(), 0.01)
        self.assertEqual(rule.provenance["made_by"], "an Adam of ours")
        self.assertEqual(rule.inner["inner_steps"], config["validation"]["inner_steps"])
        rule.save(self.folder / "mine.safetensors")
        want = self.applied(self.folder / "mine.safetensors", X)
        np.testing.assert_array_equal(train(rule, X).embed(X), want)
        np.testing.assert_array_equal(train(str(self.folder / "mine.safetensors"), X).embed(X), want)
        self.assertIn("an Adam of ours", run("inspect", self.folder / "mine.safetensors"))

    def test_runs_start_from_a_rule_and_ship_one(self):
        X, y = rows()
        config = tiny_config(meta.save_tasks(self.folder / "rows.npz", X, y), outer_steps=2)
        start = meta.make_rule(config, meta.InnerLoop(json.dumps(config)).initial_theta())
        start.mix["hebb"] = 0.3
        config["outer"]["init_rule"] = start
        training = meta.MetaTraining(config, self.folder / "run", threads=1)
        training.run()
        first = meta.InnerLoop(json.dumps(training.config)).initial_theta()
        np.testing.assert_array_equal(first, start.theta)
        shipped = Rule.load(training.rule)
        again = meta.make_rule(training.config, shipped.theta)
        self.assertEqual((again.sizes, again.inner), (shipped.sizes, shipped.inner))
        np.testing.assert_array_equal(train(again, X).embed(X), train(training.rule, X).embed(X))
        self.assertEqual(meta.MetaTraining(None, self.folder / "run", resume=True, threads=1).run(), "finished")

    def test_scikit_learn_copies_and_pickles_rules(self):
        X, y = rows(90)
        rule = Rule.load("hebb-decorrelate")
        rule.mix["hebb"] = 0.2
        model = UnsupervisedUpdate(rule, hidden=(8,), n_features=4, n_steps=6, random_state=0)
        want = model.fit_transform(X)
        np.testing.assert_array_equal(clone(model).fit_transform(X), want)
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.transform(X), want)
        self.assertEqual((copy.rule.name, copy.rule.sha256), (rule.name, rule.sha256))
        np.testing.assert_array_equal(copy.partial_fit(X).transform(X), model.partial_fit(X).transform(X))
        copy.rule.mix["hebb"] = 0.9  # a copy, not the same numbers
        self.assertAlmostEqual(rule.mix["hebb"], 0.2)
        search = GridSearchCV(make_pipeline(model, LogisticRegression(max_iter=500)),
                              {"unsupervisedupdate__rule": ["hebb", rule]}, cv=2, n_jobs=2)
        self.assertTrue(np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
