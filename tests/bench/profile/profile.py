#!/usr/bin/env python3
"""Where the time and the CPU of a write and of a read go, by stage.

usage: profile.py [--build-dir DIR] [--clients N] [--value-size BYTES] [--seconds S] [--write-docs] ...

One PD member and three stores on this machine with default options, one region. Time by stage is what
the store that leads the region counts in its own metrics; CPU is that of each thread, from /proc. Where
`perf` (Debian's linux-perf) is installed, the stores' CPU is told by library, too, from a run of its own.
"""
import argparse
import collections
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench_docs import machine, write_docs  # noqa: E402
from processes import TICKS_A_SECOND, Flotilla, pids_of, wait_until_quiet  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
STAGES = (
    ("wait for the raft worker", 'flotilla_raft_write_stage_seconds{stage="propose"}'),
    ("proposal to commit", 'flotilla_raft_write_stage_seconds{stage="commit"}'),
    ("... of it one write and sync of the log", "flotilla_raftlog_write_seconds"),
    ("commit to visible", 'flotilla_raft_write_stage_seconds{stage="apply"}'),
)
THREADS = (
    ("rpc", "gRPC: requests, answers, Raft messages", r"rpc"),
    ("raft", "Raft of all regions", r"raft-\d+"),
    ("log-writer", "log: engine write and sync", r"log-writer"),
    ("apply", "data: engine write, callbacks", r"apply-\d+"),
    ("rocksdb", "flush and compaction", r"rocksdb.*"),
    ("others", "ticks, heartbeats, gRPC's own", r".*"),
)


@dataclasses.dataclass(frozen=True)
class Point:
    clients: int
    value_size: int


@dataclasses.dataclass
class Snapshot:
    """Of one store: {thread: [user ticks, system ticks]} and {metric: value}."""
    threads: dict
    metrics: dict


def kind_of(thread):
    return next(name for name, _, pattern in THREADS if re.fullmatch(pattern, thread))


def snapshot(pid, status_port):
    threads = collections.defaultdict(lambda: [0.0, 0.0])
    for task in pathlib.Path("/proc", str(pid), "task").iterdir():
        stat = (task / "stat").read_text().rsplit(")", 1)[1].split()
        spent = threads[kind_of((task / "comm").read_text().strip())]
        spent[0] += int(stat[11])
        spent[1] += int(stat[12])
    with urllib.request.urlopen(f"http://127.0.0.1:{status_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    metrics = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return Snapshot(threads, {name: float(value) for name, value in metrics.items()})


def moved(before, after, name):
    return after.metrics.get(name, 0.0) - before.metrics.get(name, 0.0)


def histogram_mean_us(before, after, name):
    """The mean of what was observed meanwhile, in microseconds; None where nothing was."""
    base, labels = (name.split("{", 1) + [""])[:2]
    labels = "{" + labels if labels else ""
    count = moved(before, after, f"{base}_count{labels}")
    return 1e6 * moved(before, after, f"{base}_sum{labels}") / count if count else None


class Profile:
    """One workload by one transport, measured."""

    def __init__(self, system, workload, client, options):
        self.workload, self.client = workload, client
        point = Point(options.clients, options.value_size)
        command = system.command(workload, point, options.seconds, options.keys, client)
        pids = pids_of("flotilla-store", system.data)
        stores = [(pid, status_port_of(pid)) for pid in pids]
        run_client(system.command(workload, point, 1, options.keys, client))
        before = [snapshot(*store) for store in stores]
        self.answer = run_client(command)
        after = [snapshot(*store) for store in stores]
        pairs = sorted(zip(before, after), key=lambda pair: -self.work_of(*pair))
        self.leader, self.followers = pairs[0], pairs[1:]
        self.libraries = cpu_by_library(pids, command) if shutil.which("perf") else {}

    @staticmethod
    def work_of(before, after):
        return sum(sum(after.threads[kind]) - sum(before.threads[kind]) for kind in ("rpc", "apply"))

    def cpu_us(self, pair, kind, part=slice(0, 2)):
        """CPU of a thread an operation; `part` picks user or system time."""
        before, after = pair
        ticks = sum(after.threads[kind][part]) - sum(before.threads[kind][part])
        return 1e6 * ticks / TICKS_A_SECOND / self.answer["operations"]

    def stages(self):
        found = [(title, histogram_mean_us(*self.leader, metric)) for title, metric in STAGES]
        return [(title, mean) for title, mean in found if mean is not None]

    def rows(self):
        for kind, what, _ in THREADS:
            leader = self.cpu_us(self.leader, kind)
            follower = sum(self.cpu_us(pair, kind) for pair in self.followers) / len(self.followers)
            kernel = sum(self.cpu_us(pair, kind, slice(1, 2)) for pair in [self.leader] + self.followers)
            total = leader + follower * len(self.followers)
            if total >= 0.05:
                yield kind, what, leader, follower, kernel / total


def status_port_of(pid):
    words = pathlib.Path("/proc", str(pid), "cmdline").read_bytes().decode().split("\0")
    return int(words[words.index("--status-address") + 1].rsplit(":", 1)[1])


def run_client(command):
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in made.stdout.splitlines() if line.startswith("{")]
    if made.returncode != 0 or not lines:
        sys.exit(f"profile: {' '.join(command)} ended with {made.returncode}:\n{made.stdout}{made.stderr}")
    return json.loads(lines[-1])


