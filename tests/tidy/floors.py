"""Floors: a folder includes strictly lower floors and itself (ARCHITECTURE.md, "Floors")."""
import re

from source import Problem

FLOORS = [
    ("proto", 0), ("common/base", 0),
    ("common/env", 1), ("common/config", 1), ("common/metrics", 1), ("common/raft", 1),
    ("common/net", 2), ("common/engine", 2), ("common/errors", 2), ("common/disk", 2),
    ("common/raftlog", 3), ("common/rpc", 3),
    ("common/multiraft", 4), ("common/pdclient", 4),
    ("store", 5), ("pd", 5), ("client", 5),
    ("tests", 6),
]
FLOOR_OF = dict(FLOORS)

# common/raft is pure: what it may include besides itself and common/base.
RAFT_ABSEIL = re.compile(r"^absl/(container/(btree_\w+|inlined_vector)|status/\w+)\.h$")
RAFT_BANNED_STD = re.compile(
    r"^<(thread|mutex|shared_mutex|condition_variable|future|atomic|semaphore|barrier|latch|stop_token"
    r"|chrono|ctime|time\.h|random|fstream|filesystem|cstdio|stdio\.h|iostream|unordered_map|unordered_set"
    r"|sys/.*|unistd\.h|fcntl\.h|pthread\.h)>$")
STD = re.compile(r"^<[a-z_0-9]+>$")


def folder_of(path):
    """The folder with a floor that `path` lies in, or None."""
    parts = path.split("/")
    for depth in (2, 1):
        folder = "/".join(parts[:depth])
        if len(parts) > depth and folder in FLOOR_OF:
            return folder
    return None


def target_of(tree, header, proto_folders):
    """The folder that an included header belongs to, or None when it is not the project's."""
    if header.startswith("<"):
        return None
    if header.endswith(".pb.h") or header.split("/")[0] in proto_folders:
        return "proto"
    return folder_of(header)


def check(tree):
    proto_folders = {p.split("/")[1] for p in tree.paths if p.startswith("proto/") and p.count("/") > 1}
    for path in tree.cpp:
        folder = folder_of(path)
        if folder is None:
            yield Problem("floors", path, "folder", 1, "lies in no folder that has a floor: add it to"
                          " ARCHITECTURE.md and tests/tidy/floors.py")
            continue
        for line, header in tree.includes(path):
            target = target_of(tree, header, proto_folders)
            if folder == "common/raft":
                yield from check_raft(path, line, header, target)
            if target is None or target == folder:
                continue
            if FLOOR_OF[target] >= FLOOR_OF[folder] and folder != "tests":
                yield Problem("floors", path, header, 1, f"{folder} (floor {FLOOR_OF[folder]}) includes"
                              f" {header} of {target} (floor {FLOOR_OF[target]}): only lower floors", line)


def check_raft(path, line, header, target):
    if target in ("common/raft", "common/base"):
        return
    if RAFT_ABSEIL.match(header) or (STD.match(header) and not RAFT_BANNED_STD.match(header)):
        return
    yield Problem("floors", path, header, 1, f"common/raft includes {header}: only common/base, the pure"
                  " part of the standard library and abseil's btree, inlined_vector and status", line)
