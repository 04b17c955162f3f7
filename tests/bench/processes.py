"""Server processes under measurement: what they used, from /proc."""
import dataclasses
import os
import pathlib
import signal
import subprocess
import time

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Usage:
    """Sums over all processes of one system."""
    cpu_seconds: float = 0.0
    disk_bytes: int = 0
    resident_bytes: int = 0

    def since(self, before):
        return Usage(self.cpu_seconds - before.cpu_seconds, self.disk_bytes - before.disk_bytes,
                     self.resident_bytes)


def usage_of(pids):
    total = Usage()
    for pid in pids:
        proc = pathlib.Path("/proc", str(pid))
        # The name in parentheses may hold spaces: fields are counted after it.
        stat = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        total.cpu_seconds += (int(stat[11]) + int(stat[12])) / TICKS_A_SECOND
        io = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())
        total.disk_bytes += int(io["write_bytes"])
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        total.resident_bytes += int(status["VmRSS"].split()[0]) * 1024
    return total


def pids_of(program, data):
    """The processes whose program has this name and whose command line names the data directory."""
    found = []
    for proc in pathlib.Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            words = (proc / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words and pathlib.Path(words[0]).name == program and any(str(data) in word for word in words):
            found.append(int(proc.name))
    return sorted(found)


class Etcd:
    """Three members of Debian's etcd on this machine; every write is synced, as by default."""
    name = "etcd"
    clients = ("unary",)

    def __init__(self, options):
        self.load = options.etcd_load
        self.data = options.work / "etcd"
        self.ports = [options.port_base + 100 + 10 * i for i in range(3)]
        self.processes = []

    @property
    def endpoints(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        cluster = ",".join(f"m{i}=http://127.0.0.1:{port + 1}" for i, port in enumerate(self.ports))
        for i, port in enumerate(self.ports):
            client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
            with (self.data / f"m{i}.log").open("ab") as log:
                self.processes.append(subprocess.Popen(
                    ["etcd", "--name", f"m{i}", "--data-dir", str(self.data / f"m{i}"),
                     "--listen-client-urls", client, "--advertise-client-urls", client,
                     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                     "--initial-cluster", cluster, "--initial-cluster-state", "new",
                     "--quota-backend-bytes", str(8 << 30), "--logger", "zap", "--log-level", "error"],
                    stdout=log, stderr=log))
        subprocess.run([self.load, "--endpoints", self.endpoints, "--workload", "wait"], check=True)

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)
        self.processes = []

    def restart(self):
        self.stop()
        self.start()

    def pids(self):
        return [process.pid for process in self.processes]

    def command(self, workload, point, seconds, keys, client):
        del client
        return [self.load, "--endpoints", self.endpoints, "--workload", workload,
                "--clients", str(point.clients), "--value-size", str(point.value_size),
                "--seconds", str(seconds), "--keys", str(keys)]


class Flotilla:
    """One PD member and three stores on this machine, by `flotilla up`, with default options."""
    name = "flotilla"
    clients = ("batch", "unary")

    def __init__(self, options):
        self.program = options.build_dir / "bin" / "flotilla"
        self.data = options.work / "flotilla"
        self.port = options.port_base

    def start(self):
        subprocess.run([self.program, "up", "--stores", "3", "--pds", "1", "--data", self.data,
                        "--port-base", str(self.port), "--detach"], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        if self.data.exists():
            subprocess.run([self.program, "down", "--data", self.data], check=True,
                           stdout=subprocess.DEVNULL)

    def restart(self):
        self.stop()
        self.start()

    def pids(self):
        return pids_of("flotilla-pd", self.data) + pids_of("flotilla-store", self.data)

    def command(self, workload, point, seconds, keys, client):
        command = [str(self.program), "--pd", f"127.0.0.1:{self.port}", "--json"]
        command += ["--unary"] if client == "unary" else []
        command += ["bench", "--concurrency", str(point.clients), "--value-size", str(point.value_size),
                   "--keys", str(keys)]
        if workload == "fill":
            return command + ["--workload", "load"]
        return command + ["--workload", workload, "--duration", f"{seconds}s", "--no-load"]


def wait_until_quiet(pids, seconds=2.0):
    """Compactions and elections after a start or a fill shall not count for what comes next."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        before = usage_of(pids)
        time.sleep(seconds)
        used = usage_of(pids).since(before)
        if used.cpu_seconds < 0.1 * seconds * len(pids):
            return
