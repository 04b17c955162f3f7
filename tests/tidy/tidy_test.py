#!/usr/bin/env python3
"""The checks of tidy.py on small trees: each finds what it is for and lets good code pass."""
import json
import pathlib
import shutil
import tempfile
import textwrap
import unittest

import bans
import floors
import hygiene
import sizes
import tidy
from source import Problem, Tree, blank, read_blocks


class TreeCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def tree_of(self, files, build_dir=None):
        """A tree of these files alone."""
        for old in self.root.iterdir():
            if old.is_dir() and old != build_dir:
                shutil.rmtree(old)
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(textwrap.dedent(text))
        return Tree(self.root, build_dir)

    def found(self, problems):
        return sorted((p.check, p.path, p.subject) for p in problems)


class FloorsTest(TreeCase):
    def check(self, path, *headers):
        text = "".join(f"#include {h if h.startswith('<') else chr(34) + h + chr(34)}\n" for h in headers)
        return self.found(floors.check(self.tree_of({path: text, "proto/tikv/metapb.proto": ""})))

    def test_lower_floors_and_the_own_folder_are_allowed(self):
        self.assertEqual([], self.check("common/multiraft/a.cc", "common/multiraft/a.h", "common/raft/b.h",
                                        "common/rpc/c.h", "tikv/metapb.pb.h", "absl/status/status.h"))
        self.assertEqual([], self.check("store/kv/a.cc", "store/region/b.h", "common/pdclient/c.h"))
        self.assertEqual([], self.check("tests/sim/a.cc", "store/kv/a.h", "pd/id/b.h", "tests/support/c.h"))

    def test_the_same_and_higher_floors_are_not(self):
        for path, header in (("common/env/a.h", "common/config/b.h"), ("common/net/a.h", "common/engine/b.h"),
                             ("common/base/a.h", "common/env/b.h"), ("common/base/a.h", "tikv/metapb.pb.h"),
                             ("common/rpc/a.h", "common/multiraft/b.h"), ("store/kv/a.h", "pd/id/b.h"),
                             ("client/a.h", "store/b.h"), ("pd/a.h", "client/b.h"),
                             ("common/engine/a.h", "tests/support/b.h")):
            self.assertEqual([("floors", path, header)], self.check(path, header))

    def test_the_core_is_stricter(self):
        self.assertEqual([], self.check("common/raft/a.h", "<vector>", "common/base/ids.h", "absl/status/status.h",
                                        "absl/container/btree_map.h", "absl/container/inlined_vector.h"))
        for header in ("<thread>", "<chrono>", "<unordered_map>", "<unistd.h>", "absl/container/flat_hash_map.h",
                       "tikv/metapb.pb.h", "spdlog/spdlog.h", "absl/synchronization/mutex.h"):
            self.assertIn(("floors", "common/raft/a.h", header), self.check("common/raft/a.h", header))

    def test_code_in_a_folder_without_a_floor_is_an_error(self):
        self.assertEqual([("floors", "common/other/a.h", "folder")], self.check("common/other/a.h"))


class BansTest(TreeCase):
    BAD = {
        "absl-mutex": "absl::Mutex m;", "std-mutex": "std::mutex m;", "thread": "std::thread t;",
        "sleep": "std::this_thread::sleep_for(1s);", "clock": "auto t = std::chrono::steady_clock::now();",
        "random": "int x = rand();", "random-engine": "std::mt19937 r;", "friend": "friend class Other;",
        "singleton": "Server::GetInstance();", "thread-local": "thread_local int x;", "assert": "assert(x);",
        "throw": "throw 1;", "skip": "TEST(A, DISABLED_B) {}",
        "pragma-once": "#pragma once", "using-namespace": "using namespace std;",
    }

    def check(self, path, text):
        return [p.subject for p in bans.check(self.tree_of({path: text})) if p.path == path]

    def test_each_ban_finds_its_bad_line(self):
        for name, line in self.BAD.items():
            self.assertEqual([name], self.check("store/a.h", line + "\n"), line)
        self.assertEqual({ban.name for ban in bans.CODE} - {"hash-order"}, set(self.BAD))

    def test_comments_and_literals_are_not_code(self):
        for line in self.BAD.values():
            self.assertEqual([], self.check("store/a.h", f"// {line}\n/* {line} */\n"))
            self.assertEqual([], self.check("store/a.h", f'const char* const kText = "{line}";\n'))

    def test_what_looks_alike_is_allowed(self):
        for line in ("int operand(int);", "Mutex mutex_;", "clock->Now();", "friend bool operator==(A, B);",
                     "static_assert(true);", "request.time(0);", "stage.sleep_ticks = 3;",
                     "testing::UnitTest::GetInstance();"):
            self.assertEqual([], self.check("store/a.h", line + "\n"), line)

    def test_the_place_that_hides_it_may_use_it(self):
        self.assertEqual([], self.check("common/env/clock.cc", "steady_clock::now();\n"))
        self.assertEqual([], self.check("common/rpc/server.cc", "std::thread t;\n"))
        self.assertEqual([], self.check("store/main.cc", "std::thread t;\n"))
        self.assertEqual(["thread"], self.check("store/domain.cc", "std::thread t;\n"))
        self.assertEqual([], self.check("store/a.cc", "using namespace std::literals;\n"))

    def test_hash_containers_are_banned_where_order_matters(self):
        line = "absl::flat_hash_map<int, int> m;\n"
        self.assertEqual(["hash-order"], self.check("pd/schedule/a.h", line))
        self.assertEqual([], self.check("store/a.h", line))

    def test_unfinished_work_is_found_in_comments_too(self):
        self.assertEqual(["todo"], self.check("docs/a.md", "TODO: write\n"))
        self.assertEqual(["todo"], self.check("store/a.h", "// FIXME later\n"))
        self.assertEqual(["machine-path"], self.check("deploy/run", "cd /home/somebody\n"))

    def test_mutable_statics(self):
        self.assertEqual(["mutable-static"], self.check("store/a.cc", "void F() {\n  static int calls = 0;\n}\n"))
        self.assertEqual(["mutable-static"], self.check("store/a.cc", "static int calls = 0;\n"))
        self.assertEqual([], self.check("store/a.cc", "void F() {\n  static const int kA = 0;\n}\n"))
        self.assertEqual([], self.check("store/a.h", "class A {\n  static A Make(int a);\n};\n"))

    def test_drawers_are_no_names(self):
        self.assertEqual(["name"], self.check("store/kv_util.h", ""))
        self.assertEqual([], self.check("store/utility_meter.h", ""))


