#!/usr/bin/env python3
"""Steps of training_step programs of several builds, all alive, by turns: who is faster on a machine that is now fast and now slow.

  bench/builds_in_turns.py [--steps 20] PROGRAM[,NAME=VALUE...] PROGRAM... -- --work darts --threads 1

NAME=VALUE are set in that program's environment. Prints each program's median seconds, and the median over turns of the first one's
seconds by its own (above 1: faster than the first).
"""
import json
import os
import statistics
import subprocess
import sys


def start(program, arguments, steps):
    path, *settings = program.split(",")
    environment = dict(os.environ, **dict(setting.split("=", 1) for setting in settings))
    return subprocess.Popen([path, *arguments, "--alone", str(steps + 1), "--paced", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, env=environment)


def step(process):
    if process.stdout.readline().strip() != "ready":
        raise SystemExit("builds_in_turns: a program ended before its steps did")
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main(words):
    steps = 20
    if words[:1] == ["--steps"]:
        steps, words = int(words[1]), words[2:]
    if "--" not in words or words.index("--") == 0:
        raise SystemExit(__doc__.strip())
    programs, arguments = words[:words.index("--")], words[words.index("--") + 1:]
    processes = [start(program, arguments, steps) for program in programs]
    for process in processes:
        step(process)  # the first one touches new memory
    turns = [[step(process) for process in (processes if turn % 2 == 0 else processes[::-1])][::1 if turn % 2 == 0 else -1] for turn in range(steps)]
    for i, program in enumerate(programs):
        ratios = sorted(turn[0] / turn[i] for turn in turns)
        print(json.dumps({"program": program, "seconds": round(statistics.median(turn[i] for turn in turns), 4), "least": round(min(turn[i] for turn in turns), 4),
                          "times_faster_than_first": round(statistics.median(ratios), 3), "quartiles": [round(ratios[len(ratios) // 4], 3), round(ratios[3 * len(ratios) // 4], 3)]}))


if __name__ == "__main__":
    main(sys.argv[1:])
