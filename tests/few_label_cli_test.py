#!/usr/bin/env python3
"""Tests of read-outs, classify and predict from outside.

usage: few_label_cli_test.py PROGRAM [unittest arguments]
"""
import array
import csv
import json
import pathlib
import shlex
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cli_test  # noqa: E402  pylint: disable=wrong-import-position
from cli_test import SMALL, metaplastic, read_npy  # noqa: E402  pylint: disable=wrong-import-position


def write_npy(path, values):
    """Rows of floats, or whole numbers, as NumPy writes them."""
    rows = isinstance(values[0], list)
    shape = (len(values), len(values[0])) if rows else (len(values),)
    flat = array.array("d", [v for row in values for v in row]) if rows else array.array("q", values)
    header = f"{{'descr': '{'<f8' if rows else '<i8'}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + flat.tobytes())


class FewLabels(cli_test.Cli):
    def test_evaluate_ends_with_the_command_that_makes_what_it_chose(self):
        done = metaplastic("evaluate", "--rule", "hebb", "--data", self.data, "--shots", 5, "--trials", 4,
                           "--methods", "learned,raw", "--json", self.path("e.json"), "--seed", 3, *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        line = done.stdout.splitlines()[-1]
        learned = json.loads(self.path("e.json").read_text(encoding="utf-8"))["methods"][0]
        self.assertTrue(line.startswith("next: metaplastic apply "), line)
        words = shlex.split(line)[2:]
        self.assertEqual(words[words.index("--steps") + 1], str(learned["steps"]))
        words[words.index("--out") + 1] = str(self.path("next.npy"))
        words[words.index("--model") + 1] = str(self.path("next.safetensors"))
        done = metaplastic(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(read_npy(self.path("next.npy"))[0], (120, learned["settings"]["features"]))

    def test_readouts_of_apply_embed_and_export(self):
        top = self.apply()
        for flags, width in ((["--layer", 1], 8), (["--layer", "all"], 14), (["--with-input"], 10),
                             (["--layer", "all", "--with-input"], 18)):
            shape, values = self.apply(*flags)
            self.assertEqual(shape, (120, width))
            for more in ([], flags):
                done = metaplastic("embed", "--model", self.path("e.safetensors"), "--data", self.data,
                                   "--out", self.path("again.npy"), *more)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.path("again.npy").read_bytes(), self.path("f.npy").read_bytes())
            done = metaplastic("embed", "--model", self.path("e.safetensors"), "--data", self.data,
                               "--out", self.path("again.npy"), "--layer", "top")
            self.assertEqual(read_npy(self.path("again.npy")), top)
            self.assertEqual(list(values[width - 6:width]) == list(top[1][:6]), flags != ["--layer", 1])
        self.refused("embed", "--model", self.path("e.safetensors"), "--data", self.data, "--out",
                     self.path("x"), "--layer", 3, mentions=["expected 1 to 2"])
        self.refused("apply", "--data", self.data, "--out", self.path("x"), "--layer", "tpo",
                     mentions=["--layer", "'tpo'", "'top'"])

    def test_classify_predicts_rows_without_a_label_and_predict_repeats_them(self):
        lines = self.csv.read_text(encoding="utf-8").splitlines()
        header, rows = lines[0], lines[1:]
        column = header.split(",").index("label")
        truth = [row.split(",")[column] for row in rows]
        pixels = [[v for n, v in enumerate(row.split(",")) if n != column] for row in rows]
        (self.folder / "x.csv").write_text("\n".join(",".join(row) for row in pixels) + "\n", encoding="utf-8")
        codes = [int(name[1:]) if n < 30 else -1 for n, name in enumerate(truth)]
        write_npy(self.path("x.npy"), [[float(v) for v in row] for row in pixels])
        write_npy(self.path("y.npy"), codes)
        data = f"npy:{self.path('x.npy')},{self.path('y.npy')}"
        done = metaplastic("classify", "--rule", "hebb-decorrelate", "--data", data, "--out", self.path("p.csv"),
                           "--model", self.path("m"), *SMALL[:-1])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("out-of-fold accuracy on 30 labelled rows", done.stdout)
        self.assertIn("wrote 90 predictions of 3 classes", done.stderr)
        with open(self.path("p.csv"), newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        self.assertEqual([int(row["row"]) for row in table], list(range(30, 120)))
        right = sum("c" + row["class"] == truth[int(row["row"])] for row in table)
        self.assertGreater(right, 80)
        done = metaplastic("predict", "--model", self.path("m"), "--data", data, "--out", self.path("q.csv"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("accuracy on the 30 rows that have a label", done.stdout)
        self.assertEqual(self.path("q.csv").read_text(encoding="utf-8").splitlines()[31:],
                         self.path("p.csv").read_text(encoding="utf-8").splitlines()[1:])
        self.apply()
        self.refused("predict", "--model", self.path("e.safetensors"), "--data", data, "--out", self.path("x"),
                     mentions=["classify --model"])
        self.refused("classify", "--data", f"csv:{self.csv},drop=label", "--out", self.path("x"),
                     mentions=["labels"])
        self.refused("classify", "--data", self.data, "--out", self.path("x"),
                     mentions=["rows without a label"])


if __name__ == "__main__":
    cli_test.PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