class SizesTest(TreeCase):
    def check(self, path, text):
        return [(p.check, p.subject, p.number) for p in sizes.check(self.tree_of({path: text}))]

    def function(self, lines, head="void F(int a) {"):
        return head + "\n" + "  Call();\n" * (lines - 2) + "}\n"

    def test_a_function_at_the_limit_passes_and_one_line_more_does_not(self):
        self.assertEqual([], self.check("store/a.cc", self.function(70)))
        self.assertEqual([("function", "F", 71)], self.check("store/a.cc", self.function(71)))

    def test_functions_of_all_shapes_are_seen(self):
        for head, name in (("int A::B(int x) const {", "A::B"), ("A::A(int x) : a_{x}, b_(x) {", "A::A"),
                           ("TEST_F(ATest, DoesB) {", "ATest.DoesB"), ("auto F() -> std::vector<int> {", "F"),
                           ("template <typename T>\nvoid F(T t) noexcept {", "F"),
                           ("void F()\n    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {", "F")):
            extra = head.count("\n")
            self.assertEqual([("function", name, 80 + extra)], self.check("store/a.cc", self.function(80, head)), head)
        inside = "namespace a {\nclass B {\n" + self.function(90) + "};\n}\n"
        self.assertEqual([("function", "F", 90)], self.check("store/a.cc", inside))

    def test_a_long_class_or_table_is_no_function(self):
        self.assertEqual([], self.check("store/a.cc", "struct A {\n" + "  int a;\n" * 100 + "};\n"))
        self.assertEqual([], self.check("store/a.cc", "const int kA[] = {\n" + "    1,\n" * 100 + "};\n"))

    def test_files(self):
        self.assertEqual([], self.check("store/a.cc", "\n" * 500))
        self.assertEqual([("file", "lines", 501)], self.check("store/a.cc", "\n" * 501))
        self.assertEqual([("file-hard", "lines", 801)], self.check("store/a.cc", "\n" * 801))
        self.assertEqual([("file", "lines", 251)], self.check("store/a.h", "\n" * 251))

    def test_columns(self):
        self.assertEqual([], self.check("store/a.cc", "x" * 100 + "\n"))
        self.assertEqual([("columns", "lines", 1)], self.check("store/a.cc", "x" * 101 + "\n"))

    def test_constructors(self):
        six = ",\n    ".join(f"std::map<int, int> a{i}" for i in range(6))
        self.assertEqual([], self.check("store/a.h", f"class A {{\n  explicit A({six});\n}};\n"))
        self.assertEqual([("constructor", "A", 7)],
                         self.check("store/a.h", f"class A {{\n  A({six}, int b);\n}};\n"))
        self.assertEqual([], self.check("store/a.h", f"class A {{\n  void Make({six}, int b);\n}};\n"))

    def test_members(self):
        twenty = "".join(f"  const std::vector<int> a{i}_;\n" for i in range(20))
        self.assertEqual([], self.check("store/a.h", f"class A {{\n{twenty}}};\n"))
        self.assertEqual([("members", "A", 21)], self.check(
            "store/a.h", f"class A {{\n{twenty}  bool b_ ABSL_GUARDED_BY(mutex_) = false;\n}};\n"))


