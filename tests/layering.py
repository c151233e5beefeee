#!/usr/bin/env python3
"""Holds the source tree to its house rules: python3 tests/layering.py ROOT

Rooms (src/netwright/ROOM): an include of another room must be on the USES line of this room's CMakeLists (TEST_USES too, for
tests and benchmarks; core is open to all); torch headers only in rooms marked TORCH; every test is built; no cycle of rooms. Everywhere: lengths of
headers (300), sources (800) and functions (60), no `using namespace`, no generator or distribution of the standard library, no
rag-bag names. Prints one line a breach, and exits 1 where there are any.
"""
import pathlib
import re
import sys

MAX_HEADER, MAX_SOURCE, MAX_FUNCTION = 300, 800, 60
RAG_BAGS = {"manager", "helper", "helpers", "utils", "util", "common", "misc"}
TORCH_INCLUDE = re.compile(r'#include [<"](torch|ATen|c10)/')
ROOM_INCLUDE = re.compile(r'#include "netwright/(\w+)/')
FORBIDDEN = [
    (re.compile(r"\busing\s+namespace\b"), "using namespace"),
    (re.compile(r"\bstd::\w+_distribution\b"), "a std:: distribution: its draws differ between libraries; use core/rng.hpp"),
    (re.compile(r"\bstd::(mt19937(_64)?|default_random_engine|minstd_rand)\b"), "a std:: generator: use core/rng.hpp"),
    (re.compile(r"(?<![\w.>])s?rand\s*\("), "rand(): use core/rng.hpp"),
]
# Tests name their temporary folders with it.
FORBIDDEN_OUTSIDE_TESTS = [(re.compile(r"\bstd::random_device\b"), "std::random_device: every draw has a seed; use core/rng.hpp")]


