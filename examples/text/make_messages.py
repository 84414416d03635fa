#!/usr/bin/env python3
"""Writes short messages about three subjects, one "label TAB text" per line.

usage: make_messages.py FILE.tsv
"""
import pathlib
import random
import sys

WORDS = {
    "kitchen": "bread soup oven butter knife salt pepper onion simmer bake taste plate",
    "garden": "seed soil rain tulip hedge spade bloom prune root compost bee leaf",
    "workshop": "screw drill plank varnish hammer bench clamp glue saw bolt measure sand",
}
COMMON = "today i need more of the and then with a little time for it please tomorrow we bring some".split()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_messages.py FILE.tsv")
    choose = random.Random(1)
    lines = []
    for n in range(180):
        subject = list(WORDS)[n % 3]
        words = [choose.choice(WORDS[subject].split() if choose.random() < 0.35 else COMMON) for _ in range(12)]
        lines.append(f"{subject}\t{' '.join(words).capitalize()}.\n")
    pathlib.Path(sys.argv[1]).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
