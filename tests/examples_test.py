#!/usr/bin/env python3
"""Runs every example of examples/ as a user would, and compares its last line with the expected one.

usage: examples_test.py PROGRAM
"""
import os
import pathlib
import subprocess
import sys
import tempfile

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: examples_test.py PROGRAM")
    program = str(pathlib.Path(sys.argv[1]).resolve())
    scripts = sorted(EXAMPLES.glob("*/run"))
    failed = 0
    for script in scripts:
        expected = (script.parent / "expected_last_line.txt").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([script, folder], capture_output=True, text=True, check=False, timeout=900,
                                  env={**os.environ, "METAPLASTIC": program})
        last = done.stdout.splitlines(keepends=True)[-1:]
        if done.returncode != 0 or last != [expected]:
            failed += 1
            print(f"{script}: exit status {done.returncode}, expected the last line {expected!r}, found {last}\n"
                  f"{done.stderr}", file=sys.stderr)
    print(f"{len(scripts)} examples, {failed} failed")
    return 1 if failed or len(scripts) < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
