#!/usr/bin/env python3
"""Tests of what shows a run while it goes on: TensorBoard's event files, and the page on the loopback.

usage: live_test.py PROGRAM [unittest arguments]
"""
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICK = ROOT / "tests" / "fixtures" / "quick.toml"
PROGRAM = ""


def metaplastic(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          check=False)


def masked_crc32c(data):
    """Bit by bit, by the polynomial of Castagnoli; the mask is that of the record format."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    """The events of a file; every length and checksum must be right, to the last byte."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        length, checksum = struct.unpack_from("<QI", content, at)
        assert checksum == masked_crc32c(content[at:at + 8]), at
        event = content[at + 12:at + 12 + length]
        assert struct.unpack_from("<I", content, at + 12 + length)[0] == masked_crc32c(event), at
        at += 16 + length
        yield event
    assert at == len(content)


def decode_raw(event):
    return subprocess.run(["protoc", "--decode_raw"], input=event, capture_output=True, timeout=60,
                          check=True).stdout.decode("latin-1")


def scalars(event):
    """{tag: value} by another program's decoder, which knows no field names."""
    pairs = re.findall(r'1 \{\s+1: "([^"]+)"\s+2: (0x[0-9a-f]+)\s+\}', decode_raw(event))
    return {tag: struct.unpack("<f", struct.pack("<I", int(bits, 16)))[0] for tag, bits in pairs}


class EventFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("protoc") is None:
            raise unittest.SkipTest("protoc is not installed (protobuf-compiler)")
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.run_folder, cls.events = cls.folder / "run", cls.folder / "events"
        common = ("--out", cls.run_folder, "--tensorboard", cls.events, "--quiet")
        for arguments in (("--config", QUICK, "--outer-steps", 2, "--seed", 3), ("--resume", "--outer-steps", 4)):
            done = metaplastic("train", *arguments, *common)
            assert done.returncode == 0, done.stderr
        cls.files = sorted(cls.events.iterdir(), key=lambda path: path.stat().st_mtime_ns)

    def test_each_process_writes_a_file_and_says_where_it_starts(self):
        self.assertEqual(len(self.files), 2)
        for path, first_step in zip(self.files, (1, 3)):
            self.assertTrue(path.name.startswith("events.out.tfevents."))
            version, start, *_ = map(decode_raw, records(path))
            self.assertIn('3: "brain.Event:2"', version)
            self.assertRegex(start, rf"2: {first_step}\n7 {{\s+1: 1\s+}}")

    def test_scalars_are_those_of_the_metrics(self):
        lines = [json.loads(line) for line in
                 (self.run_folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        events = [event for path in self.files for event in list(records(path))[2:]]
        self.assertEqual(len(events), 4)
        for line, event in zip(lines, events):
            self.assertIn(f"2: {line['outer_step']}\n", decode_raw(event))
            found = scalars(event)
            for key in ("meta_loss", "accuracy", "gradient_norm", "outer_lr"):
                self.assertAlmostEqual(found[f"outer/{key}"], line[key], delta=1e-6 * abs(line[key]))
            if "validation" in line:
                self.assertAlmostEqual(found["meta_validation/accuracy"], line["validation"]["accuracy"], places=6)

    def test_a_folder_that_cannot_be_made_is_a_line(self):
        blocked = self.folder / "file"
        blocked.write_text("", encoding="utf-8")
        done = metaplastic("train", "--config", QUICK, "--out", self.folder / "other", "--outer-steps", 1,
                           "--tensorboard", blocked / "events", "--quiet")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)


class ServedPage(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.run_folder = pathlib.Path(temporary.name) / "run"
        self.train("--config", QUICK, "--outer-steps", 1)

    def train(self, *arguments):
        done = metaplastic("train", "--out", self.run_folder, "--quiet", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def get(self, port, path="/", host=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def test_the_page_follows_the_run_until_a_signal(self):
        with subprocess.Popen([PROGRAM, "report", self.run_folder, "--serve", "0", "--follow", "7"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            self.addCleanup(server.kill)
            port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", server.stdout.readline())[1])
            status, before = self.get(port)
            self.assertEqual(status, 200)
            self.assertIn('http-equiv="refresh" content="7"', before)
            self.train("--resume", "--outer-steps", 3)
            status, after = self.get(port)
            self.assertEqual(status, 200)
            self.assertNotEqual(before, after)
            self.assertEqual(self.get(port, host="localhost")[0], 200)
            self.assertEqual(self.get(port, host="pages.example")[0], 403)
            self.assertEqual(self.get(port, "/etc/passwd")[0], 404)
            self.assertIn(str(port), self.refused("--serve", port))
            shutil.rmtree(self.run_folder)
            status, text = self.get(port)
            self.assertEqual(status, 500)
            self.assertIn(str(self.run_folder), text)
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(timeout=60), 3)

    def refused(self, *arguments):
        done = metaplastic("report", self.run_folder, *arguments)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        return done.stderr

    def test_what_cannot_be_served_is_a_line(self):
        self.assertIn("neither", self.refused())
        self.assertIn("both", self.refused("--serve", 0, "--out", self.run_folder / "page.html"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertIn(str(port), self.refused("--serve", port))
        (self.run_folder / "metrics.jsonl").write_text("{", encoding="utf-8")
        (self.run_folder / "config.toml").unlink()
        self.assertIn("config.toml", self.refused("--serve", 0))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: live_test.py PROGRAM [unittest arguments]")
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=1)
