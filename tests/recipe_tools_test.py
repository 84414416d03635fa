#!/usr/bin/env python3
"""Tests of the tools behind docs/recipe.md: trials are run once each, figures are drawn from their tables, label spreading has its settings."""
import re
import shutil
import unittest

from tools_test import ROOT, TempTree, call, write


class LabelSpreading(unittest.TestCase):
    """Of each of thirty settings one line; numbers of labels that the data do not have cost one line."""

    def test_more_labels_carry_further(self):
        best = {}
        for shots in (1, 40):
            done = call(ROOT / "tools/label_spreading.py", "--shots", str(shots), "--trials", "2")
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stdout.splitlines()
            self.assertEqual(len(lines), 30)
            best[shots] = max(float(line.split(": ")[1].split()[0]) for line in lines)
        self.assertGreater(best[1], 0.5)
        self.assertGreater(best[40], best[1])
        self.assertLess(best[40], 1)

    def test_what_is_not_there_costs_one_line(self):
        for arguments, expected in ((("--shots", "200"), "1 to 173, found 200"), (("--trials", "1"), "2 to 10000, found 1")):
            done = call(ROOT / "tools/label_spreading.py", *arguments)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, "")
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(expected, done.stderr)


class CompareTrials(TempTree):
    """The program is a stand-in whose accuracy falls with the number of words of a change."""

    def setUp(self):
        super().setUp()
        write(self.tree / "program", """#!/bin/sh
echo "$@" >> "$0.calls"
while [ $# -gt 0 ]; do case $1 in --out) out=$2 ;; *=*) words=x$words ;; esac; shift; done
mkdir -p "$out"
echo '{"outer_step": 5, "seconds": 2.5, "non_finite_share": 0.0, "validation": {"accuracy": 0.'$((9 - ${#words}))', \
  "random_accuracy": 0.25, "meta_loss": 0.5}}' | tr -d '\\\n' >> "$out/metrics.jsonl"
echo >> "$out/metrics.jsonl"
""", executable=True)

    def compare(self, *arguments):
        return call(ROOT / "tools/compare_trials", "--out", self.tree / "trials", "--program", self.tree / "program",
                    "--minutes", "1,3", "--seeds", "1,2", *arguments)

    def calls(self):
        return (self.tree / "program.calls").read_text().splitlines()

    def test_each_trial_goes_on_to_the_next_time_and_is_run_once(self):
        done = self.compare("--changes", "as it is;start: random")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.calls()), 8)  # two changes, seeds and times each
        self.assertIn("--minutes 1.0", self.calls()[0])
        self.assertNotIn("--resume", self.calls()[0])
        self.assertIn("--minutes 2.0 --resume", self.calls()[1])
        self.assertIn("outer.init_rule=random", self.calls()[2])
        self.assertEqual(self.compare("--changes", "as it is;no clipping").returncode, 0)
        self.assertEqual(len(self.calls()), 12)
        summary = call(ROOT / "tools/compare_trials", "--summary", self.tree / "trials/trials.tsv")
        self.assertIn("| as it is | 5 | 0.9000 0.9000 |", summary.stdout)
        self.assertIn("| start: random | 5 | 0.8000 0.8000 | -0.1000 | 0.0000 |", summary.stdout)
        self.assertIn("| no clipping | 5 | 0.7000 0.7000 | -0.2000 | 0.0000 |", summary.stdout)

    def test_a_change_without_a_trial_to_compare_with_is_listed_alone(self):
        self.assertEqual(self.compare("--changes", "no clipping").returncode, 0)
        summary = call(ROOT / "tools/compare_trials", "--summary", self.tree / "trials/trials.tsv")
        self.assertEqual(summary.returncode, 0, summary.stderr)
        self.assertIn("| no clipping | 5 | 0.7000 0.7000 | | |", summary.stdout)

    def test_a_change_that_is_not_known_is_refused(self):
        done = self.compare("--changes", "start: randum")
        self.assertEqual(done.returncode, 2)
        self.assertIn("found ['start: randum']", done.stderr)
        self.assertFalse((self.tree / "trials").exists())


