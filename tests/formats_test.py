#!/usr/bin/env python3
"""Data as other programs write it, through the program and back into NumPy; and outputs on bad days.

Needs NumPy and Pillow (Debian's python3-numpy and python3-pil).
usage: formats_test.py PROGRAM [--sanitized] [unittest arguments]
"""
import csv
import gzip
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import numpy as np
    from PIL import Image
except ImportError:  # another python3 stands before Debian's in the path
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    raise

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "malformed"))
import tensor_files  # noqa: E402  pylint: disable=wrong-import-position

PROGRAM = ""
SANITIZED = False
# An MLP for images, too: reading them is tested here, and layers of patches take minutes under sanitizers.
SMALL = ("--layers", "mlp", "--hidden", "8", "--features", "6", "--steps", "3", "--inner-batch", "8", "--quiet")


def metaplastic(*arguments, **options):
    environment = {**os.environ, **options.pop("environment", {})}
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False,
                          env=environment, **options)


class InFolder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def features_of(self, spec, num_rows, **environment):
        """apply, then embed on the same data: the same bytes, of the right shape, finite."""
        out, again, model = (self.folder / name for name in ("f.npy", "again.npy", "e.safetensors"))
        done = metaplastic("apply", "--rule", "hebb", "--data", spec, "--out", out, "--model", model, *SMALL,
                           environment=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        tensor_files.check(model.read_bytes())
        done = metaplastic("embed", "--data", spec, "--model", model, "--out", again, environment=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(out.read_bytes(), again.read_bytes())
        features = np.load(out)
        self.assertEqual((features.dtype, features.shape), (np.float32, (num_rows, 6)))
        self.assertTrue(np.isfinite(features).all())
        self.assertGreater(features.std(), 0)
        return features


class Forms(InFolder):
    """Each form of --data from a file that another program wrote."""

    pixels = (np.arange(20 * 6 * 5) * 37 % 256).astype(np.uint8).reshape(20, 6, 5)
    labels = np.arange(20) % 3

    def idx(self, array):
        return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()

    def test_idx_plain_and_gzip(self):
        plain, packed, labels = (self.folder / name for name in ("i.idx", "i.idx.gz", "l.idx.gz"))
        plain.write_bytes(self.idx(self.pixels))
        with gzip.open(packed, "wb") as file:
            file.write(self.idx(self.pixels))
        with gzip.open(labels, "wb") as file:
            file.write(self.idx(self.labels.astype(np.uint8)))
        first = self.features_of(f"idx:{plain}", 20)
        np.testing.assert_array_equal(first, self.features_of(f"idx:{packed},{labels}", 20))

    def test_cifar(self):
        for name in [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]:
            records = np.zeros((4, 3073), np.uint8)
            records[:, 0] = np.arange(4)
            records[:, 1:] = np.arange(4 * 3072).reshape(4, -1) * 37 % 251
            records.tofile(self.folder / name)
        self.features_of("cifar10", 24, METAPLASTIC_DATA=str(self.folder))

    def test_npy_of_every_type_and_order_gives_the_same_bits(self):
        table = (self.pixels.reshape(20, 30) % 100).astype(np.float64)
        expected = None
        for type_name, order in (("<f8", "C"), (">f8", "F"), ("<f4", "F"), (">f4", "C"), ("<f2", "C"), (">f2", "F"),
                                 ("i1", "C"), ("u1", "F"), (">i2", "C"), ("<u2", "C"), (">u4", "F"), ("<i8", "C")):
            path = self.folder / "x.npy"
            np.save(path, np.asarray(table.astype(type_name), order=order))
            features = self.features_of(f"npy:{path}", 20)
            if expected is None:
                expected = features
            np.testing.assert_array_equal(features, expected, err_msg=f"{type_name} {order}")

    def test_npy_with_labels_and_npz(self):
        np.save(self.folder / "x.npy", self.pixels)
        np.save(self.folder / "y.npy", self.labels)
        first = self.features_of(f"npy:{self.folder / 'x.npy'},{self.folder / 'y.npy'}", 20)
        np.savez(self.folder / "a.npz", x=self.pixels, y=self.labels)
        np.testing.assert_array_equal(first, self.features_of(f"npz:{self.folder / 'a.npz'}", 20))
        np.savez_compressed(self.folder / "b.npz", self.pixels)
        np.testing.assert_array_equal(first, self.features_of(f"npz:{self.folder / 'b.npz'}", 20))

    def test_csv_of_every_dialect(self):
        rows = [["a", "b, c", 'the "d"', "class"]]
        rows += [[n, n * n % 7 / 4, -n, f"class {n % 3}"] for n in range(20)]
        expected = None
        for options in ({}, {"delimiter": ";"}, {"delimiter": "\t", "quoting": csv.QUOTE_ALL}, {"lineterminator": "\n"}):
            path = self.folder / "t.csv"
            with open(path, "w", newline="", encoding="utf-8") as file:
                csv.writer(file, **options).writerows(rows)
            features = self.features_of(f"csv:{path},label=class", 20)
            expected = features if expected is None else expected
            np.testing.assert_array_equal(features, expected, err_msg=str(options))
        self.features_of(f"csv:{path},drop=class", 20)

    def test_csv_with_missing_values_by_policy_only(self):
        path = self.folder / "t.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["a", "b"], *([n, "" if n == 4 else n % 3] for n in range(20))])
        done = metaplastic("apply", "--rule", "hebb", "--data", f"csv:{path}", "--out", self.folder / "f.npy")
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 6, column 'b'", done.stderr)
        mean = self.features_of(f"csv:{path},missing=mean", 20)
        self.assertFalse(np.array_equal(mean, self.features_of(f"csv:{path},missing=zero", 20)))

    def test_images_of_three_formats(self):
        for ending in ("png", "jpg", "pgm"):
            for n, picture in enumerate(self.pixels):
                folder = self.folder / ending / f"class{n % 2}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(folder / f"{n:02}.{ending}")
        png = self.features_of(f"images:{self.folder / 'png'}", 20)
        np.testing.assert_array_equal(png, self.features_of(f"images:{self.folder / 'pgm'}", 20))
        self.features_of(f"images:{self.folder / 'jpg'},size=4", 20)
        self.features_of(f"images:{self.folder / 'png' / 'class0'}", 10)

    def test_colour_images_of_many_sizes_and_a_bad_one(self):
        for n in range(8):
            Image.fromarray(np.dstack([self.pixels[n]] * 3)).resize((9 + n, 20 - n)).save(self.folder / f"{n}.png")
        (self.folder / "torn.png").write_bytes((self.folder / "0.png").read_bytes()[:60])
        spec = f"images:{self.folder},size=6"
        done = metaplastic("apply", "--rule", "hebb", "--data", spec, "--out", self.folder / "f.npy")
        self.assertEqual(done.returncode, 2)
        self.assertIn("torn.png", done.stderr)
        done = metaplastic("apply", "--rule", "hebb", "--data", spec + ",bad=skip", "--out", self.folder / "f.npy",
                           "--steps", 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped", done.stderr)
        self.assertIn("torn.png", done.stderr)
        self.assertEqual(len(np.load(self.folder / "f.npy")), 8)

    def test_text_from_a_file_and_from_a_folder(self):
        documents = [(f"c{n % 2}", f"Wörter {'red green' if n % 2 else 'blue'} number{n % 5} \u65e5\u672c") for n in range(20)]
        path = self.folder / "t.tsv"
        path.write_text("".join(f"{label}\t{text}\n" for label, text in documents), encoding="utf-8")
        tf = self.features_of(f"text:{path}", 20)
        self.assertFalse(np.array_equal(tf, self.features_of(f"text:{path},weights=tfidf,vocabulary=6", 20)))
        for n, (label, text) in enumerate(documents):
            (self.folder / "d" / label).mkdir(parents=True, exist_ok=True)
            (self.folder / "d" / label / f"{n:02}.txt").write_text(text, encoding="utf-8")
        self.features_of(f"text:{self.folder / 'd'}", 20)

    def test_digits_are_those_of_scikit_learn(self):
        self.features_of("digits", 1797)
        try:
            from sklearn.datasets import load_digits  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-sklearn is not installed")
        shipped = np.load(ROOT / "share" / "digits.npz")
        np.testing.assert_array_equal(shipped["x"], load_digits().images)
        np.testing.assert_array_equal(shipped["y"], load_digits().target)

    def test_apply_says_what_it_understood(self):
        path = self.folder / "t.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["a", "b", "kind"], *([n, n % 3, n % 2] for n in range(20))])
        apply = ("apply", "--rule", "hebb", "--data", f"csv:{path},label=kind", "--out", self.folder / "f.npy")
        done = metaplastic(*apply, "--steps", 3)
        for words in ("20 rows, 2 columns of numbers, 2 classes", "3 inner steps of 64 rows, as --steps asks",
                      "inner step 3/3", "dead units", "effective rank", "drift"):
            self.assertIn(words, done.stderr)
        self.assertIn("200 inner steps of 64 rows, the number that the rule is evaluated at", metaplastic(*apply).stderr)


class Outputs(InFolder):
    """A full disk, a read-only folder and kill -9 leave the old file or none."""

    def setUp(self):
        super().setUp()
        self.data = self.folder / "x.npy"
        np.save(self.data, np.random.default_rng(1).random((40000, 64), np.float32))
        self.model = self.folder / "e.safetensors"
        done = metaplastic("apply", "--rule", "hebb", "--data", f"npy:{self.data}", "--out", self.folder / "f.npy",
                           "--model", self.model, *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.target = self.folder / "out"
        self.target.mkdir()
        self.out = self.target / "f.npy"
        self.out.write_bytes(b"old")

    def embed(self):
        return "embed", "--model", self.model, "--data", f"npy:{self.data}", "--out", self.out

    def check_old(self):
        self.assertEqual([p.name for p in self.target.iterdir()], ["f.npy"])
        self.assertEqual(self.out.read_bytes(), b"old")

    def refused(self, done, reason):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(reason, done.stderr)
        self.check_old()

    def test_files_may_not_grow(self):
        done = metaplastic(*self.embed(), restore_signals=False,  # SIGXFSZ stays ignored
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
        self.refused(done, "File too large")

    def test_full_disk(self):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", self.target], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no right to mount a small disk")
        try:
            self.out.write_bytes(b"old")
            self.refused(metaplastic(*self.embed()), "No space left on device")
        finally:
            subprocess.run(["umount", self.target], check=True)

    def test_read_only_folder(self):
        user = {}
        if os.geteuid() == 0:  # whom no folder is read-only to
            user = {"user": 65534, "group": 65534}
            self.folder.chmod(0o755)
            if subprocess.run(["test", "-x", PROGRAM], check=False, **user).returncode != 0:
                self.skipTest("the program is out of reach for other users")
        self.target.chmod(0o555)
        try:
            self.refused(metaplastic(*self.embed(), **user), "Permission denied")
        finally:
            self.target.chmod(0o755)

    def test_kill_at_any_moment(self):
        for moment in (0.0, 0.02, 0.05, 0.1, 0.2):
            with subprocess.Popen([PROGRAM, *map(str, self.embed())], stderr=subprocess.DEVNULL) as process:
                time.sleep(moment)
                process.kill()
            if self.out.read_bytes() != b"old":  # it was done, or killed after the new file had its name
                self.assertEqual(np.load(self.out).shape, (40000, 6))
                self.out.write_bytes(b"old")
            self.check_old()


class Memory(InFolder):
    ROWS, FEATURES = 50_000, 784

    def test_an_array_larger_than_the_bound_streams(self):
        """157 MB of floats on disk; docs/formats.md has the run of 1,000,000 rows."""
        if SANITIZED:
            self.skipTest("sanitizers keep freed memory")
        path = self.folder / "x.npy"
        noise = np.random.default_rng(1)
        with open(path, "wb") as file:  # in small pieces: a child's peak is at least its parent's size
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False,
                                                        "shape": (self.ROWS, self.FEATURES)})
            for _ in range(0, self.ROWS, 1000):
                file.write(noise.random((1000, self.FEATURES), np.float32).tobytes())
        arguments = [PROGRAM, "apply", "--rule", "hebb", "--data", f"npy:{path}", "--out", str(self.folder / "f.npy"), *SMALL]
        with subprocess.Popen(arguments) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(np.load(self.folder / "f.npy").shape, (self.ROWS, 6))
        # 10,000 rows for the statistics twice (31 MB each), blocks, libraries: never the whole.
        self.assertLess(usage.ru_maxrss / 1024, 140)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: formats_test.py PROGRAM [--sanitized] [unittest arguments]")
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    SANITIZED = "--sanitized" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--sanitized"]
    unittest.main()
