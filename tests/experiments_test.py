#!/usr/bin/env python3
"""Every experiment in its quick form, and the page that shows them all, drawn by Chromium.

usage: experiments_test.py PROGRAM ARTEFACTS [unittest arguments]

The page and its screenshots stay in the folder ARTEFACTS. Without a `chromium` the drawing is skipped.
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ["mismatch", "few-shot", "meta-curves", "architecture", "activation", "permutation", "text", "filters",
         "embedding", "data-size", "layers", "ablation"]
PROGRAM, ARTEFACTS = "", pathlib.Path()


def metaplastic(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600,
                          check=False)


def chromium(*arguments):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", f"--user-data-dir={profile}", "--enable-logging=stderr",
             "--virtual-time-budget=60000", *map(str, arguments)],
            capture_output=True, text=True, timeout=300, check=False)


def write_texts(path):
    """Documents of three classes that differ in half of their words."""
    words = {"sea": "wave tide salt ship reef gull", "sky": "cloud wind star moon rain bird",
             "town": "street tram shop roof lamp door"}
    lines = []
    for n in range(90):
        label = sorted(words)[n % 3]
        own = words[label].split()
        lines.append(f"{label}\t{own[n % 6]} and {own[(n * 5 + 1) % 6]} with a common word number{n % 7}\n")
    path.write_text("".join(lines), encoding="utf-8")


class ExperimentsSlow(unittest.TestCase):
    """All experiments, made once with few inner steps: what they write, not what they find."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        folder = pathlib.Path(temporary.name)
        run, texts = folder / "run", folder / "texts.tsv"
        write_texts(texts)
        cls.out = folder / "out"
        done = metaplastic("train", "--config", ROOT / "configs" / "tiny.toml", "--out", run, "--outer-steps", 4,
                           "--seed", 5, "--quiet", "validation.every=2")
        assert done.returncode == 0, done.stderr
        for name in NAMES:
            extra = ["--run", run] if name in ("meta-curves", "text", "filters") else []
            data = f"text:{texts}" if name == "text" else "digits"
            done = metaplastic("experiment", name, "--rule", "hebb-decorrelate", "--quick", "--steps", 4, "--seed", 3,
                               "--data", data, "--out", cls.out, *extra)
            assert done.returncode == 0, (name, done.stderr)
            cls.records = getattr(cls, "records", {})
            cls.records[name] = json.loads((cls.out / f"{name}.json").read_text(encoding="utf-8"))
        cls.page = ARTEFACTS / "experiments.html"
        done = metaplastic("report", run, "--experiments", cls.out, "--out", cls.page)
        assert done.returncode == 0, done.stderr

    def stop(self, arguments, out, num_kept):
        """Runs until a log is there that keeps so many measurements, then stops it; what it said."""
        with subprocess.Popen([PROGRAM, *map(str, arguments), str(out)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as run:
            for _ in range(6000):
                logs = [file.read_text().splitlines() for file in out.glob("*.partial")]
                if logs and sum(map(len, logs)) >= num_kept or run.poll() is not None:
                    break
                time.sleep(0.01)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(), 3)
            return run.stderr.read()

    def test_an_experiment_that_was_stopped_goes_on(self):
        # Enough steps that the measurements left over take seconds, which the signal is sure to reach.
        arguments = ["experiment", "activation", "--rule", "hebb-decorrelate", "--quick", "--steps", 2000, "--seed", 3,
                     "--data", "digits", "--out"]
        with tempfile.TemporaryDirectory() as folder:
            whole, parts = pathlib.Path(folder, "whole"), pathlib.Path(folder, "parts")
            parts.mkdir()
            notes = self.stop(arguments, parts, num_kept=3)
            self.assertIn("measurements are kept in", notes)
            self.assertEqual([file.suffix for file in parts.iterdir()], [".partial"])
            done = metaplastic(*arguments, parts)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("16 measurements", done.stderr)
            self.assertRegex(done.stderr, r"\d+ measurements of a run that was stopped are used")
            metaplastic(*arguments, whole)
            rows = [json.loads((out / "activation.json").read_text(encoding="utf-8"))["rows"] for out in (whole, parts)]
            self.assertEqual(rows[0], rows[1])
            self.assertEqual(list(parts.glob("*.partial")), [])

    def test_a_training_that_was_done_is_not_done_again(self):
        arguments = ["experiment", "filters", "--rule", "hebb-decorrelate", "--rule", "agree-neighbours", "--quick",
                     "--steps", 3000, "--seed", 3, "--data", "digits", "--out"]
        with tempfile.TemporaryDirectory() as folder:
            whole, parts = pathlib.Path(folder, "whole"), pathlib.Path(folder, "parts")
            parts.mkdir()
            self.stop(arguments, parts, num_kept=0)
            self.assertEqual(len(list(parts.glob("*.partial.0.*.safetensors"))), 4)
            done = metaplastic(*arguments, parts)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, r"2 measurements, about \d+ s of one core")
            self.assertIn("1 measurements of a run that was stopped are used", done.stderr)
            metaplastic(*arguments, whole)
            records = [json.loads((out / "filters.json").read_text(encoding="utf-8")) for out in (whole, parts)]
            for part in ("rows", "pictures", "finding"):
                self.assertEqual(records[0][part], records[1][part])
            self.assertEqual(list(parts.glob("*.partial*")), [])

    def test_several_rules_stand_beside_each_other(self):
        """Each has the numbers that it has alone; the baselines are measured once."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("activation", "filters"):
                arguments = ["experiment", name, "--quick", "--steps", 4, "--seed", 3, "--data", "digits", "--resize",
                             "14,28", "--out", folder, "--rule", "oja", "--rule", "hebb-decorrelate"]
                done = metaplastic(*arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                record = json.loads(pathlib.Path(folder, f"{name}.json").read_text(encoding="utf-8"))
                self.assertEqual([rule["name"] for rule in record["rules"]], ["oja", "hebb-decorrelate"])
                self.assertGreater(record["cpu_seconds"], 0)
                self.assertIn("--rule oja --rule hebb-decorrelate --data digits --resize 14,28", record["command"])
                if name == "filters":
                    self.assertEqual([row for row in record["rows"] if row["rule"] == "hebb-decorrelate"],
                                     [row for row in self.records[name]["rows"] if row["varied"] == "inner_step"])
                    continue
                self.assertEqual({row["method"] for row in record["rows"]}, {"oja", "hebb-decorrelate", "random"})
                self.assertEqual(len(record["rows"]), 8 * 3)  # digits are small: one size of them
                alone = {(row["activation"], row["method"]): row["accuracy"] for row in self.records[name]["rows"]}
                for row in record["rows"]:
                    if row["method"] != "oja":
                        method = "random" if row["method"] == "random" else "learned"
                        self.assertEqual(row["accuracy"], alone[row["activation"], method])

    def test_each_result_says_how_it_was_made(self):
        for name, record in self.records.items():
            self.assertEqual(record["experiment"], name)
            self.assertEqual((record["seed"], record["quick"]), (3, True))
            self.assertIn(f"metaplastic experiment {name} --rule hebb-decorrelate", record["command"])
            self.assertTrue(record["commit"])
            self.assertEqual(record["settings"]["inner_steps"], 4)
            self.assertGreater(len(record["finding"]), 20)

    def test_numbers_are_numbers(self):
        for name, record in self.records.items():
            self.assertGreater(len(record["rows"]), 1, name)
            for row in record["rows"]:
                self.assertLessEqual(set(row) - {"settings"}, set(record["columns"]), name)
                if "accuracy" in row:
                    self.assertTrue(0 < row["accuracy"] < 1 + 1e-9, (name, row))  # a mean of ones may round up
                    self.assertTrue(0 <= row["stderr"] < 0.5, (name, row))

    def test_each_experiment_covers_what_it_promises(self):
        rows = {name: record["rows"] for name, record in self.records.items()}
        self.assertEqual({row["activation"] for row in rows["activation"]},
                         {"relu", "leaky_relu", "tanh", "elu", "sigmoid", "softplus", "swish", "step"})
        self.assertLessEqual({1, 11}, {row["size"] for row in rows["architecture"] if row["sweep"] == "depth"})
        self.assertEqual(len({row["removed"] for row in rows["ablation"] if row["part"] == "term"}), 12)
        self.assertGreaterEqual(len([row for row in rows["ablation"] if row["part"] == "input"]), 7)
        self.assertEqual({row["inputs"] for row in rows["permutation"]}, {"in place", "shuffled"})
        self.assertEqual({row["shots"] for row in rows["few-shot"]}, {1, 3, 10})
        self.assertEqual({row["outer_step"] for row in rows["meta-curves"]}, {2, 4})
        self.assertEqual({row["outer_step"] for row in rows["text"]}, {None, 2, 4})
        self.assertEqual({row["inner_step"] for row in rows["embedding"]}, {0, 4})
        self.assertEqual({row["method"] for row in rows["mismatch"]}, {"learned", "vae"})
        self.assertEqual(min(row["rows"] for row in rows["data-size"]), 100)
        self.assertEqual({row["part"] for row in rows["layers"]}, {"dense", "conv", "conv, whitened", "conv + dense"})

    def test_every_figure_is_a_file_and_on_the_page(self):
        page = self.page.read_text(encoding="utf-8")
        for name, record in self.records.items():
            self.assertGreater(len(record["figures"]), 0, name)
            for figure in record["figures"]:
                self.assertIn(f'<h3 id="{figure["id"]}">', page)
                self.assertEqual(json.loads((self.out / f"{figure['id']}.vl.json").read_text(encoding="utf-8")),
                                 figure["spec"])
        self.assertGreaterEqual(len(self.records["filters"]["pictures"]), 3)

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_chromium_draws_every_chart(self):
        done = chromium("--dump-dom", "--window-size=1280,1000", self.page.as_uri())
        num_specs = len(re.findall(r"<script[^>]* data-plot=", self.page.read_text(encoding="utf-8")))
        drawn = re.search(r'<html[^>]* data-charts="([^"]*)"', done.stdout)
        self.assertTrue(drawn, done.stderr[-2000:])
        self.assertEqual(drawn.group(1), f"{num_specs}/{num_specs}")
        self.assertEqual(len(re.findall(r'<svg[^>]* class="marks"', done.stdout)), num_specs)
        self.assertEqual([line for line in done.stderr.splitlines() if "CONSOLE" in line], [])
        self.assertNotRegex(done.stdout, r'd="[^"]*NaN')

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_screenshots_for_people(self):
        for name, size, extra in [("desktop-light", "1280,2400", []),
                                  ("phone-dark", "390,2400", ["--blink-settings=preferredColorScheme=0"])]:
            picture = ARTEFACTS / f"experiments-{name}.png"
            picture.unlink(missing_ok=True)
            chromium(f"--screenshot={picture}", f"--window-size={size}", *extra, self.page.as_uri())
            self.assertGreater(picture.stat().st_size, 20_000)


class Trouble(unittest.TestCase):
    def test_is_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "file"
            file.write_text("x", encoding="utf-8")
            for arguments, words in [
                    (("activatoin", "--out", folder), "did you mean 'activation'"),
                    (("meta-curves", "--out", folder), "expected --run DIR"),
                    (("meta-curves", "--out", folder, "--run", folder), "rules/step-*.safetensors"),
                    (("filters", "--out", file), "--out: expected a folder"),
                    (("filters", "--out", folder, "--rule", "none"), "rule: expected"),
                    (("text", "--out", folder, "--data", "digits"), "text: expected text"),
                    (("text", "--out", folder, "--rule", "oja", "--rule", "oja"), "--rule: expected each rule once"),
                    (("text", "--out", folder, "--resize", "14,x"), "--resize: expected a whole number"),
            ]:
                done = metaplastic("experiment", *arguments, "--quiet")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    ARTEFACTS = pathlib.Path(sys.argv.pop(1)).resolve()
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    unittest.main()
