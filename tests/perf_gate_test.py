#!/usr/bin/env python3
"""Tests of perf_gate.py's judgement; counting itself is perf_gate.py's own run."""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import perf_gate


class Verdict(unittest.TestCase):
    def test_up_to_a_tenth_more_passes_and_beyond_fails(self):
        self.assertEqual(perf_gate.verdict("a step", 1099, 1000)[0], 0)
        status, line = perf_gate.verdict("a step", 1101, 1000)
        self.assertEqual(status, 1)
        self.assertIn("a step", line)
        self.assertIn("+10.1%", line)

    def test_a_tenth_less_asks_for_a_new_number(self):
        self.assertNotIn("--record", perf_gate.verdict("a step", 901, 1000)[1])
        status, line = perf_gate.verdict("a step", 899, 1000)
        self.assertEqual(status, 0)
        self.assertIn("--record", line)


class Counts(unittest.TestCase):
    def run_gate(self, counts):
        recorded = {"compiler": "GNU 1.0", "build_type": "Release", "openblas": "", "simd": "avx2",
                    "instructions": {"a step": 1000, "the rest": 1000}}
        with mock.patch("shutil.which", return_value="valgrind"), \
                mock.patch.object(perf_gate, "RECORD") as record, \
                mock.patch.object(perf_gate, "openblas_version", return_value=""), \
                mock.patch.object(perf_gate, "all_counts", **counts), \
                contextlib.redirect_stdout(io.StringIO()) as output:
            record.read_text.return_value = json.dumps(recorded)
            return perf_gate.main(["program", "GNU 1.0", "Release"]), output.getvalue()

    def test_one_case_that_is_slower_fails(self):
        self.assertEqual(self.run_gate({"return_value": {"a step": 1000, "the rest": 1000}})[0], 0)
        status, output = self.run_gate({"return_value": {"a step": 1000, "the rest": 1200}})
        self.assertEqual(status, 1)
        self.assertIn("the rest: 1200 instructions, recorded 1000: +20.0%", output)

    def test_a_program_that_refuses_is_its_status(self):
        refused = {"side_effect": perf_gate.Refused(1, "its words")}
        self.assertEqual(self.run_gate(refused), (1, "perf_gate: its words\n"))

    def test_the_data_are_always_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.npy"
            perf_gate.write_data(path)
            data = path.read_bytes()
        self.assertEqual((len(data) - perf_gate.ROWS * perf_gate.INPUTS) % 64, 0)
        self.assertEqual(hashlib.sha256(data).hexdigest()[:16], "f5d82dbc483c4ebb")


class Skips(unittest.TestCase):
    def run_gate(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            return perf_gate.main(list(arguments)), output.getvalue()

    def test_without_valgrind(self):
        with tempfile.TemporaryDirectory() as empty, mock.patch.dict(os.environ, {"PATH": empty}):
            status, output = self.run_gate("program", "GNU 1.0", "Release")
        self.assertEqual(status, perf_gate.SKIPPED)
        self.assertIn("valgrind", output)

    def test_of_another_compiler(self):
        recorded = json.loads(perf_gate.RECORD.read_text(encoding="utf-8"))
        with mock.patch("shutil.which", return_value="valgrind"):
            status, output = self.run_gate(sys.executable, "GNU 1.0", recorded["build_type"])
        self.assertEqual(status, perf_gate.SKIPPED)
        self.assertIn("GNU 1.0", output)


if __name__ == "__main__":
    unittest.main()
