#!/usr/bin/env python3
"""Installs BUILD to a temporary prefix and builds and runs tests/consume against it: install_and_consume.py SOURCE BUILD COMPILER"""
import pathlib
import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print(done.stdout)
        sys.exit(f"failed: {' '.join(str(word) for word in command)}")
    return done.stdout


def main():
    source, build, compiler = sys.argv[1:4]
    flags = sys.argv[4:]
    with tempfile.TemporaryDirectory() as folder:
        prefix, work = pathlib.Path(folder, "prefix"), pathlib.Path(folder, "work")
        run("cmake", "--install", build, "--prefix", prefix)
        run("cmake", "-S", f"{source}/tests/consume", "-B", work, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release", *flags)
        run("cmake", "--build", work)
        printed = run(work / "consume").strip()
        headers = [file for file in (prefix / "include").rglob("*") if file.is_file()]
        strays = [str(file) for file in headers if not file.match("include/netwright/*/*.hpp") and not file.match("include/netwright/*/*/*.hpp")]
        print(f"{len(headers)} headers installed; the consumer printed {printed}")
        if printed != "15625" or strays:
            sys.exit(f"expected 15625 and no files outside netwright/ROOM/, got {printed} and {strays}")


if __name__ == "__main__":
    main()
