#!/usr/bin/env python3
"""Runs on several ranks under MPI: the same bits as one process, and what becomes of a run when a rank is
killed, stopped or cut off, alone and under deploy/launch_ranks.sh, which starts it again.

usage: ranks_test.py PROGRAM CONFORMANCE [unittest arguments]
"""
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import mpi_runs  # noqa: E402  pylint: disable=wrong-import-position
from mpi_runs import metrics_of, mpirun, ranks_of  # noqa: E402  pylint: disable=wrong-import-position

PROGRAM = CONFORMANCE = ""
# The smallest run with every part: two families of tasks would need fonts, which a rank may lack.
SMALL = {"tasks.glyphs": 0, "tasks.max_classes": 3, "inner.max_units": 16, "inner.max_features": 16,
         "inner.inner_batch": 16, "truncation.shots": 4, "validation.num_tasks": 2, "validation.inner_steps": 5,
         "validation.every": 4, "validation.hidden": "16,16"}
ENVIRONMENT = {**mpi_runs.ENVIRONMENT, "OMPI_MCA_rmaps_base_oversubscribe": "1"}
LIMIT_S = 300
LAUNCH = ROOT / "deploy" / "launch_ranks.sh"


def run(command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          env=ENVIRONMENT, timeout=LIMIT_S)


def tensors(path):
    content = pathlib.Path(path).read_bytes()
    return content[8 + struct.unpack("<Q", content[:8])[0]:]


