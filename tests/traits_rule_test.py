#!/usr/bin/env python3
"""A rule that follows the data, from meta-training to features: trained as applied, applied as trained.

usage: traits_rule_test.py PROGRAM
"""
import json
import pathlib
import shutil
import subprocess
import tempfile

import program
from program import np

ROOT = pathlib.Path(__file__).resolve().parents[1]
RULES = ROOT / "rules"
FIXTURE = ROOT / "tests/fixtures/rule-version-3/rule.safetensors"
TRAIN = ("train", "--seed", 3, "--threads", 1, "--outer-steps", 2, "--quiet")
OPTIONS = (
    "rule.C=4", "rule.D=2", "rule.G=1", "rule.views=neighbours", "rule.bias_mean=homeostatic", "rule.settings=traits",
    "rule.network=none", "rule.trait_units=4", "tasks.glyphs=0", "tasks.tables=1", "tasks.max_inputs=24",
    "tasks.max_classes=4", "tasks.augment.augmented_share=0", "inner.min_T=5", "inner.max_T=5", "inner.min_rows=40",
    "inner.max_rows=80", "inner.neighbour_pool=80", "inner.inner_batch=[16]", "inner.max_layers=2", "inner.min_units=8",
    "inner.max_units=12", "inner.min_features=8", "inner.max_features=12", "truncation.min_K=5", "truncation.max_K=5",
    "truncation.shots=4", "estimator.name=backprop-es", "estimator.pairs=1", "outer.init_rule=agree-neighbours",
    "outer.outer_batch=2", "outer.outer_lr=0.1", "validation.num_tasks=2", "validation.inner_steps=5",
    "validation.hidden=[12]", "validation.every=2", "validation.paired=true")


class TraitsRule(program.InFolder):
    trained = pathlib.Path()  # the run that every test looks at

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.trained = pathlib.Path(temporary.name) / "run"
        empty = pathlib.Path(temporary.name) / "empty.toml"
        empty.write_text("", encoding="utf-8")
        done = subprocess.run([cls.program, *map(str, TRAIN), "--config", empty, "--out", cls.trained, *OPTIONS],
                              capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    def setUp(self):
        super().setUp()
        (self.folder / "empty.toml").write_text("", encoding="utf-8")
        random = np.random.default_rng(1)
        rows = [",".join(f"{x:.4f}" for x in random.normal(size=5) + n % 3) + f",c{n % 3}" for n in range(60)]
        (self.folder / "table.csv").write_text("a,b,c,d,e,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
        shutil.copytree(self.trained, self.folder / "run")
        self.rule = "run/rules/step-000002.safetensors"

    def test_validation_is_paired_with_the_start(self):
        lines = [json.loads(line) for line in (self.folder / "run/metrics.jsonl").read_text().splitlines()]
        self.assertEqual([line["outer_step"] for line in lines], [0, 1, 2])
        first, last = lines[0]["validation"], lines[2]["validation"]
        self.assertNotIn("paired", first)
        self.assertAlmostEqual(last["paired"]["accuracy"], last["accuracy"] - first["accuracy"], places=9)
        self.assertIn("standard_error", last["paired"])

    def test_inspect_shows_settings_and_the_mix_for_a_data_set(self):
        shown = self.run_program("inspect", self.rule).stdout
        self.assertIn("meta-trained for 2 outer steps from agree-neighbours, which is set by hand", shown)
        step = shown.split("step: inner step size\n")[1].splitlines()
        self.assertRegex(step[0], r"distances +0\.0\d+ from 0\.02000$")
        self.assertRegex(step[2], r"sparse +0\.02000 \(start\)$")
        self.assertNotIn("inner_lr:", shown.split("provenance:")[0])
        inner = shown.split("not meta-trained (in brackets: in meta-training):\n")[1]
        for line in ("init: normal (the same)", "inner_batch: 16 (the same)", "inner_steps: 5 (the same)"):
            self.assertIn(line, inner.split("mix of")[0])
        self.assertNotIn("_std", inner.split("mix of")[0])
        weights = shown.split("weights: deviation of the first weights\n")[1].splitlines()
        self.assertRegex(weights[1], r"shapes +0\.\d+ from 0\.10000$")
        self.assertNotIn("for this data", shown)
        mixes = set()
        for data in ("fields,seed=3,rows=60", "csv:table.csv,label=label"):
            done = self.run_program("inspect", self.rule, "--data", data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("rows           1.77815", done.stdout)
            mixes.add(done.stdout.split("mix for this data:")[1])
        self.assertEqual(len(mixes), 2)
        self.assertIn("expected a rule whose settings are in theta",
                      self.refused("inspect", self.plain_rule(), "--data",
                                   "fields,seed=3,rows=60"))

    def test_inspect_converts_factors_of_an_earlier_version(self):
        shown = self.run_program("inspect", FIXTURE).stdout
        self.assertIn("meta-trained for 50 outer steps from agree-neighbours, which is set by hand", shown)
        for line in ("distances    0.09899 from 0.10000", "shapes       4.07959 from 4.00000",
                     "sparse       0.56468 from 0.60000", "sparse       1.01262 from 1.00000",
                     "shapes       0.14286 (start)"):
            self.assertIn(line, shown)
        # A rule by hand says so.
        shown = self.run_program("inspect", RULES / "agree-neighbours.safetensors").stdout
        self.assertIn("mix and settings: set by hand, not meta-trained", shown)
        self.assertIn("chosen by a person and not meta-trained:\n  bias_std: 0.1\n", shown)
        # Applied with another number of steps than most trajectories had.
        shown = self.run_program("inspect", RULES / "compact-v1.safetensors").stdout
        self.assertIn("inner_steps: 500 (150 to 1200)", shown)

    def plain_rule(self):
        options = [option.replace("=traits", "=fixed") for option in OPTIONS]
        done = self.run_program(*TRAIN, "--config", "empty.toml", "--out", "plain", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return "plain/rules/step-000002.safetensors"

    def test_it_is_applied_as_it_was_trained(self):
        done = self.run_program("evaluate", "--rule", self.rule, "--data", "csv:table.csv,label=label", "--methods",
                                "learned", "--trials", 2, "--shots", 3, "--hidden", "12", "--features", 8, "--json",
                                "out.json", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        learned = json.loads((self.folder / "out.json").read_text())["methods"][0]
        self.assertTrue(all(candidate["steps"] <= 5 for candidate in learned["candidates"]))
        self.assertFalse(any("variant" in candidate for candidate in learned["candidates"]))
        self.assertIn("follows the data by itself",
                      self.refused("apply", "--rule", self.rule, "--data", "csv:table.csv,label=label", "--variant", "far",
                                   "--out", "x.npy"))


if __name__ == "__main__":
    program.main()
