"""Sizes: the ugliness of a code base is in its worst five percent."""
import re

from source import Problem, split_parameters

FUNCTION_LINES = 70
LINE_COLUMNS = 100
MEMBERS = 20
CONSTRUCTOR_PARAMETERS = 6
# Suffix: (lines that need no entry in allow.txt, lines that no entry can allow).
FILE_LINES = {".cc": (500, 800), ".h": (250, 400), ".py": (500, 800), ".go": (500, 800)}
COLUMN_SUFFIXES = (".h", ".cc", ".proto")


def check(tree):
    for path in tree.paths:
        suffix = "." + path.rsplit(".", 1)[-1]
        lines = tree.text(path).count("\n") if suffix in FILE_LINES else 0
        if suffix in FILE_LINES:
            yield from check_file(path, lines, *FILE_LINES[suffix])
        if path.endswith(COLUMN_SUFFIXES):
            yield from check_columns(path, tree.text(path))
    for path in tree.cpp:
        yield from check_functions(path, tree.blocks(path))
        yield from check_constructors(path, tree.blocks(path))
        yield from check_members(path, tree.blocks(path))


def check_file(path, lines, soft, hard):
    if lines > hard:
        yield Problem("file-hard", path, "lines", lines, f"has {lines} lines: {hard} is the limit, no entry allows more")
    elif lines > soft:
        yield Problem("file", path, "lines", lines, f"has {lines} lines: more than {soft}")


def check_columns(path, text):
    # An include guard or a URL cannot be broken.
    long = [number for number, line in enumerate(text.splitlines(), 1)
            if len(line) > LINE_COLUMNS and not re.match(r"\s*#|.*https?://", line)]
    if long:
        yield Problem("columns", path, "lines", len(long),
                      f"line {long[0]}: {len(long)} lines longer than {LINE_COLUMNS} columns", long[0])


def function_name(head):
    test = re.match(r"(TEST\w*|TYPED_TEST\w*)\s*\(\s*(\w+)\s*,\s*(\w+)", head)
    if test:
        return f"{test.group(2)}.{test.group(3)}"
    names = re.findall(r"([\w:~]+|operator\s*\S{1,3})\s*\(", head)
    return names[0].replace(" ", "") if names else "?"


def check_functions(path, blocks):
    for block in blocks:
        lines = block.last_line - block.first_line + 1
        if block.kind == "function" and lines > FUNCTION_LINES:
            name = function_name(block.head)
            yield Problem("function", path, name, lines,
                          f"line {block.first_line}: {name} has {lines} lines: more than {FUNCTION_LINES}",
                          block.first_line)


def check_constructors(path, blocks):
    for block in blocks:
        if block.scope != "class" or block.kind not in ("statement", "function"):
            continue
        match = re.search(rf"(?:^|[\s>])(?<!~){re.escape(block.class_name)}\s*(\(.*)", block.head, re.DOTALL)
        before = block.head[:match.start()] if match else ""
        if not match or re.search(r"[(=]|\breturn\b", before):
            continue
        count = len(split_parameters(match.group(1)))
        if count > CONSTRUCTOR_PARAMETERS:
            yield Problem("constructor", path, block.class_name, count,
                          f"line {block.first_line}: the constructor of {block.class_name} has {count} parameters:"
                          f" more than {CONSTRUCTOR_PARAMETERS}", block.first_line)


MEMBER = re.compile(r"^(?!using\b|typedef\b|friend\b|return\b|static\b|template\b)[\w:<>,\s*&()\[\]]+[\s*&>]"
                    r"\w+_(\[\w*\])?(\s+ABSL_\w+\([^)]*\))?\s*(=.*|\{.*)?$", re.DOTALL)


def check_members(path, blocks):
    """Data members of classes, by their trailing underscore; plain structs are lists of fields."""
    members = {}
    for block in blocks:
        if block.kind == "statement" and block.scope == "class" and MEMBER.match(block.head):
            members[block.class_name] = members.get(block.class_name, 0) + 1
    for name, count in members.items():
        if count > MEMBERS:
            yield Problem("members", path, name, count, f"{name} has {count} data members: more than {MEMBERS}")
