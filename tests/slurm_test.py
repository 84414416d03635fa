#!/usr/bin/env python3
"""deploy/train.slurm for real: a controller and one node of Slurm on this machine, in a folder of their own.

usage: slurm_test.py PROGRAM     (exit status 77: skipped, with the reason)
"""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = 77
STEPS = 6
ARGUMENTS = ["--config", str(ROOT / "configs" / "tiny.toml"), "--seed", "5", "--quiet",
             "tasks.glyphs=0", "inner.max_units=16", "inner.max_features=16", "validation.num_tasks=2",
             "validation.inner_steps=5"]

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=30
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


class Skip(Exception):
    pass


def free_ports():
    """Two, held at the same time: one after the other could be the same."""
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def tensors(path):
    content = pathlib.Path(path).read_bytes()
    return content[8 + struct.unpack("<Q", content[:8])[0]:]


class Cluster:
    """slurmctld and slurmd of this machine alone; nothing outside `folder` is touched."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("state", "spool"):
            (folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        conf = folder / "slurm.conf"
        controller_port, node_port = free_ports()
        conf.write_text(CONFIGURATION.format(host=host, folder=folder, controller_port=controller_port,
                                             node_port=node_port, cpus=os.cpu_count()), encoding="utf-8")
        (folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n", encoding="utf-8")
        self.environment = {**os.environ, "SLURM_CONF": str(conf)}
        self.daemons = []
        for daemon in (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", host]):
            log = (folder / f"{daemon[0]}.out").open("w", encoding="utf-8")
            self.daemons.append(subprocess.Popen([shutil.which(daemon[0]), *daemon[1:], "-f", str(conf)],  # pylint: disable=consider-using-with
                                                 env=self.environment, stdout=log, stderr=log))

    def logs(self):
        found = sorted(self.folder.glob("slurm*.log")) + sorted(self.folder.glob("slurm*.out"))
        return "\n".join(line for path in found for line in path.read_text(errors="replace").splitlines()[-8:])

    def call(self, *words, check=True):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                              env=self.environment, timeout=120, cwd=self.folder)
        if check and done.returncode != 0:
            raise RuntimeError(f"{words[0]}: {done.stderr.strip()}\n{self.logs()}")
        return done.stdout

    def wait_until_up(self, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(daemon.poll() is not None for daemon in self.daemons):
                break
            if self.call("sinfo", "-h", "-o", "%T", check=False).strip() == "idle":
                return
            time.sleep(0.5)
        raise Skip(f"Slurm does not come up on this machine: {self.logs()[-600:]}")

    def run(self, *words, seconds=240):
        """Submits the batch script and waits; (state, log)."""
        job = self.call("sbatch", "--parsable", *words).strip().split(";")[0]
        deadline = time.monotonic() + seconds
        state = ""
        while time.monotonic() < deadline:
            shown = self.call("scontrol", "-o", "show", "job", job)
            state = shown.split("JobState=")[1].split()[0]
            if state not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING"):
                break
            time.sleep(0.3)
        else:
            self.call("scancel", job, check=False)
        log = self.folder / f"metaplastic-{job}.log"
        return state, log.read_text(encoding="utf-8") if log.exists() else ""

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            daemon.wait()


def check(condition, words):
    if not condition:
        raise AssertionError(words)


def run_test(program, folder):
    alone = folder / "alone"
    done = subprocess.run([program, "train", "--out", alone, "--outer-steps", str(STEPS), "--threads", "1",
                           *ARGUMENTS], check=False, capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    cluster = Cluster(folder)
    try:
        cluster.wait_until_up()
        if "pmix" not in cluster.call("srun", "--mpi=list"):
            raise Skip("this Slurm has no PMIx")
        batch = ["--ntasks=2", "--overcommit", "--export=ALL,METAPLASTIC=" + program, ROOT / "deploy" / "train.slurm"]
        job = [*batch, "--out", folder / "job", *ARGUMENTS]
        state, log = cluster.run(*job, "--outer-steps", STEPS // 2)
        check(state == "COMPLETED", f"{state}\n{log}\n{cluster.logs()}")
        # Submitted again it goes on from the checkpoint.
        state, log = cluster.run(*job, "--outer-steps", STEPS)
        check(state == "COMPLETED", f"{state}\n{log}\n{cluster.logs()}")
        check(tensors(alone / "checkpoint.safetensors") == tensors(folder / "job" / "checkpoint.safetensors"),
              "two ranks under srun gave other bits than one process")
        state, log = cluster.run(*batch, *ARGUMENTS)
        check(state == "FAILED" and "--out" in log, f"a job without --out: {state}\n{log}")
    finally:
        cluster.stop()


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    for needed in ("slurmctld", "slurmd", "sbatch", "srun", "scontrol", "sinfo"):
        if shutil.which(needed) is None:
            print(f"slurm_test: skipped, {needed} is not here (slurmctld, slurmd, slurm-client)")
            return SKIPPED
    if os.geteuid() != 0:
        print("slurm_test: skipped, slurmd needs root")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_test(program, pathlib.Path(folder).resolve())
        except Skip as reason:
            print(f"slurm_test: skipped, {reason}")
            return SKIPPED
    print("slurm_test: deploy/train.slurm ran, resumed and gave the bits of one process")
    return 0


if __name__ == "__main__":
    sys.exit(main())
