#!/usr/bin/env python3
"""The loop that Python drives (metaplastic.elastic stands on it) makes the bits that `train` makes, for
every option of [outer] away from its default.

usage: PYTHONPATH=build/python outer_loop_test.py PROGRAM [unittest arguments]
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError as error:
    print(f"outer_loop_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import _native, meta

from meta_test import metrics_of, rows, tensors_of, tiny_config, write_toml

PROGRAM = ""

# A value of each option that is not its default, and whether it changes the numbers of this run.
OPTIONS = {"init_rule": ("oja", True), "init_mix_share": (0.2, True), "outer_batch": (2, True),
           "outer_steps": (5, True), "outer_lr": (0.03, True), "warmup_steps": (2, True),
           "decay_steps": (2.0, True), "settings_step": (8.0, True), "cooldown": (0.6, True), "beta1": (0.5, True),
           "beta2": (0.9, True), "clip_truncation": (0.01, True), "clip_gradient": (0.004, True),
           "ema_decay": (0.05, True), "checkpoint_every": (3, False), "trained": (["mix"], True),
           "async_batch": (2, False), "max_staleness": (0, False)}
REFUSED = {"mode": "async"}


def from_python(config, out, seed=0, **start):
    """A run whose estimates are made one by one here; returns the notes."""
    config_json = json.dumps(meta.full_config(config))
    loop = _native.OuterLoop(config_json, str(out), seed, **start)
    inner = meta.InnerLoop(config_json)
    notes = []
    while loop.outer_step < json.loads(config_json)["outer"]["outer_steps"]:
        estimates = [inner.estimate(loop.theta, state, loop.seed, loop.outer_step) for state in loop.states()]
        loop.update([gradient for gradient, _ in estimates], [state for _, state in estimates],
                    on_note=notes.append)
    return notes


class OuterLoop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name).resolve()
        X, y = rows()
        cls.tasks = meta.save_tasks(cls.folder / "rows.npz", X, y)
        # A rule of one view, for a start that other options of [rule] change.
        cls.one_view = meta.MetaTraining(tiny_config(cls.tasks, outer_steps=1), cls.folder / "one", threads=1)
        cls.one_view.run()

    def config(self, **outer):
        config = tiny_config(self.tasks, **{"outer_steps": 4, "checkpoint_every": 2, **outer})
        if "init_mix_share" in outer:
            config["rule"]["views"] = "two"
            config["outer"]["init_rule"] = self.one_view.rule
        if "settings_step" in outer:
            config["rule"] |= {"views": "neighbours", "settings": "trained"}
        return config

    def train(self, config, out, *arguments):
        """The notes of the command line."""
        toml = write_toml(self.folder / f"{out}.toml", config)
        done = subprocess.run([PROGRAM, "train", "--config", toml, "--out", self.folder / out, "--threads", "1",
                               *arguments], check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stderr.splitlines() if "non-finite truncation" in line]

    def assert_same(self, one, other):
        for file in ["checkpoint.safetensors", "rule.safetensors",
                     *(f"rules/{path.name}" for path in (self.folder / one / "rules").iterdir())]:
            first, second = (tensors_of(self.folder / name / file)[0] for name in (one, other))
            self.assertEqual(set(first), set(second), file)
            for name, values in first.items():
                self.assertEqual(values, second[name], f"{file}: {name}")
        lines = [metrics_of(self.folder / name) for name in (one, other)]
        for line in [*lines[0], *lines[1]]:
            for key in ("seconds", "data_seconds", "inner_steps_per_second"):
                line.pop(key)
        self.assertEqual(*lines)

    def theta(self, out):
        return tensors_of(self.folder / out / "checkpoint.safetensors")[0]["theta"]

    def average(self, out):
        return tensors_of(self.folder / out / "checkpoint.safetensors")[0]["average"]

    def test_every_option_is_tried(self):
        default = meta.full_config({})["outer"]
        self.assertEqual(set(default), set(OPTIONS) | set(REFUSED))
        for name, value in [*((name, value) for name, (value, _) in OPTIONS.items()), *REFUSED.items()]:
            self.assertNotEqual(value, default[name], name)

    def test_the_same_bits_as_train_with_each_option(self):
        from_python(self.config(), self.folder / "default", seed=3)
        others = {"init_mix_share": 0.5, "settings_step": 1.0}  # defaults, of rules that they act on
        for name, value in others.items():
            from_python(self.config(**{name: value}), self.folder / f"default-{name}", seed=3)
        for name, (value, matters) in OPTIONS.items():
            with self.subTest(option=name):
                config = self.config(**{name: value})
                self.train(config, f"cli-{name}", "--seed", "3")
                from_python(config, self.folder / f"py-{name}", seed=3)
                self.assert_same(f"cli-{name}", f"py-{name}")
                # The option took effect, or this compares nothing.
                default = f"default-{name}" if name in others else "default"
                same = self.average(f"py-{name}") == self.average(default)
                self.assertEqual(same, not matters)

    def test_only_what_is_trained_moves(self):
        config = self.config(trained=["mix"])
        from_python(config, self.folder / "mix")
        start = meta.InnerLoop(json.dumps(config)).initial_theta()
        moved = np.frombuffer(self.theta("mix"), np.float32) != start
        self.assertTrue(0 < moved.sum() <= 14, moved.sum())  # a mix has a number per term

    def test_an_asynchronous_run_is_refused_in_one_line(self):
        with self.assertRaisesRegex(metaplastic.Error, r'^outer.mode: expected "sync" .* found "async"; [^\n]*$'):
            _native.OuterLoop(json.dumps(self.config(mode="async")), str(self.folder / "async"))
        self.assertFalse((self.folder / "async").exists())

    def test_a_run_that_ended_at_once_resumes(self):
        config = self.config()
        from_python(config, self.folder / "whole", seed=5)
        _native.OuterLoop(json.dumps(config), str(self.folder / "killed"), 5)
        from_python(config, self.folder / "killed", resume=True)
        self.assert_same("whole", "killed")

    def huge_rule(self):
        """A rule file whose numbers overflow in the first inner step."""
        content = pathlib.Path(self.one_view.rule).read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8:8 + length])
        for key in ("sha256", "format_version"):  # files of other programs have none
            del header["__metadata__"][key]
        text = json.dumps(header).encode().ljust(length)
        path = self.folder / "huge.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text
                         + np.full((len(content) - 8 - length) // 4, 1e30, np.float32).tobytes())
        return str(path)

    def test_truncations_that_are_not_finite_are_noted(self):
        config = self.config(init_rule=self.huge_rule(), outer_steps=2)
        noted = self.train(config, "cli-huge")
        notes = from_python(config, self.folder / "py-huge")
        self.assertEqual(len(notes), 6)  # of 3 trajectories in 2 outer steps
        self.assertRegex(notes[0], r"^non-finite truncation: seed 0, task 0 \(mine\), inner steps up to \d+; it restarts$")
        # The program starts with the longest trajectories, and tells as they end.
        self.assertEqual(sorted(line[line.index("non-finite"):] for line in noted), sorted(notes))
        self.assertEqual([line["non_finite_share"] for line in metrics_of(self.folder / "py-huge")], [1, 1])
        self.assert_same("cli-huge", "py-huge")

    def test_a_note_that_raises_changes_nothing(self):
        loop = _native.OuterLoop(json.dumps(self.config()), str(self.folder / "raises"))
        inner = meta.InnerLoop(json.dumps(self.config()))
        huge = np.full(inner.num_parameters, 1e30, np.float32)
        estimates = [inner.estimate(huge, state) for state in loop.states()]
        self.assertFalse(any(state.finite for _, state in estimates))

        def raise_it(line):
            raise RuntimeError(line)

        before = loop.theta
        with self.assertRaisesRegex(RuntimeError, "task 0 .mine.*it restarts"):
            loop.update([g for g, _ in estimates], [s for _, s in estimates], on_note=raise_it)
        self.assertEqual(loop.outer_step, 0)
        metrics = loop.update([g for g, _ in estimates], [s for _, s in estimates])
        self.assertEqual((metrics["num_non_finite"], metrics["outer_step"]), (3, 1))
        np.testing.assert_array_equal(loop.theta, before)  # nothing to learn from


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
