#!/usr/bin/env python3
"""Copies a CSV table with the label left in every N-th row alone.

usage: hide_labels.py TABLE.csv COLUMN N OUT.csv
"""
import csv
import sys


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: hide_labels.py TABLE.csv COLUMN N OUT.csv")
    path, column, every, out = sys.argv[1:]
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        if number % int(every):
            row[column] = ""
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{out}: {len(rows)} rows, {len(rows[::int(every)])} with a label")


if __name__ == "__main__":
    main()
