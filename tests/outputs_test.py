#!/usr/bin/env python3
"""Outputs never replace inputs nor each other, keep permissions, and hold what their names say.

usage: outputs_test.py PROGRAM [--sanitized] [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import program  # noqa: E402  pylint: disable=wrong-import-position

np, Image = program.np, program.Image
APPLY = ("apply", "--rule", "hebb", "--steps", "2", "--hidden", "8", "--features", "6", "--quiet")
TINY = ("--outer-steps", "1", "--quiet")


class Outputs(program.InFolder):
    made = None  # the folder of data, features and encoder that each test starts from a copy of

    def setUp(self):
        super().setUp()
        if Outputs.made is None:
            temporary = tempfile.TemporaryDirectory()
            unittest.addModuleCleanup(temporary.cleanup)
            np.save(self.folder / "x.npy", np.random.default_rng(0).normal(size=(40, 5)))
            np.save(self.folder / "y.npy", np.arange(40) % 2)
            self.ok(*APPLY, "--data", "npy:x.npy", "--out", "f.npy", "--model", "m.safetensors")
            Outputs.made = pathlib.Path(temporary.name)
            shutil.copytree(self.folder, Outputs.made, dirs_exist_ok=True)
        shutil.copytree(Outputs.made, self.folder, dirs_exist_ok=True)
        os.link(self.folder / "x.npy", self.folder / "hard.npy")
        os.symlink("x.npy", self.folder / "soft.npy")
        os.symlink(".", self.folder / "here")

    def ok(self, *arguments):
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def content(self):
        """Of every file."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*")
                if path.is_file() and "here" not in path.relative_to(self.folder).parts}

    def refuses(self, *arguments, naming=()):
        before = self.content()
        line = self.refused(*arguments)
        for word in naming:
            self.assertIn(word, line)
        self.assertEqual(self.content(), before)
        return line