def cpu_by_library(pids, command):
    """{library: its part of the stores' CPU}."""
    with tempfile.TemporaryDirectory() as work, subprocess.Popen(command, stdout=subprocess.DEVNULL) as client:
        data = pathlib.Path(work, "perf.data")
        subprocess.run(["perf", "record", "-e", "cpu-clock", "-F", "2000", "-o", data, "-p",
                        ",".join(map(str, pids)), "--", "sleep", "3"], check=True, capture_output=True)
        report = subprocess.run(["perf", "report", "-i", data, "--sort", "dso", "--stdio"], check=True,
                                capture_output=True, text=True).stdout
        client.wait()
    parts = {}
    for percent, library in re.findall(r"^\s*([\d.]+)%\s+(\S+)", report, re.MULTILINE):
        parts[re.sub(r"\.so[.\d]*$", "", library).strip("[]")] = float(percent)
    return parts


def report(profiles, options):
    parts = [f"Machine: {machine()}.", "",
             f"Command: `tests/bench/profile/run`; one region, {options.clients} operations in flight,"
             f" {options.value_size} B values, {options.keys} keys, {options.seconds} s each. CPU is microseconds"
             " an operation; kernel is its part in the kernel."]
    for profile in profiles:
        answer = profile.answer
        parts += ["", f"### A {profile.workload}, {profile.client}", "",
                  f"{answer['per_second']:,.0f} a second, {answer['mean_us']:,.0f} us each at the client."]
        if profile.stages():
            parts += ["", "| stage on the leader | mean us |", "|---|---|"]
            parts += [f"| {title} | {mean:,.0f} |" for title, mean in profile.stages()]
        parts += ["", "| thread | what it does | leader us/op | a follower us/op | kernel |", "|---|---|---|---|---|"]
        parts += [f"| `{kind}` | {what} | {leader:.1f} | {follower:.1f} | {kernel:.0%} |"
                  for kind, what, leader, follower, kernel in profile.rows()]
        largest = sorted(profile.libraries.items(), key=lambda item: -item[1])[:8]
        if largest:
            parts += ["", "CPU by library: " + ", ".join(f"{name} {part:.0f} %" for name, part in largest) + "."]
    return "\n".join(parts)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build", help="where bin/flotilla is")
    parser.add_argument("--write-docs", action="store_true", help="puts the tables into docs/benchmarks.md")
    parser.add_argument("--clients", type=int, default=64, help="operations in flight")
    parser.add_argument("--value-size", type=int, default=128, help="in bytes")
    parser.add_argument("--keys", type=int, default=20000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--port-base", type=int, default=27379)
    return parser.parse_args()


def main():
    options = parse_options()
    options.work = pathlib.Path(tempfile.mkdtemp(prefix="profile.", dir="/var/tmp"))
    system = Flotilla(options)
    profiles = []
    try:
        system.start()
        point = Point(options.clients, options.value_size)
        run_client(system.command("fill", point, 0, options.keys, "batch"))
        for workload in ("write", "read"):
            for client in system.clients:
                wait_until_quiet(system.pids())
                profiles.append(Profile(system, workload, client, options))
    finally:
        system.stop()
        shutil.rmtree(options.work, ignore_errors=True)
    text = report(profiles, options)
    print(text)
    if options.write_docs:
        write_docs("profile", text)


if __name__ == "__main__":
    main()