class HygieneTest(TreeCase):
    def test_guards(self):
        good = "#ifndef FLOTILLA_STORE_A_H_\n#define FLOTILLA_STORE_A_H_\n#endif  // FLOTILLA_STORE_A_H_\n"
        tree = self.tree_of({"store/a.h": good, "store/b.h": good})
        self.assertEqual([("guard", "store/b.h", "guard")], self.found(hygiene.check_guards(tree)))

    def test_dead_files(self):
        build = self.root / "build"
        build.mkdir()
        (build / "compile_commands.json").write_text(json.dumps(
            [{"directory": str(self.root), "file": "store/a.cc"}]))
        tree = self.tree_of({"store/a.cc": '#include "store/a.h"\n', "store/a.h": "", "store/b.cc": "",
                             "store/b.h": ""}, build)
        self.assertEqual([("dead", "store/b.cc", "file"), ("dead", "store/b.h", "file")],
                         self.found(hygiene.check_dead_files(tree)))

    def test_format(self):
        tree = self.tree_of({".clang-format": "BasedOnStyle: Google\n", "store/a.cc": "int a;\n",
                             "store/b.cc": "int   b ;\n"})
        self.assertEqual([("format", "store/b.cc", "format")], self.found(hygiene.check_format(tree)))

    def test_links_headings_and_paths(self):
        tree = self.tree_of({"docs/a.md": """\
            # A title
            [good](b.md#part-two) [self](#a-title) [web](https://example.org) `store/kv/x` `store/*.h`
            [gone](c.md) [no heading](b.md#part-three) `store/kv/y.h` `not/a/project/path`
            ```
            `store/in/a/block`
            ```
            """, "docs/b.md": "## Part two\n", "store/kv/x.cc": "", "store/a.h": "// docs/b.md, docs/d.md\n"})
        self.assertEqual([("link", "docs/a.md", "b.md#part-three"), ("link", "docs/a.md", "c.md"),
                          ("link", "docs/a.md", "store/kv/y.h"), ("link", "store/a.h", "docs/d.md")], self.found(hygiene.check_docs(tree)))

    def test_named_tests(self):
        tree = self.tree_of({"docs/a.md": """\
            `RightTest.IsThere` `WrongTest.IsThere` `BrokenTest.OverTwoLines` `GoneTest.NotCompiled`
            `flotilla-sim kill` `flotilla-sim kiss` `flotilla-sim --seed 1` `config.toml`
            `flotilla-chaos cut` `flotilla-chaos kill`
            """, "tests/a_test.cc": """\
            TEST_F(RightTest, IsThere) {}
            TYPED_TEST(
                BrokenTest, OverTwoLines) {}
            // TEST(GoneTest, NotCompiled) {}
            faults.push_back(std::make_unique<SimpleFault>("kill", Kill));
            """, "tests/cluster/chaos/link_faults.cc": 'faults->push_back({"cut", "a link is cut", Cut});'})
        self.assertEqual([("named-test", "docs/a.md", name) for name in
                          ("GoneTest.NotCompiled", "WrongTest.IsThere", "flotilla-chaos kill", "flotilla-sim kiss")],
                         self.found(hygiene.check_named_tests(tree)))

    def test_scripts(self):
        tree = self.tree_of({"run": "#!/usr/bin/env bash\nif true\n", "a.py": "def f(:\n", "b.py": "x = 1\n"})
        self.assertEqual([("script", "a.py", "syntax"), ("script", "run", "syntax")],
                         self.found(hygiene.check_scripts(tree)))


class AllowListTest(unittest.TestCase):
    PROBLEM = Problem("function", "store/a.cc", "F", 90, "has 90 lines")

    def apply(self, text, problems):
        allowed, broken = tidy.read_allowed(text)
        return [p.check for p in tidy.apply_allowed(problems, allowed) + broken]

    def test_an_entry_allows_up_to_its_number(self):
        self.assertEqual([], self.apply("function store/a.cc F 90  # why\n", [self.PROBLEM]))
        self.assertEqual(["function"], self.apply("function store/a.cc F 89  # why\n", [self.PROBLEM]))
        self.assertEqual(["function"], self.apply("", [self.PROBLEM]))

    def test_the_list_only_shrinks(self):
        self.assertEqual(["allow"], self.apply("function store/a.cc F 90  # why\n", []))
        self.assertEqual(["allow"], self.apply("function store/a.cc F 200  # why\n", [self.PROBLEM]))

    def test_an_entry_needs_a_reason_and_some_checks_have_none(self):
        self.assertIn("allow", self.apply("function store/a.cc F 90\n", [self.PROBLEM]))
        self.assertIn("allow", self.apply("floors store/a.cc pd/b.h 1  # why\n", []))


class ReaderTest(unittest.TestCase):
    def test_blanking_keeps_lines_and_digit_separators(self):
        text = 'int a = 1\'000; // "x\nconst char* b = R"(a\n{)"; char c = \'{\';\n'
        self.assertEqual(text.count("\n"), blank(text).count("\n"))
        self.assertIn("1'000", blank(text))
        self.assertNotIn("{", blank(text))

    def test_scopes(self):
        blocks = read_blocks(textwrap.dedent("""\
            namespace a {
            class B final : public C {
             public:
              B() : x_{1} {}
              int Get() const { return x_; }
             private:
              Instant x_{};
            };
            enum class E { kA, kB };
            }  // namespace a
            """))
        self.assertEqual(["function", "statement", "function", "other", "statement", "class", "enum",
                          "namespace"],
                         [b.kind for b in blocks])


if __name__ == "__main__":
    unittest.main()
