#!/usr/bin/env python3
"""Runs the notebooks from their sources, and compares the committed .ipynb with them.

usage: PYTHONPATH=build/python notebooks_test.py [unittest arguments]
"""
import base64
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "python/notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def sources(cells):
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


class Notebooks(unittest.TestCase):
    def test_they_run_and_end_with_figures(self):
        self.assertEqual(len(NAMES), 3)
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, ROOT / "tools/notebooks", "--out", folder], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-3000:])
            for name in NAMES:
                cells = read(pathlib.Path(folder) / f"{name}.ipynb")
                pictures = [output["data"]["image/png"] for output in cells[-1]["outputs"]
                            if "image/png" in output.get("data", {})]
                self.assertEqual(len(pictures), 1, name)
                self.assertGreater(len(base64.b64decode(pictures[0])), 8000)
                for cell in cells:
                    for output in cell.get("outputs", ()):
                        self.assertNotEqual(output.get("name"), "stderr", output)
                # What is shown on GitHub is this source, with outputs of a run.
                shown = read(FOLDER / f"{name}.ipynb")
                self.assertEqual(sources(shown), sources(cells), f"{name}.ipynb is not its source; run tools/notebooks")
                self.assertTrue(shown[-1]["outputs"])
        print(f"{done.stdout}together {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    missing = [name for name in ("matplotlib", "numpy", "sklearn", "torch", "nbclient", "ipykernel")
               if not importlib.util.find_spec(name)]
    if missing:
        print(f"notebooks_test: skipped, missing {', '.join(missing)}; tools/install_packages test brings it")
        sys.exit(77)
    unittest.main()
