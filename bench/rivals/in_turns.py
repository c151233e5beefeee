"""Rounds of netwright's training step and of PyTorch's in turns, each in a process of its own that waits meanwhile.

    in_turns.py [--sides netwright,graph,pytorch,alike] FOLDER PYTHON --work darts --threads 1 --rounds 5     (what follows PYTHON goes to all)

FOLDER holds training_step, PYTHON can import torch. `graph` is netwright's graph with lowering off; `pytorch` runs as it comes, `alike` in the
environment that netwright starts netwright-train in. All of them keep their memory: large batches do not leave room for four. Prints the JSON line
of each, and one with how many times faster than each of the others netwright is, by the medians.
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


SIDES = ["netwright", "graph", "pytorch", "alike"]


def start(command, environment):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    return process, answer(process)


def answer(process):
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args[0]} ended with {process.wait()}")
    return line


def main():
    words, names = sys.argv[1:], SIDES
    if words[:1] == ["--sides"] and len(words) > 1:
        names, words = words[1].split(","), words[2:]
    if len(words) < 2 or "netwright" not in names or not set(names) <= set(SIDES):
        sys.exit(__doc__)
    folder, python, *options = words
    plain = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    own, rival = [f"{folder}/training_step", "--side"], [python, str(pathlib.Path(__file__).with_name("training_step.py"))]
    sides = {"netwright": ([*own, "fused"], plain | ENVIRONMENT), "graph": ([*own, "torch"], plain | ENVIRONMENT),
             "pytorch": (rival, plain), "alike": (rival, plain | ENVIRONMENT)}
    # One after the other: each is ready before the next one begins.
    started = [start([*sides[name][0], *options, "--paced", "1"], sides[name][1]) for name in names]
    processes, lines = [list(side) for side in zip(*started)]
    while any(line.startswith("ready") for line in lines):
        for i, process in enumerate(processes):
            process.stdin.write("go\n")
            process.stdin.flush()
            lines[i] = answer(process)
    for process in processes:
        process.wait()
    print(*[line.strip() for line in lines], sep="\n")
    results = {name: json.loads(line) for name, line in zip(names, lines)}
    seconds = {name: result.get("seconds", result.get("torch_seconds"))["median"] for name, result in results.items()}
    first = results[names[0]]
    print(json.dumps({"benchmark": "in_turns", "work": first["work"], "batch": first["batch"], "threads": first["threads"],
                      "times_faster_than": {name: seconds[name] / seconds["netwright"] for name in names if name != "netwright"}, "command": " ".join(sys.argv)}))


if __name__ == "__main__":
    main()
