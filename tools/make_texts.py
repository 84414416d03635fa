#!/usr/bin/python3
"""Writes labelled texts that a Debian machine holds, as CLASS<tab>TEXT lines for `--data text:FILE`.

For looking at rules on text that is in no results table (docs/notebook/recipe-log.md, "Text"):
changelogs.tsv by package, docstrings.tsv by Python package, manuals.tsv by section,
perl.tsv by name space, licences.tsv by name. What is in them depends on what the machine has
installed. A class has 60 to 200 texts (manuals: 500) of 8 to 120 words, none of them twice in a class.
usage: tools/make_texts.py FOLDER
"""
import ast
import collections
import glob
import gzip
import os
import pathlib
import random
import re
import sys

MIN_WORDS, MAX_WORDS, MIN_TEXTS, MAX_CLASSES = 8, 120, 60, 14


def read(path):
    opened = gzip.open(path, "rt", errors="ignore") if path.endswith(".gz") else open(path, errors="ignore")
    with opened as file:
        return file.read()


def found(*patterns):
    return sorted(path for pattern in patterns for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))


def changelogs():
    for path in found("/usr/share/doc/*/changelog.gz", "/usr/share/doc/*/NEWS.gz"):
        for entry in re.split(r"\n\s*\n", read(path)):
            yield path.split("/")[4], entry


def docstrings():
    for path in found("/usr/lib/python3/dist-packages/*/**/*.py", "/usr/lib/python3.*/*/**/*.py"):
        try:
            tree = ast.parse(read(path))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                yield re.search(r"(?:dist-packages|python3\.\d+)/([^/]+)/", path)[1], ast.get_docstring(node) or ""


def manuals():
    for path in found("/usr/share/man/man[1-8]/*"):
        described = re.search(r'\.SH "?DESCRIPTION"?(.*?)(?:\.SH|$)', read(path), re.S)
        if described:
            yield path.split("/")[4], re.sub(r'^\.\w+|^\.\\".*$|\\f.|\\\(..|\\.|"', " ", described[1], flags=re.M)


def perl():
    for path in found("/usr/share/perl/5*/*/**/*.p[mo]*", "/usr/share/perl5/*/**/*.p[mo]*"):
        sections = re.findall(r"^=head1 .*?\n(.*?)^=(?:cut|head1)", read(path), re.S | re.M)
        for paragraph in re.split(r"\n\s*\n", "\n".join(sections)):
            yield re.search(r"/perl(?:/5[.\d]*|5)/([^/]+)/", path)[1], paragraph


def licences():
    for path in found("/usr/share/doc/*/copyright"):
        for name, text in re.findall(r"^License: ([A-Za-z]+)[^\n]*\n((?: .*\n)+)", read(path), re.M):
            yield name.lower(), text


def write(path, texts, max_texts):
    classes = collections.defaultdict(dict)  # in the order in which they come, none twice
    for name, text in texts:
        words = text.split()[:MAX_WORDS]
        if len(words) >= MIN_WORDS:
            classes[name][" ".join(words)] = None
    largest = sorted((name for name in classes if len(classes[name]) >= MIN_TEXTS),
                     key=lambda name: (-len(classes[name]), name))[:MAX_CLASSES]
    draw = random.Random(0)
    lines = [f"{name}\t{text}\n" for name in largest
             for text in draw.sample(list(classes[name]), min(max_texts, len(classes[name])))]
    path.write_text("".join(lines), encoding="utf-8", errors="replace")
    print(f"{path}: {len(lines)} texts, {len(largest)} classes")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for source, max_texts in ((changelogs, 200), (docstrings, 200), (manuals, 500), (perl, 200), (licences, 200)):
        write(folder / f"{source.__name__}.tsv", source(), max_texts)


if __name__ == "__main__":
    main()
