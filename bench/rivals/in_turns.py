"""Rounds of netwright's training step and of PyTorch's in turns, each in a process of its own that waits meanwhile.

    in_turns.py FOLDER PYTHON --work darts --threads 1 --rounds 5      (what follows PYTHON goes to all)

FOLDER holds training_step, PYTHON can import torch. PyTorch runs twice: as it comes, and in the environment that netwright starts netwright-train
in. Prints the JSON line of each, and one with the ratios of the medians: `times_faster` than PyTorch as it comes, `times_faster_alike` than
PyTorch in the same environment.
"""
import json
import os
import pathlib
import subprocess
import sys

# app/hand_over.hpp
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "10000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def start(command, environment):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    return process, answer(process)


def answer(process):
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args[0]} ended with {process.wait()}")
    return line


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, python, *options = sys.argv[1:]
    plain = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    own, rival = [f"{folder}/training_step"], [python, str(pathlib.Path(__file__).with_name("training_step.py"))]
    # One after the other: each is ready before the next one begins.
    sides = [start([*command, *options, "--paced", "1"], environment)
             for command, environment in ((own, plain | ENVIRONMENT), (rival, plain), (rival, plain | ENVIRONMENT))]
    processes, lines = [list(side) for side in zip(*sides)]
    while any(line.startswith("ready") for line in lines):
        for i, process in enumerate(processes):
            process.stdin.write("go\n")
            process.stdin.flush()
            lines[i] = answer(process)
    for process in processes:
        process.wait()
    print(*[line.strip() for line in lines], sep="\n")
    netwright, as_it_comes, alike = [json.loads(line) for line in lines]
    ratio = lambda other: other["seconds"]["median"] / netwright["seconds"]["median"]
    print(json.dumps({"benchmark": "in_turns", "work": netwright["work"], "batch": netwright["batch"], "threads": netwright["threads"],
                      "times_faster": ratio(as_it_comes), "times_faster_alike": ratio(alike), "command": " ".join(sys.argv)}))


if __name__ == "__main__":
    main()