class MakeRules(TempTree):
    """The program is a stand-in that makes as many outer steps as its command says, and stops half way when told to."""

    def setUp(self):
        super().setUp()
        write(self.tree / "program", """#!/bin/sh
echo "$@" >> "$0.calls"
while [ $# -gt 0 ]; do case $1 in --out) out=$2 ;; --outer-steps) steps=$2 ;; esac; shift; done
mkdir -p "$out"; touch "$out/checkpoint.safetensors"
if [ -e stop ]; then echo '{"outer_step": 3}' >> "$out/metrics.jsonl"; exit 3; fi
echo "{\\"outer_step\\": ${steps:-7}}" >> "$out/metrics.jsonl"
echo "rule of $out" > "$out/rule.safetensors"
""", executable=True)
        for number, words in ((1, " --outer-steps 5"), (2, "")):
            write(self.tree / f"configs/recipe/{number}-stage.toml",
                  f"# What it is for.\n# metaplastic train --config c{number} --out runs/recipe-{number}{words}\n[outer]\nouter_steps = 7\n")

    def make(self, *arguments):
        return self.tool("make_rules", "--program", self.tree / "program", *arguments)

    def calls(self):
        return (self.tree / "program.calls").read_text().splitlines()

    def test_each_stage_is_run_once_and_its_time_is_kept(self):
        done = self.make("--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.calls(), ["train --config c1 --out runs/recipe-1 --outer-steps 5 --threads 2",
                                        "train --config c2 --out runs/recipe-2 --threads 2"])
        self.assertRegex(done.stdout, r"\| 1 \| `configs/recipe/1-stage.toml` \| 5 \| 0 \| 0 \| [0-9a-f]{16} \|")
        self.assertRegex(done.stdout, r"in all: 0\.00 core hours")
        again = self.make()
        self.assertEqual(len(self.calls()), 2)
        self.assertEqual(again.stdout, done.stdout)

    def test_a_stage_that_was_stopped_goes_on(self):
        write(self.tree / "stop", "")
        stopped = self.make()
        self.assertEqual(stopped.returncode, 2)
        self.assertIn("stage 1: expected a run that ends well, found exit status 3", stopped.stderr)
        self.assertEqual(len(self.calls()), 1)
        (self.tree / "stop").unlink()
        done = self.make()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--resume", self.calls()[1])
        self.assertIn("| 5 |", done.stdout)

    def test_what_is_not_there_is_said(self):
        done = self.make("--stages", "3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected numbers out of [1, 2], found [3]", done.stderr)
        done = self.tool("make_rules", "--program", "not-there")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--program: expected a program, found no ", done.stderr)
        write(self.tree / "configs/recipe/2-stage.toml", "# no command\n[outer]\nouter_steps = 7\n")
        self.assertIn("2-stage.toml: expected a comment '# metaplastic train", self.make().stderr)

    def test_the_stages_that_come_along_have_commands(self):
        for config in (ROOT / "configs/recipe").glob("[0-9]-*.toml"):
            self.assertIn(f"\n# metaplastic train --config configs/recipe/{config.name} --out runs/recipe-{config.name[0]} ",
                          config.read_text(), config.name)


class MakeFigures(TempTree):
    def test_draws_the_tables_that_are_kept_and_says_which_is_missing(self):
        figures = ROOT / "docs/figures"
        for table in figures.glob("*.tsv"):
            shutil.copy(table, self.tree)
        done = call(ROOT / "tools/make_figures.py", self.tree)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("stages.svg", "trials.svg"):
            self.assertIn("<svg", (self.tree / name).read_text())
            self.assertTrue((figures / name).exists())
        (self.tree / "trials.tsv").unlink()
        done = call(ROOT / "tools/make_figures.py", self.tree)
        self.assertEqual(done.returncode, 2)
        self.assertIn("trials.tsv: expected a table, found no such file", done.stderr)


class DrawResults(TempTree):
    def setUp(self):
        super().setUp()
        (self.tree / "tools").mkdir()
        shutil.copy(ROOT / "tools/draw_results", self.tree / "tools")
        (self.tree / "docs/figures").mkdir(parents=True)
        (self.tree / "docs/results").mkdir()
        for name in ("few-shot.json", "hours.tsv", "speed.tsv"):
            shutil.copy(ROOT / "docs/results" / name, self.tree / "docs/results")

    def draw(self, *arguments):
        return call(self.tree / "tools/draw_results", *arguments)

    def test_a_run_is_added_once_and_charts_follow_the_tables(self):
        validation = '"validation": {"accuracy": 0.75, "random_accuracy": 0.5}'
        lines = [f'{{"outer_step": 0, "seconds": 0, {validation}}}', '{"outer_step": 1, "seconds": 400}',
                 f'{{"outer_step": 2, "seconds": 36, {validation}}}']
        write(self.tree / "run/metrics.jsonl", "\n".join(lines) + "\n")
        table = self.tree / "docs/results/hours.tsv"
        before = table.read_text().splitlines()
        for _ in range(2):  # the second time its rows are replaced
            done = self.draw("--add-run", "a run", self.tree / "run")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(table.read_text().splitlines(), before + [
            "a run\ta run 0.5000\t0.0000\t0.7500\t0.5000",
            "a run\ta run 0.5000\t0.0200\t0.7500\t0.5000"])  # two updates of 36 s, as long as the faster one
        self.assertIn("a run", (self.tree / "docs/figures/hours-dark.svg").read_text())
        self.assertEqual(self.draw("--check").returncode, 0)
        speed = self.tree / "docs/results/speed.tsv"
        text = speed.read_text()
        seconds = re.findall(r"\d+\.\d+", text)[-1]
        speed.write_text(text.replace(seconds, f"{2 * float(seconds):.2f}"))
        done = self.draw("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("speed-light.svg, speed-dark.svg is not what", done.stderr)


if __name__ == "__main__":
    unittest.main()
