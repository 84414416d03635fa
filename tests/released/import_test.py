#!/usr/bin/env python3
"""`import` from outside: a checkpoint of the release's size, what the rule says of itself, and one
line for each way in which a checkpoint can be damaged.

usage: import_test.py PROGRAM
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from bundle import bundle_parts, entry_record, header_record, table, write_bundle, write_parts
from step import MODULE, random_variables

PROGRAM = ""
SMALL = {"C": 4, "D": 3, "G": 2, "U": 4}


def variables(**sizes):
    return random_variables(np.random.Generator(np.random.PCG64(5)), **sizes)


def header_of(path):
    with open(path, "rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))


class Import(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        self.prefix = self.folder / "model.ckpt-7"
        self.out = self.folder / "rule.safetensors"

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                              timeout=300, check=False)

    def run_import(self):
        return self.run_program("import", "--checkpoint", self.prefix, "--out", self.out)

    def assert_line(self, expected):
        done = self.run_import()
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(expected, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(self.out.exists())

    def test_a_checkpoint_of_the_releases_size(self):
        values = variables(C=64, D=32, G=4, U=32)
        values["global_step"] = np.array(7, "int64")
        write_bundle(self.prefix, values)
        done = self.run_import()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("preset metz2019, C 64, D 32, G 4, top layer of 32 units", done.stdout)
        self.assertIn("61 variables used, 11 biases in front of a norm and 24 moving averages not",
                      done.stdout)
        self.assertIn("1 variables that are no part of the rule: global_step", done.stderr)
        header = header_of(self.out)
        count = sum(np.prod(entry["shape"], dtype=int) for name, entry in header.items()
                    if name != "__metadata__")
        self.assertEqual(count, 114030)  # docs/deviations.md
        provenance = json.loads(header["__metadata__"]["provenance"])
        self.assertEqual(sorted(provenance["sha256"]),
                         ["model.ckpt-7.data-00000-of-00001", "model.ckpt-7.index"])
        inner = json.loads(header["__metadata__"]["inner"])
        self.assertEqual((inner["inner_lr"], inner["init"], inner["inner_steps"]),
                         (1e-4, "truncated", 3000))
        shown = self.run_program("inspect", self.out)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("made_by: metaplastic import", shown.stdout)

    def test_an_imported_rule_can_be_applied(self):
        write_bundle(self.prefix, variables(**SMALL), num_shards=3, block_bytes=200)
        self.assertEqual(self.run_import().returncode, 0)
        model = self.folder / "encoder.safetensors"
        done = self.run_program("apply", "--rule", self.out, "--data", "digits", "--steps", "2",
                                "--hidden", "8", "--features", "4", "--model", model,
                                "--out", self.folder / "f.npy", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_files_that_are_missing_or_cut(self):
        self.assert_line(f"{self.prefix}.index: cannot open")
        write_bundle(self.prefix, variables(**SMALL), num_shards=2)
        index = self.folder / "model.ckpt-7.index"
        shard = self.folder / "model.ckpt-7.data-00001-of-00002"
        good_index, good_shard = index.read_bytes(), shard.read_bytes()
        shard.unlink()
        self.assert_line(f"{shard}: cannot open")
        shard.write_bytes(good_shard[:-4])
        self.assert_line("it is cut short")
        shard.write_bytes(b"\x01" + good_shard[1:])
        self.assert_line("with the checksum of the index, found another")
        shard.write_bytes(good_shard)
        for cut in (0, 20, len(good_index) // 2, len(good_index) - 1):
            index.write_bytes(good_index[:cut])
            self.assert_line(f"{index}: expected")
        index.write_bytes(good_index[:100] + b"\xff" + good_index[101:])
        self.assert_line("a wrong checksum of the block at byte 0")

    def test_the_index_or_a_checkpoint_of_version_1_in_the_place_of_the_prefix(self):
        write_bundle(self.prefix, variables(**SMALL))
        right, self.prefix = self.prefix, self.folder / "model.ckpt-7.index"
        self.assert_line(f"give '{right}'")
        self.prefix = self.folder / "old.ckpt"
        shutil.copy(right.with_name("model.ckpt-7.index"), self.prefix)
        self.assert_line("(a checkpoint of version 2), found one file")

    def test_the_output_is_no_file_of_the_checkpoint(self):
        write_bundle(self.prefix, variables(**SMALL))
        self.out = self.folder / "model.ckpt-7.index"
        content = self.out.read_bytes()
        done = self.run_import()
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected another file than --checkpoint reads", done.stderr)
        self.assertEqual(self.out.read_bytes(), content)

    def test_variables_that_are_missing_or_wrong(self):
        def with_change(change):
            values = variables(**SMALL)
            change(values)
            write_bundle(self.prefix, values)

        with_change(lambda values: values.pop(MODULE + "ConcatUnitConv_1/batch_norm/beta"))
        self.assert_line("expected a tensor 'MoreLocalWeightUpdateProcess/ConcatUnitConv_1/batch_norm/beta'")
        with_change(lambda values: values.update({MODULE + "linear/w": np.zeros((3, 4), "float32")}))
        self.assert_line("linear/w': expected shape [4, 3], found [3, 4]")
        with_change(lambda values: values.update({MODULE + "linear/w": np.zeros((4, 3))}))
        self.assert_line("linear/w': expected F32, found F64")
        with_change(lambda values: values[MODULE + "linear/w"].fill(np.nan))
        self.assert_line("expected finite numbers in 'MoreLocalWeightUpdateProcess/linear/w'")
        write_bundle(self.prefix, {"a": np.zeros(3, "float32")})
        self.assert_line("expected a tensor 'MoreLocalWeightUpdateProcess/")

    def test_records_that_are_wrong(self):
        name = (MODULE + "linear/b").encode()

        def with_change(key, record):
            records, shards = bundle_parts(variables(**SMALL))
            records[key] = record
            write_parts(self.prefix, records, shards)

        with_change(b"", header_record(1, endianness=1))
        self.assert_line("expected little-endian numbers")
        with_change(b"", header_record(1, min_consumer=9))
        self.assert_line("expected a checkpoint for readers of version 1, found 9")
        with_change(b"", header_record(0))
        self.assert_line("expected 1 to 99999 data files, found 0")
        with_change(b"", b"\xff\xff")
        self.assert_line("expected a record of the checkpoint")
        with_change(name, b"\x12\x7f")
        self.assert_line("expected a record of tensor 'MoreLocal")
        with_change(name, entry_record(1, (3,), 4, 0, 12, 0))
        self.assert_line("in one of 1 data files, found it in number 4")
        with_change(name, entry_record(1, (3,), 0, 2**40, 12, 0))
        self.assert_line("it is cut short")
        for shape, size in (((3,), 16), ((3,), -12), ((-3,), -12), ((2**62, 4), 0), ((1,) * 9, 4)):
            with_change(name, entry_record(1, shape, 0, 0, size, 0))
            self.assert_line("expected a shape that fits the size of tensor")
        # In slices, or of a type that no rule has: skipped, and then missing.
        with_change(name, entry_record(1, (3,), 0, 0, 12, 0, slices=(b"",)))
        self.assert_line("expected a tensor 'MoreLocalWeightUpdateProcess/linear/b', found none")
        with_change(b"", b"")
        self.assert_line("expected 1 to 99999 data files, found 0")
        (self.folder / "model.ckpt-7.index").write_bytes(table([(b"a", b"b")]))
        self.assert_line("under the empty name, found none")

    def test_tensors_over_one_another_take_no_memory(self):
        records, shards = bundle_parts(variables(**SMALL))
        size = len(shards[0])
        for n in range(3):
            records[f"z{n}".encode()] = entry_record(4, (size,), 0, 0, size, 0)
        write_parts(self.prefix, records, shards)
        self.assert_line("expected each tensor at a place of its own")


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=1)
