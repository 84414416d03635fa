#!/usr/bin/env python3
"""Writes the seed corpora, one folder per reader: good files of the fixtures and every malformed one.

usage: make_seeds.py FOLDER [REPLAY]     REPLAY, the program fuzz_replay, adds a rule and a checkpoint
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "data"
sys.path[:0] = [str(HERE.parent / "malformed"), str(HERE.parent / "released")]
from bundle import block, entry_record, header_record, masked_crc32c  # noqa: E402  pylint: disable=wrong-import-position
from cases import all_cases  # noqa: E402  pylint: disable=wrong-import-position
from tensor_files import GOOD_ENCODER, unsigned  # noqa: E402  pylint: disable=wrong-import-position

MAX_BYTES = 16384  # larger seeds make every run slow
PATTERNS = {"idx": "*.idx*", "npy": "*.npy", "npz": "*.npz", "csv": "*.[ct]sv", "text": "*.tsv", "png": "pictures/*.png",
            "jpeg": "pictures/*.jpg", "picture": "pictures/*.p[gpn]m"}
SIGNED = {"rule", "encoder", "checkpoint"}


def good_files():
    for reader, pattern in PATTERNS.items():
        for path in sorted(FIXTURES.glob(pattern)):
            yield reader, path.name, path.read_bytes()
    for path in sorted((ROOT / "configs").glob("*.toml")):
        yield "toml", path.name, path.read_bytes()
    yield "cifar", "good", (b"\x03" + bytes(range(256)) * 12) * 2
    yield "encoder", "good", unsigned(GOOD_ENCODER)
    yield "index", "good", (ROOT / "tests" / "released" / "golden" / "small.index").read_bytes()
    yield from bundle_blocks()
    yield "safetensors", "encoder", GOOD_ENCODER


def bundle_blocks():
    """Blocks of a checkpoint's index: whole, and each with a field of its tensor out of range."""
    data = bytes(4096)
    good = (1, (2, 3), 0, 8, 24, masked_crc32c(data[:24]))
    name = b"MoreLocalWeightUpdateProcess/linear/w"
    yield "bundle", "good", block([(b"", header_record(1)), (name, entry_record(*good))])
    for field, values in enumerate(((7, 0), ((2**40, 2**40), ()), (1, -1), (2**50, -8), (0, -24), (1,))):
        for n, value in enumerate(values):
            record = entry_record(*good[:field], value, *good[field + 1:])
            yield "bundle", f"field-{field}-{n}", block([(b"", header_record(1)), (name, record)])


def malformed_files():
    for reader, name, content, _ in all_cases():
        yield reader, name, content
        if reader in SIGNED:
            yield reader, name + "-unsigned", unsigned(content)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: make_seeds.py FOLDER [REPLAY]")
    top, count = pathlib.Path(sys.argv[1]), 0
    for reader, name, content in [*good_files(), *malformed_files()]:
        if len(content) > MAX_BYTES:
            continue
        (top / reader).mkdir(parents=True, exist_ok=True)
        (top / reader / name).write_bytes(content)
        count += 1
    if len(sys.argv) == 3:
        subprocess.run([sys.argv[2], "--good", top], check=True)
        for reader in ("rule", "checkpoint"):
            content = (top / reader).with_suffix(".good").read_bytes()
            (top / reader / "good").write_bytes(unsigned(content))
            count += 1
    print(f"{count} seeds in {top}")


if __name__ == "__main__":
    main()
