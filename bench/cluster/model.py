#!/usr/bin/env python3
"""Discrete-event model of meta-training on many ranks (docs/distributed.md has what it predicts).

usage: bench/cluster/model.py MEASURED.json [--ranks 1,8,64,512,4096] [--mode sync|async] [--link NAME]
                              [--batch N] [--cores N] [--combine N] [--updates N] [--json FILE]

What happens in the program happens here, event by event, with measured times in the place of work:
- rank 0 sends theta down a binary tree of ranks, each passing two copies on through its link;
- a rank runs truncations one after the other, on cores that it shares with the ranks of its host;
- a report goes over the link into rank 0, one at a time, and is added up by rank 0, one at a time;
- synchronous: an update waits for one truncation of each trajectory; asynchronous: for --batch
  reports, whoever sends them, while ranks go on with the newest theta they have.

MEASURED.json (bench/cluster/measure.py makes it) holds: truncation_s, a list of seconds on a free
core; theta_bytes and report_bytes; reduce_s per report and update_s per update, on rank 0's core;
links: name -> {latency_s, bytes_per_s}.
--combine N: N ranks of a host add their reports up before one of them sends the sum. The program does
not do that; the model says what it would bring.
"""
import argparse
import collections
import heapq
import itertools
import json
import pathlib
import random
import sys


class Simulation:
    """Events in the order of their times; equal times in the order of their making."""

    def __init__(self):
        self.now = 0.0
        self.events = []
        self.counter = itertools.count()

    def at(self, time, action, *arguments):
        heapq.heappush(self.events, (time, next(self.counter), action, arguments))

    def run_until(self, done):
        while not done():
            self.now, _, action, arguments = heapq.heappop(self.events)
            action(*arguments)


class Server:
    """Serves one after the other, first come first served."""

    def __init__(self, simulation):
        self.simulation = simulation
        self.free_at = 0.0
        self.busy = 0.0

    def serve(self, seconds):
        """The time at which a job that comes now is done."""
        self.free_at = max(self.free_at, self.simulation.now) + seconds
        self.busy += seconds
        return self.free_at


class Host:
    """Cores that are shared out evenly among the jobs running on them (as the kernel does it)."""

    def __init__(self, simulation, cores):
        self.simulation = simulation
        self.cores = cores
        self.jobs = {}  # number -> [seconds of work left, action]
        self.numbers = itertools.count()
        self.updated = 0.0
        self.epoch = 0  # of the event that is still valid

    def rate(self):
        return min(1.0, self.cores / len(self.jobs)) if self.jobs else 0.0

    def advance(self):
        worked = (self.simulation.now - self.updated) * self.rate()
        for job in self.jobs.values():
            job[0] -= worked
        self.updated = self.simulation.now

    def schedule(self):
        self.epoch += 1
        if self.jobs:
            left = min(job[0] for job in self.jobs.values())
            self.simulation.at(self.simulation.now + max(0.0, left) / self.rate(), self.finish, self.epoch)

    def run(self, seconds, action):
        self.advance()
        self.jobs[next(self.numbers)] = [seconds, action]
        self.schedule()

    def finish(self, epoch):
        if epoch != self.epoch:
            return
        self.advance()
        done = [number for number, job in self.jobs.items() if job[0] <= 1e-9]
        actions = [self.jobs.pop(number)[1] for number in done]
        self.schedule()
        for action in actions:
            action()


