#!/usr/bin/env python3
"""Plants one breach of each rule in a small tree and holds layering.py to finding it, and nothing else."""
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import layering  # noqa: E402  (beside this file)

LONG = "int long_one() {\n" + "  step();\n" * 60 + "}\n"
CLEAN = """#pragma once
#include "netwright/core/error.hpp"
struct Point {
  explicit Point(int x) : x_{x}, y_(0) { check(); }
  int operator()(int operand) const { return operand == x_ ? '{' : '}'; }
  int x_ = 0;
  int y_;
};
const std::vector<int> table = {1, 2, 3};  // using namespace std in a comment, rand() too
const char* text = R"(using namespace std; { )";
"""

# file, its text, and what the report must say ("" = nothing)
CASES = [
    ("src/netwright/graph/ok.cpp", CLEAN, ""),
    ("src/netwright/graph/up.cpp", '#include "netwright/study/study.hpp"\n', "graph includes study"),
    ("src/netwright/graph/up_test.cpp", '#include "netwright/space/space.hpp"\n', ""),
    ("src/netwright/graph/up_a.cpp", '#include "netwright/space/space.hpp"\n', "graph includes space"),
    ("src/netwright/graph/tensor.hpp", "#include <torch/types.h>\n", "a torch header in graph"),
    ("src/netwright/nn/tensor.hpp", "#include <ATen/core/Tensor.h>\n", ""),
    ("src/netwright/graph/lost_test.cpp", "int x;\n", "no line of graph/CMakeLists.txt builds it"),
    ("src/netwright/graph/tall.hpp", "int x;\n" * 301, "301 lines, the limit is 300"),
    ("src/netwright/graph/utils.hpp", "int x;\n", "says nothing about what is inside"),
    ("src/netwright/graph/open.hpp", "using namespace std;\n", "using namespace"),
    ("src/netwright/graph/draw.hpp", "std::uniform_int_distribution<int> d;\n", "a std:: distribution"),
    ("src/netwright/graph/draw2.hpp", "std::mt19937 g;\n", "a std:: generator"),
    ("src/netwright/graph/draw3.hpp", "inline int f() { return rand() % 2; }\n", "rand()"),
    ("src/netwright/graph/long.hpp", LONG, "long_one has 62 lines"),
    ("src/netwright/graph/long2.hpp", "struct A {\n  A(int x) : x_{x} {\n" + "    step();\n" * 60 + "  }\n  int x_;\n};\n", "A has 62 lines"),
]


def breaches_of(file, text):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        rooms = {
            "core": "netwright_room(core)",
            "graph": "netwright_room(graph\n  USES core # all\n  TEST_USES space\n  SOURCES ok.cpp up.cpp up_a.cpp TESTS up_test.cpp)",
            "space": "netwright_room(space USES graph)",
            "study": "netwright_room(study USES core)",
            "nn": "netwright_room(nn TORCH USES graph)",
        }
        for room, line in rooms.items():
            (root / "src/netwright" / room).mkdir(parents=True)
            (root / "src/netwright" / room / "CMakeLists.txt").write_text(line + "\n")
        (root / file).write_text(text)
        return layering.check(root)[1]


def main():
    failures = 0
    for file, text, expected in CASES:
        found = breaches_of(file, text)
        if (len(found) != 1 or expected not in found[0]) if expected else found:
            failures += 1
            print(f"{file}: expected {expected or 'nothing'!r}, found {found}")
    print(f"{len(CASES)} cases, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
