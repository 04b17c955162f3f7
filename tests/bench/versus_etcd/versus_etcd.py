#!/usr/bin/env python3
"""Flotilla beside Debian's etcd on one machine, in turns, and a table of ratios.

usage: versus_etcd.py [--build-dir DIR] [--quick] [--only etcd|flotilla] [--write-docs] ...

Three members of etcd against one PD member and three stores of Flotilla; both sync every write. Each
system is driven by one client process with the same number of operations in flight: etcd by its Go
client, Flotilla by its SDK over batch streams, and once more with unary RPCs. Throughput and latency
are the client's; CPU, bytes written to disk and resident memory are those of the servers, from /proc.

Every cell starts from a fresh cluster that was filled with all keys. Reads follow a restart: after a
burst of writes etcd's linearizable reads fall to a third.
"""
import argparse
import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench_docs import machine, write_docs  # noqa: E402
from processes import Etcd, Flotilla, Usage, usage_of, wait_until_quiet  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORKLOADS = ("write", "read", "mixed")
CLIENTS = (1, 16, 64, 256)
VALUE_SIZES = (128, 1024)


@dataclasses.dataclass(frozen=True)
class Point:
    workload: str
    value_size: int
    clients: int


@dataclasses.dataclass
class Measured:
    operations: int
    seconds: float
    p50_us: float
    p99_us: float
    usage: Usage

    @property
    def rate(self):
        return self.operations / self.seconds

    @property
    def cpu_us(self):
        return 1e6 * self.usage.cpu_seconds / self.operations

    @property
    def disk_bytes(self):
        return self.usage.disk_bytes / self.operations


def run_client(command):
    """The client's line of JSON."""
    made = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    lines = [line for line in made.stdout.splitlines() if line.startswith("{")]
    if made.returncode != 0 or not lines:
        sys.exit(f"versus_etcd: {' '.join(map(str, command))} ended with {made.returncode}:\n"
                 f"{made.stdout}{made.stderr}")
    return json.loads(lines[-1])


def measure(system, point, client, options):
    run_client(system.command(point.workload, point, options.warm_up, options.keys, client))
    before = usage_of(system.pids())
    answer = run_client(system.command(point.workload, point, options.seconds, options.keys, client))
    used = usage_of(system.pids()).since(before)
    failed = answer["errors"] + answer.get("undetermined", 0)
    if failed:
        sys.exit(f"versus_etcd: {system.name} {point}: {failed} operations failed")
    return Measured(answer["operations"], answer["seconds"], answer["p50_us"], answer["p99_us"], used)


def measure_system(system, workload, value_size, options):
    """{(point, client): Measured} of one system, on a cluster of its own."""
    results = {}
    for client in system.clients:
        shutil.rmtree(system.data, ignore_errors=True)
        system.start()
        try:
            fill = Point(workload, value_size, 64)
            run_client(system.command("fill", fill, 0, options.keys, client))
            if workload == "read":
                system.restart()
            wait_until_quiet(system.pids())
            for clients in options.clients:
                point = Point(workload, value_size, clients)
                results[(point, client)] = found = measure(system, point, client, options)
                print(f"{system.name:9} {client:6} {workload:6} {value_size:5} B {clients:4} clients:"
                      f" {found.rate:9.0f}/s  p50 {found.p50_us:7.0f} us  p99 {found.p99_us:7.0f} us"
                      f"  cpu {found.cpu_us:6.1f} us  disk {found.disk_bytes:6.0f} B"
                      f"  rss {found.usage.resident_bytes / 2**20:5.0f} MiB", flush=True)
        finally:
            system.stop()
    shutil.rmtree(system.data, ignore_errors=True)
    return results


def ratio(mine, theirs):
    return f"{mine / theirs:.2f}" if theirs else "-"


def table(client, etcd, flotilla):
    lines = [
        "| workload | value | in flight | etcd ops/s | Flotilla ops/s | ratio | p50 us | p99 us | CPU us/op | disk B/op"
        " | RSS MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|"]
    for (point, _), theirs in etcd.items():
        mine = flotilla.get((point, client))
        if mine is None:
            continue

        def both(name, digits=0):
            their, our = getattr(theirs, name), getattr(mine, name)
            return f"{their:.{digits}f} / {our:.{digits}f} ({ratio(our, their)})"
        memory = [m.usage.resident_bytes / 2**20 for m in (theirs, mine)]
        lines.append(
            f"| {point.workload} | {point.value_size} B | {point.clients} | {theirs.rate:.0f} | {mine.rate:.0f}"
            f" | **{ratio(mine.rate, theirs.rate)}** | {both('p50_us')} | {both('p99_us')} | {both('cpu_us', 1)}"
            f" | {both('disk_bytes')} | {memory[0]:.0f} / {memory[1]:.0f} ({ratio(memory[1], memory[0])}) |")
    return "\n".join(lines)


def etcd_version():
    made = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=False)
    return (made.stdout.splitlines() or ["etcd"])[0]


def report(etcd, flotilla, options):
    parts = [f"Machine: {machine()}; {etcd_version()}.", "",
             f"Command: `tests/bench/versus_etcd/run{' --quick' if options.quick else ''}`;"
             f" {options.keys} keys, {options.warm_up} s of warm-up and {options.seconds} s a cell. Pairs are"
             " etcd / Flotilla with Flotilla's part of etcd's in brackets; CPU, disk and memory are the sums"
             " of all server processes."]
    for client, title in (("batch", "Flotilla's client over batch streams"), ("unary", "Unary RPCs on both sides")):
        parts += ["", f"### {title}", "", table(client, etcd, flotilla)]
    return "\n".join(parts)


def build_etcd_load(work):
    target = work / "etcd_load"
    subprocess.run(["go", "build", "-o", target, "."], cwd=pathlib.Path(__file__).parent / "etcd_load", check=True)
    return target


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build", help="where bin/flotilla is")
    parser.add_argument("--quick", action="store_true", help="128 B, 64 operations in flight, short")
    parser.add_argument("--only", choices=("etcd", "flotilla"), help="measures one side, makes no table")
    parser.add_argument("--write-docs", action="store_true", help="puts the table into docs/benchmarks.md")
    parser.add_argument("--keys", type=int, default=20000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--port-base", type=int, default=27379)
    parser.add_argument("--work", type=pathlib.Path, help="for data: on a disk, not in memory; else a new folder in /var/tmp")
    options = parser.parse_args()
    options.clients = (64,) if options.quick else CLIENTS
    options.value_sizes = (128,) if options.quick else VALUE_SIZES
    if options.quick:
        options.seconds = min(options.seconds, 3)
    return options


def main():
    options = parse_options()
    own_work = options.work is None
    options.work = options.work or pathlib.Path(tempfile.mkdtemp(prefix="versus-etcd.", dir="/var/tmp"))
    options.etcd_load = build_etcd_load(options.work)
    systems = [s for s in (Etcd(options), Flotilla(options)) if options.only in (None, s.name)]
    results = {system.name: {} for system in systems}
    try:
        for workload in options.workloads:
            for value_size in options.value_sizes:
                for system in systems:
                    results[system.name].update(measure_system(system, workload, value_size, options))
    finally:
        if own_work:
            shutil.rmtree(options.work, ignore_errors=True)
    if options.only is None:
        text = report(results["etcd"], results["flotilla"], options)
        print("\n" + text)
        if options.write_docs:
            write_docs("versus_etcd", text)


if __name__ == "__main__":
    main()
