#!/usr/bin/env python3
"""Writes tests/released/golden: a small checkpoint in TensorFlow's format, and one step of its rule.

usage: /usr/bin/python3 tests/released/make_golden.py [--out FOLDER]      (numpy alone)

The checkpoint (small.index, small.data-*) has random values; step.safetensors has phi, x and phi
after one inner step by step.py. Two runs give the same bytes on one machine.
"""
import argparse
import json
import pathlib
import struct

import numpy as np

from bundle import write_bundle
from step import Step, random_variables

SIZES = {"C": 6, "D": 4, "G": 3, "U": 5}
UNITS, BATCH, RATE = (9, 7, 5), 8, 1e-1


def save_doubles(path, tensors, metadata):
    header, blocks, offset = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors):
        block = np.ascontiguousarray(tensors[name]).astype("<f8").tobytes()
        header[name] = {"dtype": "F64", "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + len(block)]}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here / "golden")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.Generator(np.random.PCG64(2019))
    variables = random_variables(random, **SIZES)
    # What a checkpoint holds besides: no part of the rule.
    others = {"global_step": np.array(7, "int64"),
              "LocalWeightUpdateWLearner/shuffle_ind": np.arange(9, dtype="int64")}
    write_bundle(out / "small", {**variables, **others}, num_shards=2, block_bytes=512)
    phi = {}
    for l, shape in enumerate(zip(UNITS[:-1], UNITS[1:]), 1):
        phi[f"W{l}"], phi[f"V{l}"] = random.normal(size=shape), random.normal(size=shape)
        phi[f"b{l}"] = random.normal(size=shape[1])
    x = random.normal(size=(BATCH, UNITS[0]))
    after = Step(variables).run(phi, x, RATE)
    tensors = {"x": x.T, **{"phi." + name: value for name, value in phi.items()},
               **{"step1." + name: value for name, value in after.items()}}
    save_doubles(out / "step.safetensors", tensors, {"inner_lr": repr(RATE)})


if __name__ == "__main__":
    main()
