"""The tree that is checked: its files, and C++ text cut into statements with their scopes.

The C++ reader is no compiler: it relies on the tree being formatted by clang-format and is enough to
find functions, constructors, members and statements. Its own test is tidy_test.py.
"""
import dataclasses
import functools
import pathlib
import re
import subprocess

CPP = (".h", ".cc")
GENERATED = ("build",)


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a check found. `subject` and `number` are what an allow-list entry names and bounds."""
    check: str
    path: str
    subject: str
    number: int
    text: str
    line: int = 0

    @property
    def key(self):
        return (self.check, self.path, self.subject)


class Tree:
    """The files of a repository, by their path from its root."""

    def __init__(self, root, build_dir=None):
        self.root = pathlib.Path(root)
        self.build_dir = pathlib.Path(build_dir) if build_dir else None

    @functools.cached_property
    def paths(self):
        """Tracked files, and new ones that are not ignored."""
        git = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=False)
        if git.returncode == 0 and git.stdout:
            found = git.stdout.decode().split("\0")
        else:
            found = [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]
            found = [p for p in found if not p.split("/")[0].startswith(GENERATED)]
        return sorted(p for p in found if p and (self.root / p).is_file())

    @property
    def cpp(self):
        return [p for p in self.paths if p.endswith(CPP)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(errors="replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The C++ text with comments and the contents of literals blanked; lines stay in place."""
        return blank(self.text(path))

    @functools.lru_cache(maxsize=None)
    def blocks(self, path):
        return read_blocks(self.code(path))

    def includes(self, path):
        """(line, header) of every #include "..." and <...>; quoted ones without their quotes."""
        found = []
        for number, line in enumerate(self.text(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))', line)
            if match:
                found.append((number, match.group(1) or match.group(2)))
        return found


LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'",
    re.DOTALL)


def blank(text):
    def erase(match):
        found = match.group(0)
        inner = re.sub(r"[^\n]", " ", found)
        if found.startswith("/"):
            return inner
        quote = '"' if found[-1] == '"' else "'"
        return quote + inner[1:-1] + quote
    return LITERAL_OR_COMMENT.sub(erase, text)


@dataclasses.dataclass
class Block:
    """A pair of braces, or a statement that ended with a semicolon (then `kind` is "statement")."""
    kind: str  # namespace, class, enum, function, other, statement
    head: str  # the text in front of it
    first_line: int
    last_line: int
    scope: str  # the kind of the block around it
    class_name: str  # of the innermost class around it, or its own when kind is "class"


CLASS = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union)\s(?:[A-Z_]+(?:\([^)]*\))?\s+)*"
                   r"(?P<name>[\w:]+)(?:<[^{;]*>)?(?:\s+final)?\s*(?::[^:].*)?$", re.DOTALL)
FUNCTION_END = re.compile(
    r"(\)|\)\s*:\s.*\{\}|\b(?:const|noexcept|override|final|try|mutable)|\)\s*&&?|->\s*[\w:<>,\s*&]+"
    r"|\b[A-Z][A-Z_]+\([^()]*\)|\brequires\b.*)\s*$", re.DOTALL)


def kind_of(head, scope):
    if re.search(r"\bnamespace\b[\w:\s]*$", head) or re.match(r'extern\s*"', head):
        return "namespace"
    if re.search(r"\benum\b", head) and "(" not in head:
        return "enum"
    if scope in ("namespace", "class"):
        if CLASS.match(head):
            return "class"
        if "(" in head and not re.search(r"(?<![=!<>])=(?!=)[^()]*$", head) and FUNCTION_END.search(head):
            return "function"
    elif CLASS.match(head):
        return "class"
    return "other"


def is_member_initializer(head):
    """True for the brace of `a_{1}` in a constructor's list of initializers."""
    return (re.search(r"\)\s*(?:noexcept\s*)?:\s", head) is not None
            and re.search(r"[\w>]\s*$", head) is not None
            and not re.search(r"\b(const|noexcept|override|final|try)\s*$", head))


def scope_holds(scope, text):
    """True when a block after `text` in `scope` is part of a declaration that goes on."""
    return scope in ("class", "namespace") and text != ""


def read_blocks(code):
    """Every block and every statement of blanked code, in the order of their ends."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code,
                  flags=re.MULTILINE)
    found = []
    stack = []  # (kind, head, first line, class name)
    head, head_line, line, parens = "", 0, 1, 0
    for char in code:
        if char == "\n":
            line += 1
        scope = stack[-1][0] if stack else "namespace"
        class_name = stack[-1][3] if stack else ""
        if char in "([":
            parens += 1
        elif char in ")]":
            parens -= 1
        if char == "{":
            text = head.strip()
            if parens > 0 or (scope in ("class", "namespace") and is_member_initializer(text)):
                stack.append(("inline", text, line, class_name, head, head_line, parens))
                parens = 0
                head = ""
                continue
            kind = kind_of(text, scope)
            if kind == "class":
                class_name = CLASS.match(text).group("name").split("::")[-1]
            stack.append((kind, text, head_line or line, class_name, "", 0, parens))
            head, head_line, parens = "", 0, 0
        elif char == "}":
            if not stack:
                continue
            kind, text, first, own, outer_head, outer_line, outer_parens = stack.pop()
            parens = outer_parens
            if kind == "inline":
                head, head_line = outer_head + "{}", outer_line
                continue
            outer = stack[-1] if stack else ("namespace", "", 0, "")
            found.append(Block(kind, text, first, line, outer[0], own))
            # `int a[] = {1};` goes on to its semicolon.
            head, head_line = (text + "{}", first) if kind == "other" and scope_holds(outer[0], text) else ("", 0)
        elif char == ";" and parens <= 0:
            text = head.strip()
            if text:
                found.append(Block("statement", text, head_line, line, scope, class_name))
            head, head_line = "", 0
        else:
            if not head.strip() and not char.isspace():
                head, head_line = "", line
            head += char
            if char == ":" and re.fullmatch(r"\s*(public|private|protected)\s*:", head):
                head, head_line = "", 0
    return found


def split_parameters(text):
    """The parameters between the parenthesis that `text` starts with and the one that closes it."""
    depth, current, parts = 0, "", []
    for char in text:
        if char in "([{<":
            depth += 1
            if depth == 1:
                continue
        elif char in ")]}>":
            depth -= 1
            if depth == 0:
                break
        elif char == "," and depth == 1:
            parts.append(current)
            current = ""
            continue
        current += char
    return [p.strip() for p in parts + [current] if p.strip()]
