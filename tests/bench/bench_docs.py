"""What the benchmarks that write docs/benchmarks.md share."""
import pathlib
import platform
import re

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"model name\s*:\s*(.*)", info)
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) / 2**20
    return (f"{info.count(chr(10) + 'processor') + info.startswith('processor')} cores of"
            f" {cpu.group(1) if cpu else platform.processor()}, {memory:.0f} GiB of memory,"
            f" Linux {platform.release().split('-')[0]}")


def write_docs(name, text):
    """Puts `text` between the marks of `name` in docs/benchmarks.md."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    document = DOCS.read_text()
    before, rest = document.split(begin)
    DOCS.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")
