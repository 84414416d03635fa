#!/usr/bin/env python3
"""Tests of report pages with parsers of another program: well-formed, self-contained, accessible.

usage: report_test.py PROGRAM [unittest arguments]
"""
import base64
import hashlib
import html.parser
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ""


def metaplastic(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          check=False)


class Collector(html.parser.HTMLParser):
    """Every element with its attributes, and whether tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.elements, self.open, self.problems = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)


class ReportPage(unittest.TestCase):
    """One page of a real run with everything on it, made once."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name).resolve()
        run, encoder, result = cls.folder / "run & <co>", cls.folder / "e.safetensors", cls.folder / "e.json"
        steps = [
            ("train", "--config", ROOT / "configs" / "tiny.toml", "--out", run, "--outer-steps", 6, "--seed", 5,
             "--quiet"),
            ("apply", "--rule", "hebb-decorrelate", "--data", "digits", "--out", cls.folder / "f.npy",
             "--model", encoder, "--steps", 5, "--hidden", 16, "--features", 8, "--quiet"),
            ("evaluate", "--rule", "hebb-decorrelate", "--data", "digits", "--trials", 3, "--steps", 5,
             "--hidden", 16, "--features", 8, "--json", result, "--quiet"),
            ("report", run, "--out", cls.folder / "r.html", "--model", encoder, "--evaluate", result),
        ]
        for step in steps:
            done = metaplastic(*step)
            assert done.returncode == 0, (step, done.stderr)
        cls.run_folder = run
        cls.page = (cls.folder / "r.html").read_text(encoding="utf-8")
        # Scripts are no markup; what they hold is looked at by itself.
        cls.scripts = re.findall(r"<script[^>]*>(.*?)</script>", cls.page, re.DOTALL)
        cls.markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1</script>", cls.page, flags=re.DOTALL)
        cls.parsed = Collector()
        cls.parsed.feed(cls.page)
        cls.parsed.close()

    def attributes(self, tag):
        return [attrs for name, attrs in self.parsed.elements if name == tag]

    def test_markup_is_well_formed(self):
        """For html.parser, and, without the doctype, for an XML parser."""
        self.assertEqual(self.parsed.problems, [])
        self.assertEqual(self.parsed.open, [])
        start, body = self.markup.split("\n", 1)
        self.assertEqual(start, "<!DOCTYPE html>")
        xml.etree.ElementTree.fromstring(body)

    def test_nothing_comes_from_outside(self):
        for tag, attrs in self.parsed.elements:
            self.assertNotIn(tag, ("link", "iframe", "object", "embed"))
            for name in ("src", "srcset", "href", "data", "action"):
                if attrs.get(name) is not None:
                    self.assertRegex(attrs[name], r"^(#[a-z-]+$|data:image/png;base64,)", (tag, name))
            self.assertFalse([name for name in attrs if name.startswith("on")])
        words = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+|'sha256-[A-Za-z0-9+/=]+'", "", self.markup)
        self.assertIsNone(re.search(r"url\(|@import|//", words))
        self.assertIn("default-src 'none'", self.page)

    def test_policy_allows_these_scripts_alone(self):
        code = [text for text in self.scripts if not text.startswith("{")]
        self.assertEqual(len(code), 2)
        hashes = re.findall(r"'sha256-([A-Za-z0-9+/=]+)'", self.markup)
        self.assertEqual(hashes, [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code])

    def test_links_and_labels_lead_somewhere(self):
        ids = [attrs["id"] for _, attrs in self.parsed.elements if "id" in attrs]
        self.assertEqual(len(ids), len(set(ids)))
        for _, attrs in self.parsed.elements:
            for target in attrs.get("aria-labelledby", "").split():
                self.assertIn(target, ids)
        for link in self.attributes("a"):
            self.assertIn(link["href"][1:], ids)

    def test_a_reader_without_eyes_gets_it_all(self):
        headings = [int(tag[1]) for tag, _ in self.parsed.elements if re.fullmatch("h[1-6]", tag)]
        self.assertEqual(headings[0], 1)
        self.assertTrue(all(b <= a + 1 for a, b in zip(headings, headings[1:])), headings)
        self.assertEqual(len([a for a in self.attributes("div") if a.get("class") == "plot"]), 8)
        for spec in self.specs():
            self.assertGreater(len(spec["description"]), 20)
        self.assertTrue(all(attrs["alt"] for attrs in self.attributes("img")))
        self.assertEqual(self.attributes("html"), [{"lang": "en"}])
        self.assertGreaterEqual(len(self.attributes("table")), 4)

    def specs(self):
        return [json.loads(text, parse_constant=self.fail) for text in self.scripts if text.startswith("{")]

    def test_every_chart_has_its_numbers(self):
        specs = self.specs()
        self.assertEqual(len(specs), 8)
        for spec in specs:
            self.assertRegex(spec["$schema"], "vega-lite/v6")
            self.assertGreater(len([row for row in spec["data"]["values"] if row["value"] is not None]), 0)

    def test_pictures_are_whole_png_files(self):
        sources = [attrs["src"] for attrs in self.attributes("img")]
        sources += [attrs["srcset"] for attrs in self.attributes("source")]
        self.assertEqual(len(sources), 4)
        for source in sources:
            content = base64.b64decode(source.split(",", 1)[1], validate=True)
            self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
            at, pixels = 8, b""
            while at < len(content):
                (length,) = struct.unpack(">I", content[at:at + 4])
                kind, body = content[at + 4:at + 8], content[at + 8:at + 8 + length]
                (checksum,) = struct.unpack(">I", content[at + 8 + length:at + 12 + length])
                self.assertEqual(checksum, zlib.crc32(kind + body))
                pixels += body if kind == b"IDAT" else b""
                at += 12 + length
            width, height, bits = struct.unpack(">IIB", content[16:25])
            self.assertEqual((width, height), (8 * 4 - 1, 8 * 4 - 1))  # 64 windows of 3 x 3 pixels
            self.assertEqual(len(zlib.decompress(pixels)), height * (1 + (width * bits + 7) // 8))

    def test_page_is_light(self):
        self.assertLess(len(self.page), 1_100_000)  # of which the chart library is 840 kB

    def test_trouble_is_one_line(self):
        for arguments, words in [
                (("nowhere", "--out", self.folder / "x.html"), "expected a run folder"),
                ((self.run_folder, "--out", self.folder / "x.html", "--evaluate", "none.json"), "none.json"),
                ((self.run_folder, "--out", self.folder / "x.html", "--model", "none.st"), "none.st"),
                ((self.run_folder, "--out", self.folder / "no" / "x.html"), "x.html"),
        ]:
            done = metaplastic("report", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertFalse((self.folder / "x.html").exists())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
