#!/usr/bin/env python3
"""Tests of libmetaplastic_encoder as users have it: installed, found by CMake and by pkg-config, built against
in C and in C++, with the bits of `metaplastic embed`; and what it links.

usage: inference_test.py METAPLASTIC BUILD_TREE [unittest arguments]
"""
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM, TREE = "", pathlib.Path()
ALLOWED = {"libc", "libm", "libstdc++", "libgcc_s", "libfmt", "libhwy", "libmd", "libkissfft-float", "ld-linux-x86-64"}


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, check=False,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


class Inference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", TREE, "--prefix", cls.prefix, "--component", "inference")
        cls.library = next(cls.prefix.rglob("libmetaplastic_encoder.so"))
        rng = np.random.default_rng(0)
        cls.rows = rng.normal(size=(40, 5)).astype(np.float32)
        np.savetxt(cls.folder / "rows.txt", cls.rows, fmt="%.9g")
        np.save(cls.folder / "rows.npy", cls.rows)
        cls.apply("npy:rows.npy", "table")
        labels = np.where(np.arange(40) % 2 == 0, np.arange(40) % 4 // 2, -1)
        table = "a,b,c,d,e,y\n" + "".join(
            ",".join(f"{v:.9g}" for v in row) + f",{'' if y < 0 else 'xz'[y]}\n" for row, y in zip(cls.rows, labels))
        (cls.folder / "rows.csv").write_text(table, encoding="utf-8")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def apply(cls, spec, name):
        run(PROGRAM, "apply", "--rule", "hebb", "--data", spec, "--hidden", "16", "--features", "12", "--steps", "5",
            "--out", f"{name}.npy", "--model", f"{name}.safetensors", "--quiet", cwd=cls.folder)

    def load(self):
        lib = ctypes.CDLL(str(self.library))
        lib.metaplastic_load.restype = ctypes.c_void_p
        lib.metaplastic_load.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
        lib.metaplastic_free.argtypes = [ctypes.c_void_p]
        for name in ("num_columns", "num_features", "num_classes"):
            function = getattr(lib, f"metaplastic_{name}")
            function.restype, function.argtypes = ctypes.c_int64, [ctypes.c_void_p]
        for name in ("column_name", "class_name"):
            function = getattr(lib, f"metaplastic_{name}")
            function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int64]
        pointer = ctypes.c_void_p
        for name in ("embed", "embed_double"):
            getattr(lib, f"metaplastic_{name}").argtypes = [pointer, pointer, ctypes.c_int64, ctypes.c_float,
                                                            ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t]
        return lib

    def embed(self, lib, encoder, rows, pixel_max=255.0, threads=1):
        function = lib.metaplastic_embed_double if rows.dtype == np.float64 else lib.metaplastic_embed
        rows = np.ascontiguousarray(rows)
        out = np.empty((len(rows), lib.metaplastic_num_features(encoder)), np.float32)
        error = ctypes.create_string_buffer(300)
        status = function(encoder, rows.ctypes.data, len(rows), pixel_max, threads, out.ctypes.data, error, 300)
        return out if status == 0 else error.value.decode()

    def test_links_little(self):
        found = {pathlib.Path(line.split()[0]).name.split(".so")[0]
                 for line in run("ldd", self.library).splitlines() if "vdso" not in line}
        self.assertLessEqual(found, ALLOWED)
        self.assertLess(self.library.stat().st_size, 3 << 20)
        exported = [line.split()[-1] for line in run("nm", "-D", "--defined-only", self.library).splitlines()]
        self.assertGreater(len(exported), 8)
        self.assertTrue(all(name.startswith("metaplastic_") for name in exported), exported)

    def test_examples_in_c_and_cpp_have_the_bits_of_the_program(self):
        source, tree = ROOT / "examples" / "inference", self.folder / "tree"
        run("cmake", "-S", source, "-B", tree, f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        run("cmake", "--build", tree)
        pc = next(self.prefix.rglob("*.pc")).parent
        environment = {**os.environ, "PKG_CONFIG_PATH": str(pc), "LD_LIBRARY_PATH": str(self.library.parent)}
        flags = run("pkg-config", "--cflags", "--libs",
                    "metaplastic_encoder", env=environment).split()
        run("cc", "-std=c11", source / "embed.c", *flags, "-o", self.folder / "by_pkg_config")
        expected = np.load(self.folder / "table.npy")
        for program in (tree / "embed_c", tree / "embed_cpp", self.folder / "by_pkg_config"):
            with open(self.folder / "rows.txt", encoding="ascii") as rows:
                out = run(program, self.folder / "table.safetensors", stdin=rows, env=environment)
            found = np.array([line.split() for line in out.splitlines()], dtype=np.float32)
            np.testing.assert_array_equal(found, expected, str(program))
        done = subprocess.run([str(tree / "embed_c"), "nowhere"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^embed: nowhere: .*\n$")

    def test_the_c_interface(self):
        lib = self.load()
        error = ctypes.create_string_buffer(300)
        encoder = lib.metaplastic_load(str(self.folder / "table.safetensors").encode(), error, 300)
        self.assertTrue(encoder, error.value)
        expected = np.load(self.folder / "table.npy")
        for threads in (1, 3):
            np.testing.assert_array_equal(self.embed(lib, encoder, self.rows, threads=threads), expected)
        np.testing.assert_array_equal(self.embed(lib, encoder, self.rows.astype(np.float64)), expected)
        np.testing.assert_array_equal(self.embed(lib, encoder, self.rows[:0]), expected[:0])
        bad = self.rows.copy()
        bad[7, 2] = np.nan
        self.assertRegex(self.embed(lib, encoder, bad), "finite.*row 7")
        self.assertRegex(self.embed(lib, encoder, self.rows, threads=0), "thread")
        self.assertEqual(lib.metaplastic_num_columns(encoder), 5)
        self.assertEqual(lib.metaplastic_num_classes(encoder), 0)
        self.assertIsNone(lib.metaplastic_class_name(encoder, 0))
        self.assertIsNone(lib.metaplastic_column_name(encoder, 5))
        lib.metaplastic_free(encoder)
        lib.metaplastic_free(None)

    def test_images_and_what_is_refused(self):
        lib = self.load()
        images = np.random.default_rng(1).integers(0, 256, (30, 10, 9), dtype=np.uint8)
        np.savez(self.folder / "images.npz", x=images)
        self.apply("npz:images.npz", "images")
        error = ctypes.create_string_buffer(300)
        encoder = lib.metaplastic_load(str(self.folder / "images.safetensors").encode(), error, 300)
        self.assertTrue(encoder, error.value)
        shape = (ctypes.c_int64 * 3)()
        lib.metaplastic_image_shape(ctypes.c_void_p(encoder), shape)
        self.assertEqual(list(shape), [10, 9, 1])
        pixels = images.reshape(30, -1).astype(np.float32)
        np.testing.assert_array_equal(self.embed(lib, encoder, pixels), np.load(self.folder / "images.npy"))
        self.assertRegex(self.embed(lib, encoder, pixels, pixel_max=1.0), "pixels from 0 to 1")
        lib.metaplastic_free(encoder)
        (self.folder / "text.tsv").write_text("a\tone two three\nb\ttwo three four\n" * 10, encoding="utf-8")
        self.apply("text:text.tsv", "text")
        for name, message in ((b"text.safetensors", b"one of text"), (b"rows.csv", b"safetensors"), (b"no", b"no")):
            self.assertFalse(lib.metaplastic_load(str(self.folder).encode() + b"/" + name, error, 300))
            self.assertIn(message, error.value)

    def test_classes(self):
        run(PROGRAM, "classify", "--rule", "hebb", "--data", "csv:rows.csv,label=y", "--hidden", "16", "--features", "12",
            "--steps", "5", "--out", "classes.csv", "--model", "classes.safetensors", "--quiet", cwd=self.folder)
        lib = self.load()
        encoder = lib.metaplastic_load(str(self.folder / "classes.safetensors").encode(), None, 0)
        self.assertTrue(encoder)
        self.assertEqual([lib.metaplastic_class_name(encoder, n) for n in range(2)], [b"x", b"z"])
        self.assertEqual(lib.metaplastic_column_name(encoder, 0), b"a")
        features = self.embed(lib, encoder, self.rows)
        chances = np.empty((40, 2), np.float32)
        classify = lib.metaplastic_classify
        classify.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_char_p,
                             ctypes.c_size_t]
        self.assertEqual(classify(encoder, features.ctypes.data, 40, chances.ctypes.data, None, 0), 0)
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
        lines = (self.folder / "classes.csv").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(lines), 21)  # the rows without a label
        names = lines[0].split(",")
        for line in lines[1:]:
            fields = dict(zip(names, line.split(",")))
            row = chances[int(fields["row"])]
            self.assertEqual(fields["class"], "xz"[int(np.argmax(row))])
            np.testing.assert_allclose([float(fields["p(x)"]), float(fields["p(z)"])], row, atol=6e-5)
        lib.metaplastic_free(encoder)


if __name__ == "__main__":
    PROGRAM, TREE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
