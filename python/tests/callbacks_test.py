#!/usr/bin/env python3
"""Tests of metaplastic.callbacks: tables and event files of runs, stopped and resumed.

usage: PYTHONPATH=build/python callbacks_test.py PROGRAM [unittest arguments]
"""
import csv
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy  # noqa: F401  pylint: disable=unused-import
except ImportError as error:
    print(f"callbacks_test: skipped, {error}; tools/install_packages test brings it")
    sys.exit(77)

import metaplastic
from metaplastic import callbacks, meta

from families_test import blobs, config_of
from meta_test import metrics_of, rows as data_rows, write_toml

PROGRAM = ""


def events_of(folder):
    """{step: {tag: value}} of a folder's event files that are whole: records of a length, a checksum, an
    Event of protocol buffers (2: the step, 5: the summary of scalars), a checksum."""
    found = {}
    for path in sorted(pathlib.Path(folder).iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content = path.read_bytes()
        while content:
            length, = struct.unpack("<Q", content[:8])
            event, content = dict_of(content[12:12 + length]), content[16 + length:]
            if 5 in event:
                values = [dict_of(value) for value in fields(event[5][0])]
                found[event[2][0]] = {value[1][0].decode(): struct.unpack("<f", value[2][0])[0] for value in values}
    return found


def fields(message):
    return dict_of(message).get(1, [])


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def dict_of(data):
    """The fields of a message by number."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else varint(data, at)
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


class Callbacks(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def training(self, name="run", outer_steps=4, **options):
        return meta.MetaTraining(config_of(outer_steps), self.folder / name, threads=1,
                                 families=[meta.TaskFamily(blobs)], **options)

    def rows(self):
        with open(self.folder / "run.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_a_table_has_a_row_for_each_step(self):
        self.training().run([callbacks.CsvLog(self.folder / "run.csv")])
        rows, lines = self.rows(), metrics_of(self.folder / "run")
        self.assertEqual([int(row["outer_step"]) for row in rows], [1, 2, 3, 4])
        for row, line in zip(rows, lines):
            self.assertEqual(float(row["meta_loss"]), line["meta_loss"])
            validation = line.get("validation")
            self.assertEqual(row["meta_validation/accuracy"], repr(validation["accuracy"]) if validation else "")
            self.assertEqual(row["meta_validation_by_family/blobs"],
                             repr(validation["by_family"]["blobs"]) if validation else "")

    def test_a_run_that_died_is_gone_on_with(self):
        self.training().run([callbacks.CsvLog(self.folder / "run.csv")])
        whole = self.rows()
        # A run whose rows are ahead of its checkpoint, which is made every 2 steps.
        path = self.folder / "run.csv"
        stopped = self.training("parts")
        stopped.run([callbacks.CsvLog(self.folder / "parts.csv"), lambda m: m["outer_step"] < 2])
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:4]), encoding="utf-8")
        self.assertEqual(len(self.rows()), 3)
        self.training("parts", resume=True).run([callbacks.CsvLog(path)])
        for row, again in zip(whole, self.rows()):
            for name in ("outer_step", "meta_loss", "gradient_norm", "meta_validation/accuracy"):
                self.assertEqual(row[name], again[name])
        self.assertEqual(len(self.rows()), 4)

    def test_a_file_of_another_kind_is_refused(self):
        path = self.folder / "run.csv"
        path.write_text("a,b\n1,2\n", encoding="utf-8")
        with self.assertRaisesRegex(metaplastic.Error, "expected a table with a column outer_step"):
            self.training().run([callbacks.CsvLog(path)])
        self.assertEqual(path.read_text(encoding="utf-8"), "a,b\n1,2\n")

    def test_events_are_those_of_the_program(self):
        # The folder of a run that the program made goes on from Python.
        X, y = data_rows()
        config = config_of(2, images=[f"mine={meta.save_tasks(self.folder / 'rows.npz', X, y)}"])
        subprocess.run([PROGRAM, "train", "--config", write_toml(self.folder / "c.toml", config), "--out",
                        self.folder / "run", "--quiet", "--tensorboard", self.folder / "events"], check=True)
        config["outer"]["outer_steps"] = 4
        seen = []
        run = meta.MetaTraining(config, self.folder / "run", resume=True, threads=1)
        run.run([callbacks.TensorBoardLog(self.folder / "events"), seen.append])
        events = events_of(self.folder / "events")
        self.assertEqual(sorted(events), [1, 2, 3, 4])
        self.assertEqual(set(events[2]), set(events[4]))  # each with a meta-validation
        self.assertEqual(set(events[1]), set(events[3]))
        for metrics in seen:
            for tag, number in callbacks.scalars(metrics).items():
                self.assertAlmostEqual(events[metrics["outer_step"]][tag], number, delta=1e-6 * abs(number))

    def test_the_recipe_of_weights_and_biases(self):
        class Run:  # as wandb.init returns one
            def __init__(self):
                self.logged = {}

            def log(self, numbers, step):
                self.logged[step] = numbers

        wandb_run = Run()
        self.training().run([lambda m: wandb_run.log(callbacks.scalars(m), step=m["outer_step"])])
        self.assertEqual(sorted(wandb_run.logged), [1, 2, 3, 4])
        self.assertIn("outer/meta_loss", wandb_run.logged[1])
        self.assertIn("meta_validation/accuracy", wandb_run.logged[2])
        self.assertTrue(all(isinstance(number, float) for step in wandb_run.logged.values() for number in step.values()))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
