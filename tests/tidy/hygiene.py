"""Hygiene: include guards, dead files, formatting, scripts that parse; links, paths and tests that the docs name."""
import ast
import json
import pathlib
import re
import subprocess

from source import Problem

CLANG_FORMAT = "clang-format-14"
INSTALLED = "client/include/"


def check(tree):
    yield from check_guards(tree)
    yield from check_dead_files(tree)
    yield from check_scripts(tree)
    yield from check_docs(tree)
    yield from check_named_tests(tree)


def guard_of(path):
    """FLOTILLA_ and the path; an installed header's path is the one that its users write."""
    if path.startswith(INSTALLED):
        return re.sub(r"[^A-Z0-9]", "_", path.removeprefix(INSTALLED).upper()) + "_"
    return "FLOTILLA_" + re.sub(r"[^A-Z0-9]", "_", path.upper()) + "_"


def check_guards(tree):
    for path in tree.cpp:
        if not path.endswith(".h"):
            continue
        guard = guard_of(path)
        text = tree.text(path)
        if not (f"#ifndef {guard}\n#define {guard}\n" in text and text.rstrip().endswith(f"#endif  // {guard}")):
            yield Problem("guard", path, "guard", 1, f"must have the include guard {guard}")


def compiled_files(tree):
    commands = json.loads((tree.build_dir / "compile_commands.json").read_text())
    files = set()
    for command in commands:
        file = pathlib.Path(command["directory"], command["file"]).resolve()
        if file.is_relative_to(tree.root.resolve()):
            files.add(str(file.relative_to(tree.root.resolve())))
    return files


def check_dead_files(tree):
    """A .cc that no target compiles, a .h that nobody includes."""
    included = {header for path in tree.cpp for _, header in tree.includes(path)}
    compiled = compiled_files(tree) if tree.build_dir else None
    for path in tree.cpp:
        if path.endswith(".h") and path not in included and not any(
                path.endswith("/" + header) for header in included if not header.startswith("<")):
            yield Problem("dead", path, "file", 1, "is included by nobody")
        # The example is built against the installed package, by its own test.
        if path.endswith(".cc") and compiled is not None and path not in compiled and "/example" not in path:
            yield Problem("dead", path, "file", 1, "is compiled by no target")


def check_format(tree, run=subprocess.run):
    """Formatting, by the one formatter. Apart from check(): it needs clang-format."""
    if not tree.cpp:
        return
    made = run([CLANG_FORMAT, "--dry-run", "--style=file", *tree.cpp], cwd=tree.root, capture_output=True,
               text=True, check=False)
    if made.returncode != 0 and "warning:" not in made.stderr:
        yield Problem("format", ".", CLANG_FORMAT, 1, f"{CLANG_FORMAT} failed: {made.stderr.strip()[:500]}")
    for path in sorted(set(re.findall(r"^(\S+?):\d+:\d+: (?:warning|error):", made.stderr, re.MULTILINE))):
        yield Problem("format", path, "format", 1, f"is not formatted: {CLANG_FORMAT} -i {path}")


def check_scripts(tree):
    for path in tree.paths:
        if path.endswith(".py"):
            try:
                ast.parse(tree.text(path))
            except SyntaxError as error:
                yield Problem("script", path, "syntax", 1, f"line {error.lineno}: {error.msg}")
        elif "." not in path.split("/")[-1] or path.endswith(".sh"):
            if re.match(r"#!.*\bbash\b", tree.text(path)):
                made = subprocess.run(["bash", "-n", str(tree.root / path)], capture_output=True, text=True,
                                      check=False)
                if made.returncode:
                    yield Problem("script", path, "syntax", 1, made.stderr.strip())


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^(common|store|pd|client|tests|deploy|docs|proto|cmake|\.ci)/[\w.{},/*-]+$")


def anchors(text):
    found = set()
    for title in re.findall(r"^#+\s+(.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", title.replace("`", "").lower())
        found.add(re.sub(r"\s", "-", plain.strip()))
    return found


def exists(tree, path):
    """`path` may lack its suffix, end with a slash, or hold {a,b} and *."""
    match = re.search(r"\{([^}]*)\}", path)
    if match:
        return all(exists(tree, path[:match.start()] + part + path[match.end():])
                   for part in match.group(1).split(","))
    path = path.rstrip("/")
    if "*" in path:
        return any(tree.root.glob(path))
    return (tree.root / path).exists() or any(tree.root.glob(path + ".*"))


def check_docs(tree):
    for path in tree.cpp:
        for page in set(re.findall(r"\bdocs/\w+\.md\b", tree.text(path))):
            if not exists(tree, page):
                yield Problem("link", path, page, 1, f"names {page}, which is not there")
    for path in tree.paths:
        if not path.endswith(".md"):
            continue
        text = re.sub(r"^```.*?^```", "", tree.text(path), flags=re.MULTILINE | re.DOTALL)
        for link in LINK.findall(text):
            problem = check_link(tree, path, link)
            if problem:
                yield Problem("link", path, link, 1, problem)
        for span in CODE_SPAN.findall(text):
            if PATH.match(span) and not exists(tree, span):
                yield Problem("link", path, span, 1, f"names {span}, which is not there")


def check_link(tree, path, link):
    if re.match(r"[a-z]+:", link):
        return None
    file, _, anchor = link.partition("#")
    target = tree.root / pathlib.Path(path).parent / file if file else tree.root / path
    if not target.exists():
        return f"links to {link}, which is not there"
    if anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
        return f"links to {link}, which has no such heading"
    return None


TEST_CASE = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
SIMULATED_FAULT = re.compile(r'<\w*Fault>\(\s*"([\w-]+)"')
CHAOS_FAULT = re.compile(r'(?:\{|Partition\()\s*"([a-z-]+)",')
NAMED_TEST = re.compile(r"^\w+Test\.\w+$|^flotilla-(?:sim|chaos) [a-z][\w-]*$")


def check_named_tests(tree):
    """What a page names exists: a test case (`Suite.Case`), a fault (`flotilla-sim fault`, `flotilla-chaos fault`)."""
    known = set()
    for path in tree.cpp:
        if path.startswith("tests/"):
            known.update(".".join(case) for case in TEST_CASE.findall(tree.text(path)))
            known.update(f"flotilla-sim {fault}" for fault in SIMULATED_FAULT.findall(tree.text(path)))
        if path.startswith("tests/cluster/chaos/"):
            known.update(f"flotilla-chaos {fault}" for fault in CHAOS_FAULT.findall(tree.text(path)))
    for path in tree.paths:
        if path.endswith(".md"):
            for span in CODE_SPAN.findall(tree.text(path)):
                if NAMED_TEST.match(span) and span not in known:
                    yield Problem("named-test", path, span, 1, f"names the test {span}, which is not there")
