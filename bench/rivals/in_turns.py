"""Rounds of netwright's training step and of PyTorch's in turns, each in a process of its own that waits meanwhile.

    in_turns.py FOLDER PYTHON --work darts --threads 1 --rounds 5      (what follows PYTHON goes to both)

FOLDER holds training_step, PYTHON can import torch. Prints the JSON line of both, and one with the ratio of their medians.
"""
import json
import pathlib
import subprocess
import sys


def start(command):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
    rival = pathlib.Path(__file__).with_name("training_step.py")
    # One after the other: each is ready before the next one begins.
    sides = [start([*command, *options, "--paced", "1"]) for command in ([f"{folder}/training_step"], [python, str(rival)])]
    processes, lines = [list(side) for side in zip(*sides)]
    while any(line.startswith("ready") for line in lines):
        for i, process in enumerate(processes):
            process.stdin.write("go\n")
            process.stdin.flush()
            lines[i] = answer(process)
    for process in processes:
        process.wait()
    own, other = [json.loads(line) for line in lines]
    print(*[line.strip() for line in lines], sep="\n")
    print(json.dumps({"benchmark": "in_turns", "work": own["work"], "batch": own["batch"], "threads": own["threads"],
                      "times_faster": other["seconds"]["median"] / own["seconds"]["median"],
                      "command": " ".join(sys.argv)}))


if __name__ == "__main__":
    main()