def blank(text):
    """The text with comments and literals blanked, so that offsets and line numbers stay."""
    token = re.compile(
        r'R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][0] in "/" else '"' + re.sub(r"[^\n]", " ", m[0][1:-1]) + '"', text)


def matching(text, start):
    """The index of the brace that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return len(text) - 1


def without_parentheses(text):
    while True:
        shorter = re.sub(r"\([^()]*\)", "@", text)
        if shorter == text:
            return text
        text = shorter


def opens(statement):
    """What a brace behind this text opens: 'scope', 'function' or 'value'."""
    flat = re.sub(r"<[^<>;{}]*>", "", without_parentheses(statement)).strip()
    if re.search(r"\bnamespace\b|\b(class|struct|union|enum)\b[^@]*$|\bextern\b\s*\"", flat):
        return "scope"
    if "@" not in flat or re.search(r"(?<!operator)(?<![=!<>])=(?!=)", flat.replace("operator=", "operator")):
        return "value"
    initialising = re.search(r"@\s*(noexcept)?\s*:(?!:)", flat)
    if initialising and re.search(r"\w$", flat):
        return "value"
    return "function"


def functions(text):
    """(name, first line, lines) of every function body at namespace or class level."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), blank(text), flags=re.M)
    statement, begin, i = "", 0, 0
    while i < len(text):
        c = text[i]
        if c in ";}" or (c == ":" and re.search(r"\b(public|private|protected)\s*$", statement)):
            statement = ""
        elif c == "{":
            kind = opens(statement)
            if kind == "scope":
                statement = ""
            else:
                end = matching(text, i)
                if kind == "function":
                    name = re.search(r"([~\w:]+)\s*\(", statement)
                    yield (name[1] if name else "?", text.count("\n", 0, begin) + 1, text.count("\n", begin, end) + 1)
                    statement = ""
                else:
                    statement += "@"
                i = end
        else:
            if not statement.strip() and not c.isspace():
                begin = i
            statement += c
        i += 1


def arguments(text):
    """The keyword lists of a netwright_room call: {"": [name], "USES": [...], ...}."""
    call = re.search(r"netwright_room\s*\(([^)]*)\)", re.sub(r"#[^\n]*", "", text))
    if not call:
        return None
    lists, key = {"": []}, ""
    for word in call[1].split():
        if word in {"TORCH", "USES", "LIBRARIES", "HEADERS", "SOURCES", "TESTS", "TEST_USES"}:
            key = word
            lists[key] = []
        else:
            lists[key].append(word)
    return lists


def check_room(folder, rooms, breaches):
    room, declared = folder.name, rooms[folder.name]
    build_text = (folder / "CMakeLists.txt").read_text()
    uses = set(declared.get("USES", [])) | {room, "core"}  # core is everybody's
    for used in uses - set(rooms):
        breaches.append(f"{folder / 'CMakeLists.txt'}: USES {used}: there is no such room")
    for file in sorted(folder.rglob("*")):
        if file.suffix not in {".hpp", ".cpp"}:
            continue
        tested = re.search(r"_(test|bench)\.(cpp|hpp)$", file.name)
        may = uses | set(declared.get("TEST_USES", [])) if tested else uses
        for number, line in enumerate(file.read_text().splitlines(), 1):
            include = ROOM_INCLUDE.match(line)
            if include and include[1] not in may:
                breaches.append(f"{file}:{number}: {room} includes {include[1]}, which its USES line does not name")
            if TORCH_INCLUDE.match(line) and "TORCH" not in declared:
                breaches.append(f"{file}:{number}: a torch header in {room}, which is not marked TORCH")
        inner = file.relative_to(folder).as_posix()
        if file.suffix == ".cpp" and not re.search(rf"(?<![\w/]){re.escape(inner)}\b", build_text):
            breaches.append(f"{file}: no line of {room}/CMakeLists.txt builds it")


def check_cycles(rooms, breaches):
    done, path = set(), []

    def walk(room):
        if room in path:
            breaches.append("rooms in a cycle: " + " -> ".join(path[path.index(room):] + [room]))
        elif room in rooms and room not in done:
            path.append(room)
            for used in rooms[room].get("USES", []):
                walk(used)
            path.pop()
            done.add(room)

    for room in rooms:
        walk(room)


def check_file(file, breaches):
    text = file.read_text()
    lines = text.count("\n")
    limit = MAX_HEADER if file.suffix == ".hpp" else MAX_SOURCE
    if lines > limit:
        breaches.append(f"{file}: {lines} lines, the limit is {limit}")
    bad = RAG_BAGS & set(file.stem.split("_"))
    if bad:
        breaches.append(f"{file}: '{bad.pop()}' says nothing about what is inside")
    forbidden = FORBIDDEN if file.stem.endswith("_test") else FORBIDDEN + FORBIDDEN_OUTSIDE_TESTS
    for number, line in enumerate(blank(text).splitlines(), 1):
        breaches.extend(f"{file}:{number}: {why}" for pattern, why in forbidden if pattern.search(line))
    for name, first, length in functions(text):
        if length > MAX_FUNCTION:
            breaches.append(f"{file}:{first}: {name} has {length} lines, the limit is {MAX_FUNCTION}")


def check(root):
    breaches, rooms = [], {}
    for folder in sorted((root / "src/netwright").iterdir()):
        declared = arguments((folder / "CMakeLists.txt").read_text()) if (folder / "CMakeLists.txt").exists() else None
        if declared:
            rooms[folder.name] = declared
        elif folder.is_dir() and any(folder.rglob("*.cpp")):
            breaches.append(f"{folder}: sources, but no netwright_room line")
        if RAG_BAGS & set(folder.name.split("_")):
            breaches.append(f"{folder}: the name says nothing about what is inside")
    for room in rooms:
        check_room(root / "src/netwright" / room, rooms, breaches)
    check_cycles(rooms, breaches)
    for top in ("src", "app", "bench", "examples", "tests"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in {".hpp", ".cpp"}:
                check_file(file, breaches)
    return rooms, breaches


def main():
    root = pathlib.Path(sys.argv[1])
    rooms, breaches = check(root)
    for breach in breaches:
        print(breach.removeprefix(f"{root}/"))
    print(f"{len(rooms)} rooms, {len(breaches)} breaches")
    return 1 if breaches or not rooms else 0


if __name__ == "__main__":
    sys.exit(main())
