#!/usr/bin/env python3
"""Reads a feature file without any package and says what it holds. usage: show_features.py FILE.npy"""
import array
import ast
import math
import pathlib
import struct
import sys


def read_npy(path):
    """(shape, values) of a little-endian float32 array in C order, which is what metaplastic writes."""
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10:10 + length].decode())
    assert content[:8] == b"\x93NUMPY\x01\x00" and header["descr"] == "<f4" and not header["fortran_order"]
    values = array.array("f", content[10 + length:])
    assert len(values) == math.prod(header["shape"])
    return header["shape"], values


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: show_features.py FILE.npy")
    (rows, features), values = read_npy(sys.argv[1])
    finite = "all finite" if all(map(math.isfinite, values)) else "not all finite"
    print(f"{pathlib.Path(sys.argv[1]).name}: {rows} rows of {features} features, {finite}")


if __name__ == "__main__":
    main()
