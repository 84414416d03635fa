#!/usr/bin/env python3
"""Runs the example scripts, small, and looks at what they print and draw.

usage: PYTHONPATH=build/python examples_test.py [unittest arguments]
"""
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


class Examples(unittest.TestCase):
    def run_example(self, name, *arguments):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py", "--out", temporary.name,
                               *map(str, arguments)], capture_output=True, text=True, check=False,
                              env={**os.environ, "MPLCONFIGDIR": temporary.name})
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        picture = (pathlib.Path(temporary.name) / f"{name}.png").read_bytes()
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        self.assertGreater(len(picture), 8000)
        return done.stdout

    def test_wine_pipeline(self):
        out = self.run_example("wine_pipeline", "--draws", "3", "--labels", "5")
        scores = {line.split()[0]: float(line.split()[1]) for line in out.splitlines() if " +- " in line}
        self.assertEqual(set(scores), {"LogisticRegression", "SelfTrainingClassifier", "LabelSpreading",
                                       "FewLabelClassifier"})
        self.assertGreater(scores["FewLabelClassifier"], 0.85)  # a third is chance

    @unittest.skipUnless(FASHION.is_dir(), "needs Debian's dataset-fashion-mnist")
    def test_two_hundred_labels(self):
        out = self.run_example("two_hundred_labels", "--rows", "1000", "--test-rows", "500", "--steps", "20",
                               "--draws", "1")
        found = re.search(r"1000 images, 200 labels: FewLabelClassifier (0\.\d+), LogisticRegression (0\.\d+)", out)
        self.assertGreater(float(found[1]), 0.6)  # a tenth is chance

    def test_meta_train_on_arrays(self):
        out = self.run_example("meta_train_on_arrays", "--outer-steps", "6")
        scores = [[float(x) for x in re.findall(r"0\.\d{3}", line)] for line in out.splitlines()
                  if line.startswith("outer step")]
        self.assertEqual(len(scores), 6)
        for accuracy, _, untrained in scores:
            self.assertGreater(min(accuracy, untrained), 0.2)  # 4 to 8 conditions: an eighth to a fourth

    def test_look_inside_a_rule(self):
        out = self.run_example("look_inside_a_rule", "--rule", "agree", "--terms", "1", "--draws", "3", "--steps", "60")
        self.assertEqual(re.findall(r"^  agree +\+", out, re.M)[:1], ["  agree        +"])
        found = dict(re.findall(r"^  (all terms|untrained|no \w+) +(0\.\d+)", out, re.M))
        self.assertEqual(set(found), {"all terms", "untrained", "no agree"})
        self.assertGreater(float(found["all terms"]), 0.7)  # a tenth is chance

    @unittest.skipUnless(importlib.util.find_spec("torch"), "needs Debian's python3-torch")
    def test_torch_step(self):
        out = self.run_example("torch_step", "--outer-steps", "20")
        differences = [float(x) for x in re.findall(r"differs from the oracle by at most (\S+)", out)]
        self.assertEqual(len(differences), 4)
        self.assertLess(max(differences), 1e-8)
        start, learned = map(float, re.search(r"(\d\.\d+) with the rule it started from, (\d\.\d+) learned", out).groups())
        self.assertLess(learned, start)

    @unittest.skipUnless(importlib.util.find_spec("distributed"), "needs Debian's python3-distributed")
    def test_elastic_meta_training(self):
        # Too short for a kill on most machines; meta_test kills workers at chosen places.
        out = self.run_example("elastic_meta_training", "--outer-steps", "2")
        self.assertIn("to the last bit: yes", out)


if __name__ == "__main__":
    missing = [name for name in ("matplotlib", "numpy", "sklearn") if not importlib.util.find_spec(name)]
    if missing:
        print(f"examples_test: skipped, missing {', '.join(missing)}; tools/install_packages test brings it")
        sys.exit(77)
    unittest.main()