class Job:
    """One run. num_slots trajectories over num_ranks ranks of one thread."""

    def __init__(self, measured, options, seed=1):
        self.measured = measured
        self.options = options
        self.random = random.Random(seed)
        self.simulation = Simulation()
        self.link = measured["links"][options.link]
        self.is_async = options.mode == "async"
        self.num_slots = max(options.batch, options.num_ranks)
        self.batch = options.batch if self.is_async else self.num_slots
        num_hosts = -(-options.num_ranks // options.ranks_per_host)
        self.hosts = [Host(self.simulation, options.cores) for _ in range(num_hosts)]
        self.root_link = Server(self.simulation)
        self.inbox = collections.deque()          # reports that wait for rank 0's core
        self.root_busy = False
        self.root_busy_s = 0.0
        self.version = 0
        self.known = [0] * options.num_ranks      # version of theta at each rank
        self.waiting = [0] * options.num_ranks    # truncations to do for this update (synchronous)
        self.staleness = []
        self.arrived = 0
        self.pending = {}                         # host -> reports waiting to be combined
        self.truncations = 0
        self.slow = {rank: options.slow_by for rank in range(options.num_slow)}

    def host_of(self, rank):
        return rank // self.options.ranks_per_host

    def slots_of(self, rank):
        return len(range(rank, self.num_slots, self.options.num_ranks))

    def transfer_s(self, size):
        return size / self.link["bytes_per_s"]

    def broadcast(self):
        """Down the tree: a rank passes theta on as soon as it has it. Rank 0's link also takes reports in."""
        copy_s = self.transfer_s(self.measured["theta_bytes"])
        arrival = [0.0] * self.options.num_ranks
        arrival[0] = self.simulation.now
        for rank in range(self.options.num_ranks):
            for place, child in enumerate((2 * rank + 1, 2 * rank + 2)):
                if child < self.options.num_ranks:
                    arrival[child] = arrival[rank] + (place + 1) * copy_s + self.link["latency_s"]
        for rank, time in enumerate(arrival):
            self.simulation.at(time, self.learn, rank, self.version)

    def learn(self, rank, version):
        first = self.known[rank] == 0 and version == 0 and not self.waiting[rank]
        self.known[rank] = max(self.known[rank], version)
        if self.is_async:
            if first:
                self.waiting[rank] = 1
                self.truncate(rank)
        else:
            self.waiting[rank] = self.slots_of(rank)
            if self.waiting[rank]:
                self.truncate(rank)

    def truncate(self, rank):
        seconds = self.random.choice(self.measured["truncation_s"]) * self.slow.get(rank, 1.0)
        version = self.known[rank]
        self.hosts[self.host_of(rank)].run(seconds, lambda: self.truncated(rank, version))

    def truncated(self, rank, version):
        self.truncations += 1
        self.report(rank, version)
        if self.is_async:
            self.truncate(rank)
        else:
            self.waiting[rank] -= 1
            if self.waiting[rank]:
                self.truncate(rank)

    def report(self, rank, version):
        """Over the link into rank 0, unless more reports of the host are to be added to it first."""
        host = self.host_of(rank)
        versions = self.pending.setdefault(host, [])
        versions.append(version)
        wanted = self.options.combine
        if not self.is_async:
            left = sum(self.waiting[r] for r in self.ranks_on(host)) - 1 if wanted > 1 else 0
            if left == 0:
                wanted = 1  # the last of this update
        if len(versions) < wanted:
            return
        del self.pending[host]
        size = self.measured["report_bytes"]
        if rank == 0:
            self.simulation.at(self.simulation.now, self.receive, versions)
        else:
            done = self.root_link.serve(self.transfer_s(size))
            self.simulation.at(done + self.link["latency_s"], self.receive, versions)

    def ranks_on(self, host):
        first = host * self.options.ranks_per_host
        return range(first, min(first + self.options.ranks_per_host, self.options.num_ranks))

    def receive(self, versions):
        self.inbox.append(versions)
        if not self.root_busy:
            self.reduce_next()

    def reduce_next(self):
        self.root_busy = bool(self.inbox)
        if self.inbox:
            self.spend(self.measured["reduce_s"], self.reduced, self.inbox.popleft())

    def spend(self, seconds, action, *arguments):
        self.root_busy_s += seconds
        self.simulation.at(self.simulation.now + seconds, action, *arguments)

    def reduced(self, versions):
        for version in versions:
            self.staleness.append(self.version - version)
        self.arrived += len(versions)
        if self.arrived >= self.batch:  # ahead of the reports that wait
            self.arrived -= self.batch
            self.spend(self.measured["update_s"], self.updated)
        else:
            self.reduce_next()

    def updated(self):
        self.version += 1
        self.broadcast()
        self.reduce_next()

    def run(self):
        """Figures of the updates after the first fifth, in which the pipeline fills."""
        total = self.options.updates
        warm = max(1, total // 5)
        self.broadcast()
        self.simulation.run_until(lambda: self.version >= warm)
        start, begun = self.simulation.now, self.truncations
        link_before, core_before = self.root_link.busy, self.root_busy_s
        del self.staleness[:]
        self.simulation.run_until(lambda: self.version >= total)
        seconds = self.simulation.now - start
        mean_s = sum(self.measured["truncation_s"]) / len(self.measured["truncation_s"])
        cores = sum(min(host.cores, len(self.ranks_on(n))) for n, host in enumerate(self.hosts))
        free = sum(1 / self.slow.get(rank, 1.0) for rank in range(self.options.num_ranks))
        possible = min(cores, free) / mean_s
        result = {
            "ranks": self.options.num_ranks,
            "mode": self.options.mode,
            "updates_per_s": (total - warm) / seconds,
            "truncations_per_s": (self.truncations - begun) / seconds,
            "efficiency": (self.truncations - begun) / seconds / possible,
            "used_per_s": (total - warm) * self.batch / seconds,
            "staleness_mean": sum(self.staleness) / max(1, len(self.staleness)),
            "staleness_max": max(self.staleness, default=0),
            "root_link": (self.root_link.busy - link_before) / seconds,
            "root_core": (self.root_busy_s - core_before) / seconds,
        }
        result["bottleneck"] = bottleneck(result)
        return result


def bottleneck(result):
    """What holds the job up most: a resource of rank 0 that is busy all the time, else the workers."""
    busiest = max(("root_link", "root_core"), key=lambda name: result[name])
    if result[busiest] > 0.9:
        return {"root_link": "rank 0's link", "root_core": "rank 0's core"}[busiest]
    if result["mode"] == "sync" and result["efficiency"] < 0.8:
        return "the slowest rank of each update"
    return "the truncations themselves"


def simulate(measured, **values):
    defaults = {"num_ranks": 1, "mode": "sync", "link": "shared-memory", "batch": 256, "cores": 1,
                "ranks_per_host": None, "combine": 1, "updates": 20, "num_slow": 0, "slow_by": 1.0}
    unknown = set(values) - set(defaults)
    if unknown:
        raise ValueError(f"unknown option {sorted(unknown)}; expected some of {sorted(defaults)}")
    options = argparse.Namespace(**{**defaults, **values})
    options.ranks_per_host = options.ranks_per_host or options.cores
    return Job(measured, options).run()


def load(path):
    measured = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    missing = {"truncation_s", "theta_bytes", "report_bytes", "reduce_s", "update_s", "links"} - set(measured)
    if missing:
        sys.exit(f"model.py: {path}: expected {', '.join(sorted(missing))} in it; make it with measure.py")
    return measured


def print_table(results):
    print("ranks  mode   updates/s  truncations/s  efficiency  staleness mean/max  link  core  limited by")
    for r in results:
        print(f"{r['ranks']:5}  {r['mode']:5}  {r['updates_per_s']:9.3f}  {r['truncations_per_s']:13.2f}  "
              f"{r['efficiency']:10.2f}  {r['staleness_mean']:9.2f} / {r['staleness_max']:4}    "
              f"{r['root_link']:.2f}  {r['root_core']:.2f}  {r['bottleneck']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured")
    parser.add_argument("--ranks", default="1,8,64,512,4096")
    parser.add_argument("--mode", choices=("sync", "async", "both"), default="both")
    parser.add_argument("--link", default="ethernet-10G", help="a name from the file's links")
    parser.add_argument("--batch", type=int, default=256, help="truncations per update")
    parser.add_argument("--cores", type=int, default=32, help="per host; one rank each")
    parser.add_argument("--combine", type=int, default=1)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    measured = load(arguments.measured)
    if arguments.link not in measured["links"]:
        sys.exit(f"model.py: --link: expected one of {', '.join(measured['links'])}, found {arguments.link}")
    modes = ("sync", "async") if arguments.mode == "both" else (arguments.mode,)
    results = [simulate(measured, num_ranks=int(ranks), mode=mode, link=arguments.link,
                        batch=arguments.batch, cores=arguments.cores, combine=arguments.combine,
                        updates=arguments.updates)
               for mode in modes for ranks in arguments.ranks.split(",")]
    print_table(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
