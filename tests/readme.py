#!/usr/bin/env python3
"""Runs what the README shows: readme.py SOURCE FOLDER_OF_PROGRAMS

Every ```console block of README.md that follows a line `<!-- tested -->` is run, in one temporary folder that sees the source
tree's spaces/ and examples/. A line `$ command` must exit with 0 (with N after `# exit N`); the lines under it must be its output,
where `...` stands for any run of lines or, inside a line, for any text. No lines under it: any output will do.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def blocks(text):
    for match in re.finditer(r"^<!-- tested -->\n```console\n(.*?)^```$", text, re.S | re.M):
        yield match[1]


def steps(block):
    """(command, expected lines) of a block."""
    command, expected = None, []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, expected
            command, expected = line[2:], []
        else:
            expected.append(line)
    if command is not None:
        yield command, expected


def pattern(expected):
    parts = []
    for line in expected:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece.rstrip() if i else piece) for i, piece in enumerate(line.rstrip().split("..."))) + r"[ \t]*\n")
    return re.compile("".join(parts))


def check(command, expected, folder, programs):
    status = re.search(r"# exit (\d+)$", command)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          check=False)
    printed = done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"
    problems = []
    if done.returncode != (int(status[1]) if status else 0):
        problems.append(f"exit status {done.returncode}")
    if expected and not pattern(expected).fullmatch(printed):
        problems.append("other output than the README shows")
    for problem in problems:
        print(f"$ {command}\n{problem}; it printed:\n{printed}\nthe README shows:\n" + "\n".join(expected))
    return not problems


def main():
    source, programs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    commands = [step for block in blocks((source / "README.md").read_text()) for step in steps(block)]
    with tempfile.TemporaryDirectory() as folder:
        for shown in ("spaces", "examples", "data", "tests"):
            os.symlink(source / shown, pathlib.Path(folder, shown))
        passed = sum([check(command, expected, folder, programs) for command, expected in commands])
    print(f"{passed} of {len(commands)} commands did what the README shows")
    return 0 if commands and passed == len(commands) else 1


if __name__ == "__main__":
    sys.exit(main())
