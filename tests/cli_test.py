#!/usr/bin/env python3
"""Tests of the program from outside: what it writes, its exit status, and its one-line errors.

usage: cli_test.py PROGRAM [unittest arguments]
"""
import array
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ""
QUICK = ROOT / "tests" / "fixtures" / "quick.toml"
SMALL = ("--hidden", "8", "--features", "6", "--steps", "5", "--inner-batch", "16", "--quiet")


def metaplastic(*arguments, cwd=None, **environment):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd,
                          timeout=300, check=False, env={**os.environ, **environment})


def write_csv(path, num_rows=120, num_classes=3):
    """Rows in clusters far apart; a fixed linear congruence stands in for noise."""
    state = 1
    lines = ["a,b,c,d,label"]
    for n in range(num_rows):
        values = []
        for column in range(4):
            state = (1103515245 * state + 12345) % 2**31
            values.append(4.0 * ((n % num_classes) == column) + state / 2**31)
        lines.append(",".join(f"{v:.5f}" for v in values) + f",c{n % num_classes}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_npy(path):
    content = path.read_bytes()
    assert content[:8] == b"\x93NUMPY\x01\x00", content[:8]
    length = struct.unpack("<H", content[8:10])[0]
    assert (10 + length) % 64 == 0
    shape = eval(content[10:10 + length].decode())["shape"]  # pylint: disable=eval-used
    values = array.array("f", content[10 + length:])
    return shape, values


class Cli(unittest.TestCase):
    """A folder of its own per test, with a table and the files that commands make from it."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        self.csv = self.folder / "table.csv"
        write_csv(self.csv)
        self.data = f"csv:{self.csv},label=label"

    def path(self, name):
        return self.folder / name

    def apply(self, *arguments, seed=1):
        done = metaplastic("apply", "--rule", "hebb-decorrelate", "--data", self.data, "--seed", seed,
                           "--out", self.path("f.npy"), "--model", self.path("e.safetensors"), *SMALL,
                           *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return read_npy(self.path("f.npy"))

    def refused(self, *arguments, mentions=(), **environment):
        """Exit status 2, nothing on stdout, one line on stderr that names what it should."""
        done = metaplastic(*arguments, **environment)
        self.assertEqual(done.returncode, 2, (arguments, done.stderr))
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("metaplastic: "), done.stderr)
        for words in mentions:
            self.assertIn(str(words), done.stderr)
        return done.stderr


class Commands(Cli):
    def test_help_and_version(self):
        done = metaplastic("--version")
        self.assertEqual((done.returncode, done.stdout.split()[0]), (0, "metaplastic"))
        for command in ("train", "apply", "embed", "evaluate", "inspect"):
            self.assertIn(command, metaplastic("--help").stdout)
            done = metaplastic(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr, "")
        self.assertIn("--inner-batch", metaplastic("apply", "--help").stdout)

    def test_apply_writes_features_and_an_encoder_that_embed_repeats(self):
        shape, values = self.apply()
        self.assertEqual(shape, (120, 6))
        self.assertGreater(len(set(values)), 100)
        done = metaplastic("embed", "--model", self.path("e.safetensors"), "--data", self.data,
                           "--out", self.path("again.npy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.path("again.npy").read_bytes(), self.path("f.npy").read_bytes())

    def test_apply_is_a_function_of_the_seed(self):
        first = self.apply()[1]
        encoder = self.path("e.safetensors").read_bytes()
        self.assertEqual(first, self.apply()[1])
        self.assertEqual(encoder, self.path("e.safetensors").read_bytes())
        self.assertNotEqual(first, self.apply(seed=2)[1])

    def test_apply_looks_at_no_label(self):
        with_labels = self.apply()[1]
        self.data = f"csv:{self.csv},drop=label"
        self.assertEqual(with_labels, self.apply()[1])

    def test_evaluate_prints_a_table_and_writes_the_contracts_json(self):
        done = metaplastic("evaluate", "--rule", "hebb", "--data", self.data, "--shots", 5, "--trials", 4,
                           "--json", self.path("e.json"), "--seed", 3, *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(self.path("e.json").read_text(encoding="utf-8"))
        self.assertEqual(set(result), {"dataset", "shots", "trials", "seed", "methods", "classes", "comparisons"})
        self.assertEqual(result["classes"], ["c0", "c1", "c2"])
        self.assertEqual([c["method"] for c in result["comparisons"]], ["random", "raw", "pca"])
        self.assertIn("percent of each true class", done.stdout)
        verdict, command = done.stdout.splitlines()[-2:]
        self.assertTrue(verdict.startswith("verdict: on this data set the learned features "))
        self.assertTrue(command.startswith("next: metaplastic apply "), command)
        self.assertEqual([m["name"] for m in result["methods"]], ["learned", "random", "raw", "pca"])
        for method in result["methods"]:
            self.assertEqual(set(method), {"name", "accuracy", "stderr", "seconds", "steps", "settings", "candidates",
                                           "confusion"})
            self.assertEqual([len(row) for row in method["confusion"]], [3, 3, 3])
            self.assertIn(f"{method['accuracy']:.4f}", done.stdout)
        self.assertGreater(result["methods"][2]["accuracy"], 0.95)
        self.assertEqual((result["shots"], result["trials"], result["seed"]), (5, 4, 3))

    def test_shipped_rule_is_the_default(self):
        done = metaplastic("apply", "--data", self.data, "--out", self.path("f.npy"),
                           "--model", self.path("e.safetensors"), *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rule: compact-v1", metaplastic("inspect", self.path("e.safetensors")).stdout)

    def test_without_hidden_layers_the_encoder_has_one(self):
        encoder = self.path("e.safetensors")
        done = metaplastic("apply", "--data", self.data, "--model", encoder, "--out", self.path("f.npy"), "--hidden",
                           "none", "--features", 6, "--steps", 5)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("4-6, relu", metaplastic("inspect", encoder).stdout)
        done = metaplastic("evaluate", "--data", self.data, "--shots", 5, "--trials", 4, "--methods",
                           "learned,random,autoencoder", "--training-steps", 30, "--hidden", "none", "--features", 6,
                           "--steps", 5)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_evaluate_searches_the_baselines_settings_and_leaves_out_what_does_not_suit(self):
        done = metaplastic("evaluate", "--rule", "hebb", "--data", self.data, "--shots", 5, "--trials", 4,
                           "--json", self.path("e.json"), "--methods", "k-means,ae,transfer", "--tuning", 2,
                           "--training-steps", 30, "--threads", 2, "--hidden", 8, "--features", 6)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("transfer: left out", done.stderr)
        methods = json.loads(self.path("e.json").read_text(encoding="utf-8"))["methods"]
        self.assertEqual([m["name"] for m in methods], ["kmeans", "autoencoder"])
        self.assertEqual([m["settings"]["tunings"] for m in methods], [2, 2])
        self.assertIn(methods[1]["steps"], (3, 15, 30))
        # two trainings, three stops, four read-outs, each with and without the inputs
        self.assertEqual(methods[1]["settings"]["chosen_from"], 2 * 3 * 4 * 2)

    def test_inspect_shows_rules_and_encoders(self):
        self.apply()
        done = metaplastic("inspect", self.path("e.safetensors"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("encoder, format 1", "(verified)", "4-8-6, relu", "rule: hebb-decorrelate", "layer.1.W"):
            self.assertIn(words, done.stdout)
        self.assertEqual(metaplastic("classical", "--out", self.path("rules")).returncode, 0)
        for made in self.path("rules").iterdir():
            self.assertEqual(made.read_bytes(), (ROOT / "rules" / made.name).read_bytes(), made.name)
        done = metaplastic("inspect", self.path("rules/hebb-decorrelate.safetensors"))
        for words in ("rule, format 1", "parameters", "decorrelate    0.10000", "hebb           0.30000",
                      "classical_rule: hebb-decorrelate", "theta.readout"):
            self.assertIn(words, done.stdout)

    def test_a_signal_ends_apply_with_status_3_and_no_file(self):
        with subprocess.Popen([PROGRAM, "apply", "--rule", "hebb", "--data", self.data, "--out",
                               self.path("f.npy"), "--steps", "1000000"], stderr=subprocess.PIPE,
                              text=True) as process:
            while "inner step" not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
        self.assertEqual(process.returncode, 3)
        self.assertIn("stopped by signal 15", rest)
        self.assertFalse(self.path("f.npy").exists())
        self.assertEqual([p.name for p in self.folder.iterdir()], ["table.csv"])


class Train(Cli):
    def train(self, out, *arguments):
        done = metaplastic("train", "--out", self.path(out), "--quiet", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return self.path(out) / "checkpoint.safetensors"

    def test_stop_and_resume_and_threads_change_no_bit_of_the_tensors(self):
        whole = self.train("whole", "--config", QUICK, "--outer-steps", 4, "--threads", 1, "--seed", 5)
        self.train("parts", "--config", QUICK, "--outer-steps", 2, "--threads", 2, "--seed", 5)
        parts = self.train("parts", "--outer-steps", 4, "--threads", 2, "--resume", "--config", QUICK)

        def tensors(path):
            content = path.read_bytes()
            return content[8 + struct.unpack("<Q", content[:8])[0]:]

        self.assertEqual(tensors(whole), tensors(parts))
        done = metaplastic("inspect", whole)
        for words in ("checkpoint, format 1", "outer_step: 4", "trajectories: 4", "(verified)"):
            self.assertIn(words, done.stdout)
        self.refused("train", "--out", self.path("whole"), "--config", QUICK, mentions=["--resume"])
        self.refused("train", "--out", self.path("whole"), "--resume", "--seed", 6,
                     mentions=["--seed", "expected 5"])

    def test_the_released_architecture_trains_resumes_and_applies(self):
        config = ("--config", QUICK)
        sizes = ("rule.preset=metz2019", "rule.C=4", "rule.D=3", "rule.G=2", "rule.top_units=16",
                 "rule.v_step=separate", "inner.min_features=16", "inner.max_features=16",
                 "validation.hidden=[16,16]")
        self.train("run", *config, *sizes, "--outer-steps", 2, "--threads", 2)
        self.train("run", "--outer-steps", 3, "--resume")
        rule = self.path("run/rule.safetensors")
        shown = metaplastic("inspect", rule).stdout
        for words in ("preset metz2019", "top layer of 16 units", "v_step separate", "theta.top_mix_1",
                      "theta.mix_v"):
            self.assertIn(words, shown)
        apply = ("apply", "--rule", rule, "--data", self.data, "--out", self.path("f.npy"), "--steps", 3,
                 "--inner-batch", 16, "--quiet", "--features")
        self.assertEqual(metaplastic(*apply, 16).returncode, 0)
        self.assertEqual(read_npy(self.path("f.npy"))[0], (120, 16))
        self.refused(*apply, 8, mentions=["features: expected 16", "found 8"])
        wider = [size.replace("max_features=16", "max_features=20") for size in sizes]
        self.refused("train", *config, *wider, "--out", self.path("other"),
                     mentions=["inner.max_features: expected 16", "found 20"])
        self.refused("train", *config, *sizes, "rule.locality=street", "--out", self.path("other"),
                     mentions=["rule.locality", "street"])

    def test_a_signal_saves_and_ends_with_status_3(self):
        with subprocess.Popen([PROGRAM, "train", "--config", QUICK, "--out", self.path("run"),
                               "--outer-steps", "100000"], stderr=subprocess.PIPE, text=True) as process:
            self.assertRegex(process.stderr.readline(), r"^step 1/100000  loss")
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
        self.assertEqual(process.returncode, 3)
        self.assertIn("--resume", rest)
        self.assertEqual(metaplastic("inspect", self.path("run/checkpoint.safetensors")).returncode, 0)

    def test_kill_at_any_moment_leaves_a_checkpoint_that_resumes(self):
        with subprocess.Popen([PROGRAM, "train", "--config", QUICK, "--out", self.path("run"),
                               "--outer-steps", "100000", "--quiet"]) as process:
            while not (self.path("run") / "checkpoint.safetensors").exists():
                time.sleep(0.01)
            time.sleep(0.3)
            process.kill()
        done = metaplastic("inspect", self.path("run/checkpoint.safetensors"))
        step = int(next(line for line in done.stdout.splitlines() if "outer_step:" in line).split()[1])
        self.train("run", "--resume", "--outer-steps", step + 1)


class Errors(Cli):
    def rule_of(self, *, flag="--out"):
        """Arguments of an apply that would work but for what a test appends."""
        return ("apply", "--rule", "hebb", "--data", self.data, flag, self.path("x.npy"))

    def test_words_that_are_not_known(self):
        self.refused(mentions=["expected a command", "evaluate"])
        self.refused("trane", mentions=["'trane'", "'train'"])
        self.refused("--versoin", mentions=["'--versoin'", "'--version'"])
        self.refused("apply", "--rul", "x", mentions=["'--rul'", "'--rule'"])
        self.refused("train", "--cofnig", QUICK, "--out", "x", mentions=["'--cofnig'", "'--config'"])
        self.refused("apply", "-x", mentions=["'-x'"])
        self.refused(*self.rule_of(), "extra", mentions=["extra"])
        self.refused("evaluate", "--rule", "hebb", "--data", self.data, "--methods", "raw,pcaa",
                     mentions=["'pcaa'", "'pca'"])
        self.refused(*self.rule_of(), "--activation", "rellu", mentions=["'rellu'", "'relu'"])
        self.refused(*self.rule_of(), "--variant", "fra", mentions=["'fra'", "'far'"])
        self.refused("apply", "--rule", "hebbb", "--data", self.data, "--out", self.path("x"),
                     mentions=["'hebbb'", "'hebb'"])
        self.refused("apply", "--rule", "hebb", "--data", "fashion-minst", "--out", self.path("x"),
                     mentions=["'fashion-minst'", "fashion-mnist"])
        self.refused("apply", "--rule", "hebb", "--data", f"csv:{self.csv},lable=label", "--out",
                     self.path("x"), mentions=["lable", "'label'"])

    def test_what_is_missing(self):
        self.refused("apply", mentions=["is required"])
        self.refused("train", "--out", self.path("r"), mentions=["--config"])
        self.refused("apply", "--rule", mentions=["--rule"])
        self.refused("apply", "--rule", "--data", self.data, mentions=["--rule", "'--data'"])
        self.refused("inspect", mentions=["required"])

    def test_values_out_of_range(self):
        for flag, value, limit in (("--steps", "0", "1000000"), ("--steps", "12x", "1000000"), ("--seed", "-1", "9223372036854775807"),
                                   ("--features", "0", "1048576"), ("--inner-batch", "1", "4096"), ("--hidden", "8,0", "1048576"),
                                   ("--hidden", "8,,8", "a,b,c"), ("--hidden", ",".join(["8"] * 16), "15"),
                                   ("--resize", "-4", "4096"), ("--steps", "9" * 20, "1000000"),
                                   ("--variant", "far", "walk among"), ("--views", "places", "sees places"),
                                   ("--pool", "50", "walks among"), ("--least-weight", "1", "0.99")):
            self.refused(*self.rule_of(), flag, value, mentions=[flag.lstrip("-"), limit])
        evaluate = ("evaluate", "--rule", "hebb", "--data", self.data)
        for flag, value, limit in (("--tuning", "0", "1000"), ("--training-steps", "x", "10000000"),
                                   ("--threads", "0", "1024")):
            self.refused(*evaluate, flag, value, mentions=[flag, f"'{value}'", limit])
        for flag, value in (("--shots", "0"), ("--trials", "0"), ("--trials", "x")):
            self.refused(*evaluate, flag, value, mentions=[flag, f"'{value}'", "100000"])
        self.refused(*evaluate, "--layer", "topp", mentions=["--layer", "'topp'", "'top'"])
        for methods, mention in (("raw,raw", "twice"), ("raw,", "--methods")):
            self.refused(*evaluate, "--methods", methods, mentions=[mention])
        self.refused(*evaluate, "--shots", "31", mentions=["31", "found 26"])
        self.refused(*evaluate, "--shots", "all", "--trials", "7", mentions=["--trials", "one draw"])
        train = ("train", "--config", QUICK, "--out", self.path("r"))
        for flag, value in (("--threads", "0"), ("--outer-steps", "0"), ("--minutes", "0"), ("--minutes", "nan")):
            self.refused(*train, flag, value, mentions=[flag, f"'{value}'"])
        self.refused(*train, "--minutes", "1", "--outer-steps", "3", mentions=["--minutes", "--outer-steps"])
        self.refused(*self.rule_of(), "--seed", "1", "--seed", "2", mentions=["--seed"])

    def test_configs(self):
        train = ("train", "--config", QUICK, "--out", self.path("r"))
        self.refused(*train, "outer.outer_lrr=1", mentions=["outer.outer_lrr", "outer.outer_lr"])
        self.refused(*train, "outer.outer_lr=7", mentions=["outer.outer_lr", "7"])
        self.refused(*train, "nonsense", mentions=["nonsense"])
        self.refused("train", "--config", QUICK, "--out", self.path("other"), "outer.init_rule=hebbb",
                     mentions=["hebbb"])
        config = self.path("c.toml")
        config.write_text("[outer]\nouter_lrr = 1\n", encoding="utf-8")
        self.refused("train", "--config", config, "--out", self.path("r"), mentions=[config, "outer_lr"])
        config.write_text("[outer\n", encoding="utf-8")
        self.refused("train", "--config", config, "--out", self.path("r"), mentions=[config])
        self.refused("train", "--config", self.path("gone"), "--out", self.path("r"), mentions=["gone"])
        self.refused("train", "--out", self.path("r"), "--resume", mentions=["config.toml"])
        self.assertFalse(self.path("r").exists())

    def test_places_that_cannot_be_written(self):
        inside = self.csv / "x"  # a file is no folder, for root too
        self.refused("apply", "--rule", "hebb", "--data", self.data, "--out", inside, mentions=[inside])
        self.refused(*self.rule_of(), "--model", inside, mentions=[inside])
        self.refused(*self.rule_of(), "--model", self.path("x.npy"), mentions=["--model", "--out"])
        self.refused("evaluate", "--rule", "hebb", "--data", self.data, "--json", inside, mentions=[inside])
        self.refused("train", "--config", QUICK, "--out", inside, mentions=[self.csv])
        self.refused("apply", "--rule", "hebb", "--data", self.data, "--out", self.folder,
                     mentions=[self.folder])
        self.assertEqual([p.name for p in self.folder.iterdir()], ["table.csv"])

    def test_data_that_does_not_suit(self):
        self.refused("apply", "--rule", "hebb", "--data", f"csv:{self.path('gone.csv')}", "--out",
                     self.path("x"), mentions=["gone.csv"])
        self.refused("evaluate", "--rule", "hebb", "--data", f"csv:{self.csv},drop=label", mentions=["labels"])
        self.refused(*self.rule_of(), "--resize", "8", mentions=["resize"])
        self.apply()
        other = self.path("other.csv")
        other.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
        self.refused("embed", "--model", self.path("e.safetensors"), "--data", f"csv:{other}", "--out",
                     self.path("x"), mentions=[other])
        self.csv.write_text(self.csv.read_text(encoding="utf-8")[:-9] + "\n", encoding="utf-8")
        self.refused(*self.rule_of(), mentions=[self.csv])

    def test_damaged_files(self):
        self.apply()
        metaplastic("classical", "--out", self.path("rules"))
        rule = self.path("rules/oja.safetensors")
        run = metaplastic("train", "--config", QUICK, "--out", self.path("run"), "--outer-steps", 1, "--quiet")
        self.assertEqual(run.returncode, 0, run.stderr)
        checkpoint = self.path("run/checkpoint.safetensors")
        uses = {rule: ("apply", "--rule", rule, "--data", self.data, "--out", self.path("x")),
                self.path("e.safetensors"): ("embed", "--model", self.path("e.safetensors"), "--data",
                                             self.data, "--out", self.path("x")),
                checkpoint: ("train", "--config", QUICK, "--out", self.path("run"), "--resume")}
        for path, use in uses.items():
            whole = path.read_bytes()
            header = struct.unpack("<Q", whole[:8])[0]
            flipped_value = bytearray(whole)
            flipped_value[-1] ^= 0x10
            flipped_text = bytearray(whole)
            flipped_text[8 + header // 2] ^= 0x01
            huge = struct.pack("<Q", 2**62) + whole[8:]
            for damaged in (b"", whole[:5], whole[:-1], whole[:200], whole + b"x", bytes(flipped_value),
                            bytes(flipped_text), huge, b"not at all a tensor file"):
                path.write_bytes(damaged)
                self.refused(*use, mentions=[path])
                self.refused("inspect", path, mentions=[path])
            path.write_bytes(whole)
            self.assertEqual(metaplastic("inspect", path).returncode, 0)
        self.refused("apply", "--rule", checkpoint, "--data", self.data, "--out", self.path("x"),
                     mentions=[checkpoint, "expected a rule"])
        self.refused("embed", "--model", rule, "--data", self.data, "--out", self.path("x"),
                     mentions=[rule, "expected an encoder"])
        self.refused("inspect", self.csv, mentions=[self.csv])
        self.refused("inspect", self.folder, mentions=[self.folder])
        self.refused("inspect", self.path("two\nlines"), mentions=["lines"])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: cli_test.py PROGRAM [unittest arguments]")
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