class Identity(Outputs):
    def test_other_spellings_and_links_of_the_data(self):
        for out in ("x.npy", "./x.npy", self.folder / "x.npy", "here/x.npy", "../" + self.folder.name + "/x.npy",
                    "hard.npy", "soft.npy", "here/here/soft.npy"):
            self.refuses(*APPLY, "--data", "npy:x.npy", "--out", out, naming=("--out", "--data"))
        for data in ("npy:./x.npy", "npy:soft.npy", "npy:hard.npy", f"npy:{self.folder}/x.npy"):
            self.refuses(*APPLY, "--data", data, "--out", "x.npy", naming=("--out", "--data"))

    def test_every_output_of_apply(self):
        self.refuses(*APPLY, "--data", "npy:x.npy,y.npy", "--out", "y.npy", naming=("--out", "--data"))
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "o.npy", "--model", "./x.npy",
                     naming=("--model", "--data"))
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "o.npy", "--names", "x.npy", naming=("--names", "--data"))
        shutil.copy(self.rule(), self.folder / "rule.safetensors")
        self.refuses("apply", "--rule", "rule.safetensors", "--data", "npy:x.npy", "--out", "o.npy", "--model",
                     "here/rule.safetensors", naming=("--model", "--rule"))

    def rule(self):
        return pathlib.Path(__file__).resolve().parent.parent / "rules" / "hebb.safetensors"

    def test_two_outputs_that_do_not_exist_yet(self):
        os.symlink("later", self.folder / "dangling")
        for out, model in (("both", "both"), ("both", "./both"), ("here/both", "both"), (self.folder / "both", "both"),
                           ("dangling", "later"), ("here/../both", "../both")):
            self.refuses(*APPLY, "--data", "npy:x.npy", "--out", out, "--model", model, naming=("--model", "--out"))
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "a", "--names", "here/a", naming=("--names", "--out"))
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "a", "--model", "b", "--names", "b", naming=("--names", "--model"))

    def test_embed_and_export(self):
        os.link(self.folder / "m.safetensors", self.folder / "m2")
        for out in ("m.safetensors", "m2", "here/m2", "x.npy", "soft.npy"):
            self.refuses("embed", "--model", "m.safetensors", "--data", "npy:x.npy", "--out", out, naming=("--out",))
        self.refuses("embed", "--model", "m.safetensors", "--data", "npy:x.npy", "--out", "n", "--names", "n")
        self.refuses("embed", "--model", "m.safetensors", "--data", "npy:x.npy", "--out", "n", "--names", "m2")
        for out in ("m.safetensors", "./m.safetensors", "m2"):
            self.refuses("export", "--model", "m.safetensors", "--onnx", out, naming=("--onnx", "--model"))

    def test_evaluate_report_bench(self):
        with open(self.folder / "t.csv", "w", encoding="utf-8") as file:
            file.write("a,b,kind\n" + "".join(f"{n},{n * n % 7},k{n % 2}\n" for n in range(60)))
        evaluate = ("evaluate", "--data", "csv:t.csv,label=kind", "--methods", "raw", "--shots", "2", "--trials", "5",
                    "--quiet")
        self.refuses(*evaluate, "--json", "t.csv", naming=("--json", "--data"))
        self.refuses(*evaluate, "--json", "here/t.csv", naming=("--json", "--data"))
        self.ok(*evaluate, "--json", "r.json")
        (self.folder / "e").mkdir()
        shutil.copy(self.folder / "r.json", self.folder / "e/few-shot.json")
        self.refuses("report", "--experiments", "e", "--evaluate", "r.json", "--out", "r.json", naming=("--out", "--evaluate"))
        self.refuses("report", "--experiments", "e", "--out", "e/few-shot.json", naming=("--out", "--experiments"))
        self.refuses("bench", "--json", "b", "--dump", "./b", naming=("--dump", "--json"))

    def test_files_of_a_folder_that_is_read(self):
        for n in range(6):
            (self.folder / f"set/{'ab'[n % 2]}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), n, np.uint8)).save(self.folder / f"set/{'ab'[n % 2]}/{n}.png")
        for out in ("set/a/0.png", "here/set/b/1.png"):
            self.refuses(*APPLY, "--data", "images:set", "--out", out, naming=("--out", "--data"))
        # An earlier output in the folder is no input.
        for _ in range(2):
            self.ok(*APPLY, "--data", "images:set", "--out", "set/features.npy", "--names", "set/names.txt")

    def test_train_keeps_the_config_that_it_reads(self):
        config = pathlib.Path(__file__).resolve().parent / "fixtures" / "quick.toml"
        (self.folder / "run").mkdir()
        shutil.copy(config, self.folder / "run/config.toml")
        self.refuses("train", "--config", "run/config.toml", "--out", "run", *TINY, naming=("--out", "--config"))
        self.refuses("train", "--config", "here/run/config.toml", "--out", "./run/", *TINY, naming=("--out",))
        shutil.copy(config, self.folder / "run/mine.toml")
        (self.folder / "run/config.toml").unlink()
        self.ok("train", "--config", "run/mine.toml", "--out", "run", *TINY)
        self.ok("train", "--config", "run/config.toml", "--out", "run", "--resume", *TINY)

    def test_experiment_keeps_a_picture_that_it_reads(self):
        for n in range(40):
            (self.folder / f"set/{'ab'[n % 2]}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), n, np.uint8)).save(self.folder / f"set/{'ab'[n % 2]}/{n}.png")
        self.refuses("experiment", "embedding", "--quick", "--rule", "hebb", "--data", "images:set", "--out", "set/a",
                     naming=("--out", "--data"))


class Files(Outputs):
    def test_an_existing_file_keeps_its_permissions(self):
        for mode in (0o600, 0o640, 0o666, 0o755):
            for name in ("f.npy", "m.safetensors", "n.txt"):
                (self.folder / name).touch()
                (self.folder / name).chmod(mode)
            self.ok(*APPLY, "--data", "npy:x.npy", "--out", "f.npy", "--model", "m.safetensors", "--names", "n.txt")
            for name in ("f.npy", "m.safetensors", "n.txt"):
                self.assertEqual(stat.S_IMODE((self.folder / name).stat().st_mode), mode, name)

    def test_a_write_protected_file_is_refused(self):
        if os.geteuid() == 0:
            self.skipTest("root may write anywhere")
        (self.folder / "f.npy").chmod(0o444)
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "f.npy", naming=("Permission denied",))

    def test_names_that_promise_another_format(self):
        for name in ("o.npz", "o.parquet", "o.JSON", "o.png", "o.safetensors"):
            self.refuses(*APPLY, "--data", "npy:x.npy", "--out", name, naming=("--out: expected a name ending in .npy",))
        self.refuses(*APPLY, "--data", "npy:x.npy", "--out", "o.npy", "--model", "e.npy", naming=("--model", ".safetensors"))
        self.refuses("export", "--model", "m.safetensors", "--onnx", "m.json", naming=("--onnx", ".onnx"))
        for name in ("o", "o.v2", "run.5"):
            self.ok(*APPLY, "--data", "npy:x.npy", "--out", name)
            self.assertEqual(np.load(self.folder / name).shape, (40, 6))

    def test_csv_and_tsv_hold_the_same_floats(self):
        expected = np.load(self.folder / "f.npy")
        for name, delimiter in (("o.csv", ","), ("o.CSV", ","), ("o.tsv", "\t")):
            self.ok(*APPLY, "--data", "npy:x.npy", "--out", name)
            lines = (self.folder / name).read_text().splitlines()
            self.assertEqual(lines[0].split(delimiter), [f"feature{n}" for n in range(6)])
            np.testing.assert_array_equal(np.loadtxt(lines[1:], delimiter=delimiter, dtype=np.float32), expected)
        self.ok("embed", "--model", "m.safetensors", "--data", "npy:x.npy", "--out", "again.csv")
        self.assertEqual((self.folder / "again.csv").read_bytes(), (self.folder / "o.csv").read_bytes())
        self.ok(*APPLY, "--data", "csv:o.csv", "--out", "of_features.npy")

    def test_a_rule_names_no_folder_of_this_machine_and_what_is_left_out_is_said(self):
        for n in range(24):
            (self.folder / f"set/kind{n % 6}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 10 * n, np.uint8)).save(self.folder / f"set/kind{n % 6}/{n}.png")
        (self.folder / "set/kind0/notes.bmp").write_bytes(b"BM")
        config = pathlib.Path(__file__).resolve().parent / "fixtures" / "quick.toml"
        done = self.ok("train", "--config", config, "--out", "run", "--outer-steps", "1",
                       f'tasks.images=["pics={self.folder}/set:1"]', "validation.every=1")
        self.assertIn("image source 'pics': left out 1 file ending in .bmp (kind0/notes.bmp)", done.stderr)
        for rule in (self.folder / "run/rules").iterdir():
            content = rule.read_bytes()
            self.assertNotIn(os.fsencode(self.folder), content)
            self.assertIn(b"pics=set:1", content)

    def test_an_exported_model_names_no_folder_of_this_machine(self):
        self.ok(*APPLY, "--data", f"npy:{self.folder}/x.npy,{self.folder}/y.npy", "--out", "o.npy", "--model", "m.safetensors")
        self.ok("export", "--model", "m.safetensors", "--onnx", "m.onnx")
        for name in ("m.safetensors", "m.onnx"):
            content = (self.folder / name).read_bytes()
            self.assertNotIn(os.fsencode(self.folder), content, name)
            self.assertIn(b"npy:x.npy,y.npy", content, name)


class Cost(Outputs):
    def test_the_memory_of_a_wide_training_is_said_before_it_begins(self):
        if self.sanitized:
            self.skipTest("sanitizers take memory of their own")
        np.save(self.folder / "wide.npy", np.random.default_rng(0).normal(size=(40, 50000)).astype(np.float32))
        with open(self.folder / "notes", "w+", encoding="utf-8") as notes:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.program, "apply", "--rule", "compact-v1", "--least-weight", "0", "--steps", "1", "--data", "npy:wide.npy",
                 "--out", "o.npy", "--quiet"], cwd=self.folder, stderr=notes)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            notes.seek(0)
            text = notes.read()
        self.assertEqual(process.returncode, 0, text)
        found = re.search(r"1 inner step of 50000 inputs, .* will take about ([0-9.]+) (MiB|GiB) of memory", text)
        self.assertTrue(found, text)
        said = float(found[1]) * (1 if found[2] == "MiB" else 1024)
        self.assertLess(abs(said / (usage.ru_maxrss / 1024) - 1), 0.3, text)

    def test_usual_data_cost_nothing_worth_a_word(self):
        self.assertEqual(self.ok(*APPLY, "--inner-batch", "16", "--data", "npy:x.npy", "--out", "o.npy").stderr, "")


class Signals(Outputs):
    def test_bench_obeys_one_signal(self):
        # What it measures before it looks at the signal takes long under sanitizers.
        for number in (signal.SIGINT,) if self.sanitized else (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([self.program, "bench", "--json", "b.json"], cwd=self.folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as process:
                time.sleep(1.5)
                process.send_signal(number)
                start = time.monotonic()
                _, notes = process.communicate(timeout=120)
                self.assertLess(time.monotonic() - start, 60)
            self.assertEqual(process.returncode, 3, notes)
            self.assertIn(f"stopped by signal {int(number)}", notes)
            self.assertFalse((self.folder / "b.json").exists())


if __name__ == "__main__":
    program.main()
