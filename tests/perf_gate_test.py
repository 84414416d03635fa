#!/usr/bin/env python3
"""Tests of perf_gate.py's judgement; counting itself is perf_gate.py's own run."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

import perf_gate


class Verdict(unittest.TestCase):
    def test_up_to_a_tenth_more_passes_and_beyond_fails(self):
        self.assertEqual(perf_gate.verdict(1099, 1000)[0], 0)
        status, line = perf_gate.verdict(1101, 1000)
        self.assertEqual(status, 1)
        self.assertIn("+10.1%", line)

    def test_a_tenth_less_asks_for_a_new_number(self):
        self.assertNotIn("--record", perf_gate.verdict(901, 1000)[1])
        status, line = perf_gate.verdict(899, 1000)
        self.assertEqual(status, 0)
        self.assertIn("--record", line)


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
