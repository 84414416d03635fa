#!/usr/bin/env python3
"""Every malformed file through the program: exit status 2, its one line on stderr, nothing written.

usage: malformed_test.py PROGRAM [--write]      --write replaces expected.txt by what the program says
"""
import os
import pathlib
import subprocess
import sys
import tempfile

from cases import all_cases

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXPECTED = HERE / "expected.txt"
# Readers whose file is one of a folder, under this name.
NAMES = {"cifar": "data_batch_1.bin", "png": "a.png", "jpeg": "a.jpg", "picture": "a.pgm",
         "checkpoint": "checkpoint.safetensors", "toml": "a.toml"}


def command(reader, path, options, out):
    """Arguments of the program that make it read the file."""
    if reader == "safetensors":
        return ["inspect", path]
    if reader == "toml":
        return ["train", "--config", path, "--out", out]
    if reader == "checkpoint":
        return ["train", "--resume", "--config", ROOT / "configs" / "tiny.toml", "--out", path.parent]
    if reader == "rule":
        return ["apply", "--rule", path, "--data", "digits", "--out", out]
    if reader == "encoder":
        return ["embed", "--model", path, "--data", "digits", "--out", out]
    spec = {"cifar": "cifar10", "png": "images", "jpeg": "images", "picture": "images"}.get(reader, reader)
    if spec == "images":
        spec += f":{path.parent}"
    elif spec != "cifar10":
        spec += f":{path}"
    return ["apply", "--rule", "hebb", "--steps", "1", "--data", spec + options, "--out", out]


def files_below(folder):
    return sorted((str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*"))


def run(program, reader, name, content, options):
    """(the line with FILE for the path, problems)."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary).resolve()
        path = folder / NAMES.get(reader, f"{name}.{reader}")
        path.write_bytes(content)
        before = files_below(folder)
        done = subprocess.run([program, *map(str, command(reader, path, options, folder / "out"))],
                              capture_output=True, check=False, timeout=120, cwd=folder,
                              env={**os.environ, "METAPLASTIC_DATA": str(folder)})
        line = done.stderr.decode("utf-8", "backslashreplace").replace(str(path), "FILE").replace(str(folder), "FOLDER")
        problems = []
        if done.returncode != 2:
            problems.append(f"expected exit status 2, found {done.returncode}")
        if line.count("\n") != 1 or not line.endswith("\n") or not line[:-1].isprintable():
            problems.append("expected one printable line on stderr")
        if done.stdout:
            problems.append(f"expected nothing on stdout, found {done.stdout[:80]!r}")
        if reader == "checkpoint":  # train locks its folder with a file
            before.append((".lock", 0))
        left = [entry for entry in files_below(folder) if entry not in before]
        if left:
            problems.append(f"expected nothing written, found {left}")
        return line.rstrip("\n"), problems


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: malformed_test.py PROGRAM [--write]")
    program = str(pathlib.Path(sys.argv[1]).resolve())
    write = sys.argv[2:] == ["--write"]
    expected = {}
    if not write:
        for line in EXPECTED.read_text(encoding="utf-8").splitlines():
            case, _, words = line.partition("\t")
            expected[case] = words
    found, failed = {}, 0
    for reader, name, content, options in all_cases():
        case = f"{reader}/{name}"
        found[case], problems = run(program, reader, name, content, options)
        if not write and found[case] != expected.pop(case, None):
            problems.append("expected another line; see expected.txt")
        for problem in problems:
            print(f"{case}: {problem}\n    {found[case]}", file=sys.stderr)
        failed += bool(problems)
    if expected:
        print(f"expected.txt: cases that do not exist: {', '.join(expected)}", file=sys.stderr)
    if write:
        EXPECTED.write_text("".join(f"{case}\t{line}\n" for case, line in found.items()), encoding="utf-8")
    print(f"{len(found)} malformed files, {failed} failed")
    return 1 if failed or expected or len(found) < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
