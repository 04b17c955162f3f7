"""Bans: what must not be written, and what to write instead."""
import dataclasses
import re

from source import Problem


@dataclasses.dataclass(frozen=True)
class Ban:
    name: str
    pattern: str
    instead: str
    allowed: tuple = ()  # prefixes of paths, or names of files after a slash
    only: tuple = ()  # prefixes; empty: everywhere
    headers_only: bool = False

    def applies(self, path):
        if self.headers_only and not path.endswith(".h"):
            return False
        if self.only and not path.startswith(self.only):
            return False
        return not any(path.startswith(a) or path.endswith("/" + a) for a in self.allowed)


# In C++ code, comments and literals left out.
CODE = [
    Ban("absl-mutex", r"\babsl::(Mutex|MutexLock|CondVar|Notification)\b", "Mutex of common/base/mutex.h"),
    Ban("std-mutex", r"\bstd::(recursive_|shared_)?(mutex|condition_variable(_any)?)\b",
        "Mutex and CondVar of common/base/mutex.h: annotated for clang", ("common/base/mutex.h", "tests/")),
    Ban("thread", r"\b(std::(thread|jthread|async)\b(?!::id)|pthread_create\b)", "a Stage of common/env/stage.h",
        ("common/env/", "common/rpc/", "main.cc", "tests/")),
    Ban("sleep", r"\b(std::this_thread::)?(sleep_for|sleep_until|usleep|nanosleep|absl::SleepFor)\b|(?<![\w.>])sleep\s*\(",
        "a condition with a deadline: CondVar::WaitFor, Stage::next_deadline or poll"),
    Ban("clock", r"\b(steady_clock|system_clock|high_resolution_clock)\b|\b(clock_gettime|gettimeofday|absl::Now)\s*\("
        r"|(?<![\w.>])time\s*\(\s*(NULL|nullptr|0)\s*\)", "an env::Clock that comes in by constructor",
        ("common/env/clock.cc", "tests/cluster/chaos/clock_shim.cc")),
    Ban("random", r"\bstd::random_device\b|(?<![\w.>:])(std::)?s?rand\s*\(", "an env::Random that comes in by constructor",
        ("common/env/random.cc",)),
    Ban("random-engine", r"\bstd::(mt19937(_64)?|default_random_engine|minstd_rand0?)\b",
        "an env::Random that comes in by constructor", ("tests/",)),
    Ban("friend", r"\bfriend\s+(class|struct)\b", "a public method, or a nested class"),
    Ban("using-namespace", r"\busing\s+namespace\b", "names in full: a header's `using` reaches everybody",
        headers_only=True),
    Ban("singleton", r"(?<!UnitTest::)\bGetInstance\b|\bSingleton\b|\bInstance\s*\(\s*\)", "an object passed by constructor"),
    Ban("thread-local", r"\bthread_local\b", "state of the stage or object that owns it"),
    Ban("assert", r"(?<![\w.])assert\s*\(", "CHECK of common/base/check.h: on in release too"),
    # A simulated process ends in the midst of what it does, which has no answer to go on with.
    Ban("throw", r"\bthrow\b", "absl::Status", ("tests/sim/node/process.h",)),
    Ban("skip", r"\bGTEST_SKIP\b|\bDISABLED_\w+", "a test that runs: what is not run is not tested"),
    Ban("hash-order", r"\bflat_hash_(map|set)\b|\bnode_hash_(map|set)\b|\bunordered_(map|set)\b",
        "absl::btree_map: the order of a hash container differs from run to run",
        only=("common/raft/", "pd/schedule/")),
    Ban("pragma-once", r"#\s*pragma\s+once", "an include guard"),
]

# In the whole text of every text file.
TEXT = [
    Ban("todo", r"\b(TODO|FIXME|XXX|HACK)\b", "finished work, or a sentence in the docs of what is not done",
        ("tests/tidy/", "CONTRIBUTING.md")),
    Ban("machine-path", r"(?<![\w.$}>])/(home|root|Users)/\w+", "a path from the repository's root",
        ("tests/tidy/",)),
]

TEXT_SUFFIXES = (".h", ".cc", ".proto", ".py", ".go", ".md", ".txt", ".cmake", ".toml", ".sh", "run",
                 "quickstart", "install-packages")
BAD_NAME = re.compile(r"(^|_)(util|utils|helper|helpers|misc|common)\.(h|cc|py|go)$")


def find(ban, text):
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(ban.pattern, line):
            yield number


def check_bans(path, bans, text):
    for ban in bans:
        if not ban.applies(path):
            continue
        lines = list(find(ban, text))
        if lines:
            where = ", ".join(str(n) for n in lines[:5])
            yield Problem("ban", path, ban.name, len(lines),
                          f"line {where}: {ban.name} is banned: use {ban.instead}", lines[0])


def mutable_statics(tree, path):
    for block in tree.blocks(path):
        if block.kind != "statement":
            continue
        in_function = block.scope in ("function", "other")
        text = re.sub(r"\s+", " ", block.head)
        if in_function and re.match(r"static (?!const\b|constexpr\b|auto\* const )", text):
            yield block.first_line
        if block.scope == "namespace" and "(" not in text and re.match(
                r"(static|inline) (?!const\b|constexpr\b|namespace\b)[\w:<>,* ]+ \w+( = .*)?$", text):
            yield block.first_line


def check(tree):
    for path in tree.cpp:
        yield from check_bans(path, CODE, tree.code(path))
        lines = list(mutable_statics(tree, path))
        if lines:
            yield Problem("ban", path, "mutable-static", len(lines),
                          f"line {lines[0]}: mutable static is banned: use a member", lines[0])
    for path in tree.paths:
        if path.endswith(TEXT_SUFFIXES):
            yield from check_bans(path, TEXT, tree.text(path))
        if BAD_NAME.search(path.split("/")[-1]):
            yield Problem("ban", path, "name", 1, "is a drawer, not a noun: name the file for what is in it")
