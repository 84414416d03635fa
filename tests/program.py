"""Runs the program for tests, in a folder of its own. Needs NumPy and Pillow (Debian's python3-numpy, python3-pil)."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    from PIL import Image  # noqa: F401  pylint: disable=unused-import
except ImportError:  # another python3 stands before Debian's in the path
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    raise

SMALL = ("--rule", "hebb-decorrelate", "--hidden", "16", "--features", "8", "--steps", "5")


class InFolder(unittest.TestCase):
    """Each test stands in an empty folder, `self.folder`, which is also the working folder."""

    program = ""
    sanitized = False

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def run_program(self, *arguments, **options):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              check=False, cwd=self.folder, stdin=subprocess.DEVNULL, **options)

    def apply(self, spec, *more, out="out.npy"):
        """Features and what was printed on stderr."""
        done = self.run_program("apply", *SMALL, "--data", spec, "--out", out, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return np.load(self.folder / out) if out.endswith(".npy") else None, done.stderr

    def refused(self, *arguments):
        """The one line of a user error."""
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertTrue(lines[-1].startswith("metaplastic: "), done.stderr)
        return lines[-1]


def main():
    InFolder.program = os.path.abspath(sys.argv.pop(1))
    InFolder.sanitized = sys.argv[1:2] == ["--sanitized"]
    if InFolder.sanitized:
        sys.argv.pop(1)
    unittest.main()
