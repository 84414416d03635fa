#!/usr/bin/env python3
"""Fails when a fixed piece of work takes over 10 % more instructions than recorded: an inner step with its
adjoint; bundled rules as `apply` runs them, a step and the rest of the command; and `embed`.

usage: perf_gate.py PROGRAM COMPILER BUILD_TYPE [--record]

Instructions, counted by valgrind's callgrind, are the same on a busy machine and on an idle one. A step is
the difference between two runs with few and more steps, so that starting up cancels; on the AVX2 path, as
valgrind knows no AVX-512. The numbers in perf_gate.json belong to one compiler, build type and OpenBLAS;
elsewhere, and without valgrind, the test is skipped (exit 77).
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


APPLIED = ("agree-neighbours", "compact-v1")


def verdict(count, recorded):
    """(exit status, line to print)"""
    change = count / recorded - 1
    line = f"{count} instructions, recorded {recorded}: {change:+.1%}"
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


def instructions(folder, program, *arguments, words=""):
    """(instructions of a command, exit status, lines to print); None for what is counted nowhere here."""
    out = pathlib.Path(folder) / "callgrind.out"
    environment = {**os.environ, "METAPLASTIC_SIMD": "avx2", "OPENBLAS_CORETYPE": "Haswell",
                   "OPENBLAS_NUM_THREADS": "1", "LD_PRELOAD": library_without_timer(folder)}
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, *arguments]
    done = subprocess.run(command, input=words, capture_output=True, text=True, env=environment, timeout=300,
                          check=False, cwd=folder)
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
    with tempfile.TemporaryDirectory() as folder:
        counts, status, lines = count_all(os.path.abspath(program), folder)
    if counts is None:
        print("perf_gate:", *lines)
        return status
    if record:
        text = json.dumps({**circumstances, "instructions": counts}, indent=2)
        RECORD.write_text(text + "\n", encoding="utf-8")
        print(f"perf_gate: recorded {counts}")
        return 0
    worst = 0
    for name, count in counts.items():
        status, line = verdict(count, recorded["instructions"][name])
        worst = max(worst, status)
        print(f"perf_gate: {name}: {line}")
    return worst


def count_all(program, folder):
    """(instructions by name, 0, []), or (None, exit status, lines to print)."""
    def apply_command(rule, num_steps):
        return ["apply", "--rule", rule, "--layers", "mlp", "--data", "digits", "--threads", "1", "--steps",
                str(num_steps), "--out", "f.npy", "--model", "m.safetensors", "--quiet"]

    work = {"step": [(["bench", "--serve-case", "gate"], "step\n" * n) for n in (FEW, MANY)]}
    work.update({rule: [(apply_command(rule, n), "") for n in (FEW, MANY)] for rule in APPLIED})
    work["embed"] = [(["embed", "--model", "m.safetensors", "--data", "digits", "--threads", "1", "--out", "f.npy",
                       "--quiet"], "")]
    counts = {}
    for name, commands in work.items():
        found = []
        for arguments, words in commands:
            count, status, lines = instructions(folder, program, *arguments, words=words)
            if count is None:
                return None, status, lines
            found.append(count)
        if len(found) == 1:
            counts[name] = found[0]
            continue
        step = (found[1] - found[0]) // (MANY - FEW)
        if name == "step":
            counts[name] = step
        else:
            counts[f"{name}, a step"] = step
            counts[f"{name}, the rest of apply"] = found[0] - FEW * step
    return counts, 0, []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
