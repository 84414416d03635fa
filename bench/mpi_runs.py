"""Runs of the program under mpirun on this machine: how to start them, what they write, who they are."""
import json
import os
import pathlib
import re

# Containers run things as root, which mpirun wants to hear twice.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


def mpirun(ranks, *words):
    return ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *map(str, words)]


def metrics_of(folder):
    """Of a run that may be writing the next line just now; half a line is left out."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def ranks_of(folder):
    """rank -> process id of the program's processes that train in the folder."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            rank = re.search(rb"(?:^|\0)OMPI_COMM_WORLD_RANK=(\d+)", (entry / "environ").read_bytes())
        except OSError:
            continue
        if rank and str(folder).encode() in words and pathlib.Path(words[0].decode()).name == "metaplastic":
            found[int(rank.group(1))] = int(entry.name)
    return found
