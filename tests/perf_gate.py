#!/usr/bin/env python3
"""Fails when a fixed inner step (forward + adjoint) takes over 10 % more instructions than recorded.

usage: perf_gate.py PROGRAM COMPILER BUILD_TYPE [--record]

Instructions, counted by valgrind's callgrind, are the same on a busy machine and on an idle one.
Counted is the difference between two runs of `metaplastic bench --serve-case gate`, so that starting
up cancels; on the AVX2 path, as valgrind knows no AVX-512. The number in perf_gate.json belongs to
one compiler, build type and OpenBLAS; elsewhere, and without valgrind, the test is skipped (exit 77).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).resolve().parent / "perf_gate.json"
SKIPPED = 77
TOLERANCE = 0.10
FEW, MANY = 3, 9  # steps of the two runs


def verdict(count, recorded):
    """(exit status, line to print)"""
    change = count / recorded - 1
    line = f"{count} instructions per step, recorded {recorded}: {change:+.1%}"
    if change > TOLERANCE:
        return 1, (f"{line}; above {TOLERANCE:.0%}. Find what became slower; if it must be so, "
                   "say why in the commit and record the new number with --record")
    if change < -TOLERANCE:
        return 0, f"{line}; please record the better number with --record, so that it is kept"
    return 0, line


# Highway's library times the processor's clock when it is loaded, by an instruction that valgrind does
# not know on newer processors. This takes the place of that function; nothing of ours asks it.
NO_TIMER = "namespace hwy { namespace platform { unsigned long TimerResolution() { return 1; } } }\n"


def library_without_timer(folder):
    """A path for LD_PRELOAD; "" where no compiler is at hand."""
    source, library = pathlib.Path(folder) / "no_timer.cc", pathlib.Path(folder) / "no_timer.so"
    source.write_text(NO_TIMER, encoding="utf-8")
    compiler = os.environ.get("CXX") or shutil.which("c++") or ""
    if not compiler:
        return ""
    subprocess.run([*compiler.split(), "-shared", "-fPIC", "-O1", source, "-o", library], check=True)
    return str(library)


def instructions(program, num_steps, folder):
    out = pathlib.Path(folder) / f"callgrind.{num_steps}"
    environment = {**os.environ, "METAPLASTIC_SIMD": "avx2", "OPENBLAS_CORETYPE": "Haswell",
                   "OPENBLAS_NUM_THREADS": "1", "LD_PRELOAD": library_without_timer(folder)}
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, "bench",
               "--serve-case", "gate"]
    done = subprocess.run(command, input="step\n" * num_steps, capture_output=True, text=True,
                          env=environment, timeout=300, check=False)
    if done.returncode != 0:
        # A processor without AVX2, or one whose instructions valgrind cannot run, is no regression;
        # anything else is.
        if "Unrecognised instruction" in done.stderr:
            return None, SKIPPED, ["skipped, valgrind does not know an instruction of this processor"]
        status = SKIPPED if "METAPLASTIC_SIMD" in done.stderr else 1
        return None, status, done.stderr.strip().splitlines()[-1:]
    total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE)
    return int(total.group(1)), 0, []


def openblas_of(program):
    """Version of the library that the program loads, from its file name; "" where it does not say."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    found = re.search(r"libopenblas\S* => (\S+)", done.stdout)
    name = pathlib.Path(found.group(1)).resolve().name if found else ""
    return re.sub(r"^libopenblas\w*-?|\.so.*$", "", name)


def main(arguments):
    record = "--record" in arguments
    program, compiler, build_type = [a for a in arguments if a != "--record"]
    if shutil.which("valgrind") is None:
        print("perf_gate: skipped, valgrind is not installed")
        return SKIPPED
    circumstances = {"compiler": compiler, "build_type": build_type, "openblas": openblas_of(program),
                     "simd": "avx2"}
    recorded = {} if record else json.loads(RECORD.read_text(encoding="utf-8"))
    for key, value in circumstances.items():
        if not record and recorded[key] != value:
            print(f"perf_gate: skipped, the number belongs to {key} {recorded[key]}, this is {value}")
            return SKIPPED
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for num_steps in (FEW, MANY):
            count, status, words = instructions(program, num_steps, folder)
            if count is None:
                print("perf_gate:", *words)
                return status
            counts.append(count)
    count = (counts[1] - counts[0]) // (MANY - FEW)
    if record:
        text = json.dumps({**circumstances, "instructions_per_step": count}, indent=2)
        RECORD.write_text(text + "\n", encoding="utf-8")
        print(f"perf_gate: recorded {count} instructions per step")
        return 0
    status, line = verdict(count, recorded["instructions_per_step"])
    print("perf_gate:", line)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