class Ranks(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def words(self, out, steps, *arguments, threads=1):
        given = {str(word).split("=", maxsplit=1)[0] for word in arguments}
        return [PROGRAM, "train", "--config", ROOT / "configs" / "tiny.toml", "--out", self.folder / out,
                "--outer-steps", steps, "--threads", threads, "--seed", 5, *arguments,
                *(f"{key}={value}" for key, value in SMALL.items() if key not in given)]

    def train(self, out, steps, *arguments, ranks=1, threads=1):
        words = self.words(out, steps, "--quiet", *arguments, threads=threads)
        done = run(mpirun(ranks, *words) if ranks > 1 else words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / out

    def start(self, command):
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT)  # pylint: disable=consider-using-with
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def launched(self, ranks, out, steps, *arguments):
        """Words of a run under the launch script."""
        return [LAUNCH, ranks, *self.words(out, steps, "--quiet", *arguments)[2:]]

    def wait_for_step(self, out, step, process):
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if metrics_of(self.folder / out)[-1]["outer_step"] >= step:
                    return
            except (OSError, IndexError, ValueError):
                pass
            time.sleep(0.02)
        self.fail(f"no outer step {step}; status {process.poll()}: {process.stderr.read()}")

    def wait_until_gone(self, out, seconds):
        deadline = time.monotonic() + seconds
        while ranks_of(self.folder / out):
            self.assertLess(time.monotonic(), deadline, "ranks are left over")
            time.sleep(0.05)

    def saved_step(self, out):
        """Of the checkpoint, which must be whole."""
        done = run([PROGRAM, "inspect", self.folder / out / "checkpoint.safetensors"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("(verified)", done.stdout)
        return int(re.search(r"outer_step: (\d+)", done.stdout).group(1))


class SameBits(Ranks):
    def test_transport_conforms_over_shared_memory_and_tcp(self):
        for transport in ("vader,self", "tcp,self"):
            done = run(["mpirun", "--mca", "btl", transport, *mpirun(4, CONFORMANCE)[1:]])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(re.findall(r"rank \d of 4 conforms", done.stdout)), 4, done.stdout)

    def check_same_bits(self, estimator):
        settings = [f"estimator.name={estimator}", "inner.min_T=5", "inner.max_T=20"]
        one = self.train(f"{estimator}1", 10, *settings)
        others = [self.train(f"{estimator}-threads", 10, *settings, threads=2),
                  self.train(f"{estimator}2", 10, *settings, ranks=2, threads=2),
                  self.train(f"{estimator}4", 10, *settings, ranks=4)]
        for other in others:
            self.assertEqual(tensors(one / "checkpoint.safetensors"), tensors(other / "checkpoint.safetensors"))
            self.assertEqual(tensors(one / "rule.safetensors"), tensors(other / "rule.safetensors"))
            for mine, theirs in zip(metrics_of(one), metrics_of(other), strict=True):
                self.assertEqual(mine["meta_loss"], theirs["meta_loss"])

    def test_one_two_and_four_ranks_and_two_threads_give_the_same_bits(self):
        for estimator in ("backprop", "pes"):
            with self.subTest(estimator):
                self.check_same_bits(estimator)

    def test_user_errors_are_one_line_and_status_2(self):
        for arguments in (["outer.outer_lrr=1"], ["outer.outer_batch=2"]):
            done = run(mpirun(3, *self.words("x", 1, *arguments)))
            self.assertEqual(done.returncode, 2, done.stderr)
            lines = [line for line in done.stderr.splitlines() if line.startswith("metaplastic: ")]
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertIn("outer.outer_", lines[0])
        self.assertFalse((self.folder / "x" / "checkpoint.safetensors").exists())


class Failures(Ranks):
    def lose(self, how, ranks=3, timeout=4):
        """Status, words and seconds until the end of a run that loses its last rank."""
        command = [word for word in mpirun(ranks, *self.words("run", 100000, "--quiet", "--rank-timeout", timeout))
                   if word != "-q"]  # mpirun is the one to say that a rank was killed
        process = self.start(command)
        self.wait_for_step("run", 4, process)  # so that the checkpoint of step 3 is there
        os.kill(ranks_of(self.folder / "run")[ranks - 1], how)
        lost = time.monotonic()
        words = process.communicate(timeout=LIMIT_S)[1]
        seconds = time.monotonic() - lost
        self.wait_until_gone("run", 10)
        self.assertGreaterEqual(self.saved_step("run"), 3)
        return process.returncode, words, seconds

    def test_a_killed_rank_ends_the_job(self):
        status, words, seconds = self.lose(signal.SIGKILL)
        self.assertNotIn(status, (0, 2, 3))
        self.assertRegex(words, r"rank 2 [^|]*(signal 9|no sign of life)")
        self.assertLess(seconds, 60)

    def test_a_stopped_rank_ends_the_job(self):
        status, words, seconds = self.lose(signal.SIGSTOP)
        self.assertNotIn(status, (0, 2, 3))
        self.assertRegex(words, r"metaplastic: rank 2 on \S+: no sign of life for [4-9]\.\d s")
        self.assertLess(seconds, 60)

    def test_sigterm_saves_first(self):
        process = self.start(self.launched(2, "run", 100000))
        self.wait_for_step("run", 2, process)
        process.send_signal(signal.SIGTERM)
        words = process.communicate(timeout=LIMIT_S)[1]
        self.assertEqual(process.returncode, 3, words)
        self.assertEqual(self.saved_step("run"), metrics_of(self.folder / "run")[-1]["outer_step"])


class Restarts(Ranks):
    def kill_and_complete(self, whole, name, num_kills, steps, seed):
        """Kills a random rank at random moments; the run must complete with the whole run's bits."""
        rng = random.Random(seed)
        process = self.start(self.launched(2, name, steps))
        # The second half is room for the last kill: on an idle machine 20 steps take little more than 0.1 s.
        at_steps = sorted(rng.randrange(1, steps // 2) for _ in range(num_kills))
        for kills, at_step in enumerate(at_steps):
            # One in four hits an attempt that has just begun, the others any part of an outer step.
            if kills % 4 != 3:
                self.wait_for_step(name, at_step, process)
            time.sleep(rng.uniform(0, 0.2))
            ranks = {}
            while process.poll() is None and not ranks:
                ranks = ranks_of(self.folder / name)
            self.assertIsNone(process.poll(), f"over after {kills} kills")
            try:
                os.kill(ranks[rng.choice(sorted(ranks))], signal.SIGKILL)
            except ProcessLookupError:
                self.fail("a rank ended by itself")
            # The next one hits the next attempt.
            while set(ranks_of(self.folder / name).values()) & set(ranks.values()):
                time.sleep(0.02)
        stderr = process.communicate(timeout=LIMIT_S)[1]
        self.assertEqual(process.returncode, 0, stderr)
        self.assertEqual(stderr.count("starting it again"), num_kills, stderr)
        self.assertEqual(tensors(whole / "checkpoint.safetensors"),
                         tensors(self.folder / name / "checkpoint.safetensors"))
        steps_seen = [line["outer_step"] for line in metrics_of(self.folder / name)]
        self.assertEqual(steps_seen, list(range(1, steps + 1)))
        self.assertEqual([p.name for p in (self.folder / name).rglob("*.tmp-*")], [])

    def test_kills_change_no_bit(self):
        """METAPLASTIC_KILLS=20 is the long form."""
        kills = int(os.environ.get("METAPLASTIC_KILLS", "3"))
        self.kill_and_complete(self.train("whole", 40 * kills), "run", kills, 40 * kills, seed=1)

    @unittest.skipUnless("METAPLASTIC_KILLED_RUNS" in os.environ, "only counts how often a kill goes well")
    def test_every_run_that_is_killed_once_completes(self):
        """For instance METAPLASTIC_KILLED_RUNS=20; one run that is killed thrice is in test_kills_change_no_bit."""
        whole = self.train("whole", 60)
        for n in range(int(os.environ["METAPLASTIC_KILLED_RUNS"])):
            with self.subTest(run=n):
                self.kill_and_complete(whole, f"run-{n}", 1, 60, seed=100 + n)

    def test_gives_up_when_nothing_comes_of_it_and_passes_user_errors_on(self):
        command = self.launched(1, "x", 1)
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                              env={**ENVIRONMENT, "METAPLASTIC": "false", "METAPLASTIC_PAUSE": "0"}, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("starting it again"), 5, done.stderr)
        self.assertIn("giving up", done.stderr)
        done = run(self.launched(1, "x", 1, "outer.outer_lrr=1"))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("metaplastic: "), 1, done.stderr)


class Asynchronous(Ranks):
    def test_a_rank_that_stands_still_does_not_hold_up_the_rest(self):
        process = self.start(self.launched(3, "run", 100000, "--rank-timeout", 120, "outer.mode=async",
                                           "outer.outer_batch=6", "outer.checkpoint_every=5",
                                           "validation.every=100000"))
        self.wait_for_step("run", 2, process)
        slow = ranks_of(self.folder / "run")[2]
        os.kill(slow, signal.SIGSTOP)
        try:
            stopped_at = metrics_of(self.folder / "run")[-1]["outer_step"]
            self.wait_for_step("run", stopped_at + 12, process)
        finally:
            os.kill(slow, signal.SIGCONT)
        # It is heard of again, however much the others did before it had a core.
        step = metrics_of(self.folder / "run")[-1]["outer_step"]
        while not any(line["rank_truncations"][2] for line in metrics_of(self.folder / "run")[stopped_at + 12:]):
            step += 1
            self.wait_for_step("run", step, process)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=LIMIT_S)[1]
        self.assertEqual(process.returncode, 3, said)
        lines = metrics_of(self.folder / "run")
        counts = [line["rank_truncations"] for line in lines]
        # What it had sent before may be in the first of these lines.
        self.assertEqual(sum(count[2] for count in counts[stopped_at + 3:stopped_at + 10]), 0, counts)
        self.assertGreater(sum(count[2] for count in counts[stopped_at + 12:]), 0, counts)
        self.assertLessEqual(max(line["staleness"]["max"] for line in lines), 16)
        self.assertEqual(self.saved_step("run"), lines[-1]["outer_step"])


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "network namespaces need root and iproute2")
class Namespaces(Ranks):
    """Two ranks, each in a network namespace of its own, joined by a pair of virtual devices."""

    def setUp(self):
        super().setUp()
        tag = f"mp{os.getpid() % 100000}"
        self.spaces = [f"{tag}a", f"{tag}b"]
        done = subprocess.run(["ip", "netns", "add", self.spaces[0]], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"this machine makes no network namespace: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.spaces[0]], check=False)
        self.ip("netns", "add", self.spaces[1])
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.spaces[1]], check=False)
        self.ip("link", "add", f"{tag}x", "netns", self.spaces[0], "type", "veth", "peer", "name", f"{tag}y",
                "netns", self.spaces[1])
        for n, device in enumerate((f"{tag}x", f"{tag}y")):
            self.ip("-n", self.spaces[n], "addr", "add", f"10.77.0.{n + 1}/24", "dev", device)
            self.ip("-n", self.spaces[n], "link", "set", device, "up")
            self.ip("-n", self.spaces[n], "link", "set", "lo", "up")
        self.device = f"{tag}y"
        # Daemons of Open MPI that can no longer hear of the end.
        for space in self.spaces:
            self.addCleanup(self.end_all_in, space)
        # In the place of ssh: the "host" is an address, and the namespace that has it.
        self.agent = self.folder / "agent"
        self.agent.write_text(
            "#!/bin/sh\nhost=$1; shift\ncase $host in\n"
            f"10.77.0.1) space={self.spaces[0]} ;;\n10.77.0.2) space={self.spaces[1]} ;;\n"
            "*) echo \"agent: unknown host $host\" >&2; exit 1 ;;\nesac\n"
            "exec ip netns exec $space unshare --uts sh -c \"hostname $space; $*\"\n", encoding="utf-8")
        self.agent.chmod(0o755)

    @staticmethod
    def end_all_in(space):
        pids = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False).stdout
        for pid in pids.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    def launch(self, *words):
        return ["ip", "netns", "exec", self.spaces[0], "unshare", "--uts", "sh", "-c",
                f'hostname {self.spaces[0]}; exec "$@"', "sh",
                "mpirun", "-q", "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", str(self.agent),
                "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.77.0.0/24",
                "--mca", "oob_tcp_if_include", "10.77.0.0/24", "--bind-to", "none",
                "--host", "10.77.0.1:1,10.77.0.2:1", "-n", "2", *map(str, words)]

    def test_ranks_with_addresses_of_their_own_and_one_cut_off(self):
        whole = self.train("whole", 4)
        done = run(self.launch(*self.words("apart", 4, "--quiet")))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(tensors(whole / "checkpoint.safetensors"),
                         tensors(self.folder / "apart" / "checkpoint.safetensors"))

        process = self.start(self.launch(*self.words("run", 100000, "--quiet", "--rank-timeout", 4)))
        self.wait_for_step("run", 4, process)  # so that the checkpoint of step 3 is there
        self.ip("-n", self.spaces[1], "link", "set", self.device, "down")
        cut = time.monotonic()
        said = process.stderr.readline()
        while "no sign of life" not in said and said:
            said = process.stderr.readline()
        self.assertRegex(said, rf"metaplastic: rank 1 on {self.spaces[1]}: no sign of life")
        # Rank 0 says it and ends; rank 1, cut off, ends by itself half a time-out later.
        self.assertLess(time.monotonic() - cut, 15)
        self.wait_until_gone("run", 15)
        self.assertGreaterEqual(self.saved_step("run"), 3)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: ranks_test.py PROGRAM CONFORMANCE [unittest arguments]")
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    ENVIRONMENT["METAPLASTIC"] = PROGRAM
    ENVIRONMENT["METAPLASTIC_MPIRUN_FLAGS"] = "-q --oversubscribe"
    CONFORMANCE = str(pathlib.Path(sys.argv.pop(1)).resolve())
    if shutil.which("mpirun") is None:
        print("ranks_test: skipped, mpirun is not here (openmpi-bin)")
        sys.exit(77)
    unittest.main()
