#!/usr/bin/env python3
"""Fails when a fixed piece of work takes over 10 % more instructions than recorded.

usage: perf_gate.py PROGRAM COMPILER BUILD_TYPE [--record]

The pieces: an inner step with its adjoint, as in meta-training; and of two bundled rules an inner
step as applied, and all else that `apply` does. Instructions, counted by valgrind's callgrind, are
the same on a busy machine and on an idle one. Counts of steps are differences between two runs, so
that starting up cancels; on the AVX2 path, as valgrind knows no AVX-512. The numbers in
perf_gate.json belong to one compiler, build type and OpenBLAS; elsewhere, and without valgrind, the
test is skipped (exit 77).
"""
import ctypes
import itertools
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).resolve().parent / "perf_gate.json"
SKIPPED = 77
TOLERANCE = 0.10
FEW, MANY = 3, 9  # steps of the two runs in meta-training
FEW_APPLIED, MANY_APPLIED = 1, 4
RULES = ("agree-neighbours", "compact-v1")
ROWS, INPUTS = 200, 100  # of the data that rules are applied to
NETWORK = ("--hidden", "48", "--features", "32", "--inner-batch", "24")


def verdict(case, count, recorded):
    """(exit status, line to print)"""
    change = count / recorded - 1
    line = f"{case}: {count} instructions, recorded {recorded}: {change:+.1%}"
    if change > TOLERANCE:
        return 1, (f"{line}; above {TOLERANCE:.0%}. Find what became slower; if it must be so, "
                   "say why in the commit and record the new number with --record")
    if change < -TOLERANCE:
        return 0, f"{line}; please record the better number with --record, so that it is kept"
    return 0, line


class Refused(Exception):
    """The program or valgrind did not do it; .args: an exit status and words."""


def instructions(command, folder, text=""):
    out = pathlib.Path(folder) / "callgrind.out"
    environment = {**os.environ, "METAPLASTIC_SIMD": "avx2", "OPENBLAS_CORETYPE": "Haswell",
                   "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command],
                          input=text, capture_output=True, text=True, env=environment, timeout=300,
                          check=False)
    if done.returncode != 0:
        # A processor without AVX2, or one whose instructions valgrind cannot run, is no regression;
        # anything else is.
        if "Unrecognised instruction" in done.stderr:
            raise Refused(SKIPPED, "skipped, valgrind does not know an instruction of this processor")
        status = SKIPPED if "METAPLASTIC_SIMD" in done.stderr else 1
        raise Refused(status, *done.stderr.strip().splitlines()[-1:])
    total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE)
    return int(total.group(1))


def write_data(path):
    """Rows of 8-bit numbers, near each other in groups, as an npy file; from a generator written out
    here, so that they never change."""
    state = itertools.accumulate(range(ROWS * INPUTS), lambda s, _: (1103515245 * s + 12345) % 2**31,
                                 initial=1)
    noise = [s >> 24 for s in state]  # 0..127
    values = bytes(noise[(i // INPUTS % 10) * INPUTS + i % INPUTS] + noise[i] // 2
                   for i in range(ROWS * INPUTS))
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({ROWS}, {INPUTS}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values)


def all_counts(program, folder):
    """Instructions by the name of the case."""
    few, many = (instructions([program, "bench", "--serve-case", "gate"], folder, "step\n" * steps)
                 for steps in (FEW, MANY))
    counts = {"meta-training, a step": (many - few) // (MANY - FEW)}
    data = pathlib.Path(folder) / "x.npy"
    write_data(data)
    for rule in RULES:
        few, many = (instructions([program, "apply", "--rule", rule, "--threads", "1", "--data",
                                   f"npy:{data}", "--steps", str(steps), *NETWORK, "--out",
                                   pathlib.Path(folder) / "f.npy", "--quiet"], folder)
                     for steps in (FEW_APPLIED, MANY_APPLIED))
        step = (many - few) // (MANY_APPLIED - FEW_APPLIED)
        counts[f"{rule}, a step"] = step
        counts[f"{rule}, all but the steps"] = few - FEW_APPLIED * step
    return counts


def openblas_version():
    """Of the library that the program will load, from its file name; "" where it does not say."""
    try:
        ctypes.CDLL("libopenblas.so.0")
    except OSError:
        return ""
    found = re.search(r"(/\S*libopenblas\S*)", pathlib.Path("/proc/self/maps").read_text(encoding="utf-8"))
    return re.sub(r"^libopenblas\w*-?|\.so.*$", "", pathlib.Path(found.group(1)).resolve().name) if found else ""


def main(arguments):
    record = "--record" in arguments
    program, compiler, build_type = [a for a in arguments if a != "--record"]
    if shutil.which("valgrind") is None:
        print("perf_gate: skipped, valgrind is not installed")
        return SKIPPED
    circumstances = {"compiler": compiler, "build_type": build_type, "openblas": openblas_version(),
                     "simd": "avx2"}
    recorded = {} if record else json.loads(RECORD.read_text(encoding="utf-8"))
    for key, value in circumstances.items():
        if not record and recorded[key] != value:
            print(f"perf_gate: skipped, the number belongs to {key} {recorded[key]}, this is {value}")
            return SKIPPED
    try:
        with tempfile.TemporaryDirectory() as folder:
            counts = all_counts(program, folder)
    except Refused as refused:
        status, *words = refused.args
        print("perf_gate:", *words)
        return status
    if record:
        text = json.dumps({**circumstances, "instructions": counts}, indent=2)
        RECORD.write_text(text + "\n", encoding="utf-8")
        print(f"perf_gate: recorded {len(counts)} counts")
        return 0
    statuses = []
    for case, count in counts.items():
        status, line = verdict(case, count, recorded["instructions"][case])
        print("perf_gate:", line)
        statuses.append(status)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
