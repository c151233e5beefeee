#!/usr/bin/env python3
"""Recipes at their smoke size, killed at random points and resumed, come to the same bits as without.

Usage: killed.py NETWRIGHT SOURCE [SEED]; without a seed the points are those of the day. Exit code 77 (skipped) without Fashion-MNIST."""
import datetime
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from recipes import IMAGES, smoke_words
from small_search import Netwright, checkpoint, rows, trials

SKIPPED = 77
KILLS = 2
# One of each way to search: all candidates, their channels in part, one path, Dirichlet draws in stages, a network that grows, greedy edges, a controller,
# binary gates. Once-for-All is left out: it measures latencies, which differ between any two runs.
RECIPES = ("darts", "pc-darts", "gdas", "drnas", "p-darts", "sgas", "enas-cells", "proxylessnas")


def words_of(source, recipe):
    words = smoke_words((source / "recipes" / f"{recipe}.md").read_text(), recipe)
    return [words[0], str(source / words[1]), *words[2:], "threads=1"]


def difference(whole, killed):
    """What the killed run has otherwise; "" where all is the same."""
    if trials(whole) != trials(killed):
        return "its trials differ"
    if checkpoint(whole / "supernet.safetensors") != checkpoint(killed / "supernet.safetensors"):
        return "its supernet differs"
    series = "SELECT phase, name, step, value FROM series ORDER BY phase, step, name"
    return "" if rows(whole / "study.db", series) == rows(killed / "study.db", series) else "its curves differ"


def run_killed(netwright, words, out, seconds, draw):
    """Runs to the end through some kills; how many met it alive."""
    met = 0
    go_on = lambda: ["resume", out] if (netwright.folder / out / "study.db").exists() else [*words, "--out", out]
    for _ in range(KILLS):
        process = netwright.start(*go_on())
        time.sleep(draw.uniform(0.1, 0.8) * seconds)
        process.kill()
        process.communicate()
        met += process.returncode == -signal.SIGKILL
    netwright.good(*go_on())
    return met


def main(program, source, seed=None):
    if not IMAGES.exists():
        print(f"skipped: {IMAGES} is not there (package dataset-fashion-mnist)")
        return SKIPPED
    seed = int(seed or datetime.date.today().toordinal())
    draw, failures, met = random.Random(seed), [], 0
    with tempfile.TemporaryDirectory(prefix="netwright-killed-") as folder:
        netwright = Netwright(Path(program).resolve(), folder)
        for recipe in RECIPES:
            words, start = words_of(Path(source).resolve(), recipe), time.monotonic()
            netwright.good(*words, "--out", f"{recipe}-whole")
            met += run_killed(netwright, words, f"{recipe}-killed", time.monotonic() - start, draw)
            found = difference(Path(folder, f"{recipe}-whole"), Path(folder, f"{recipe}-killed"))
            print(recipe, found or "comes to the same", flush=True)
            failures += [recipe] if found else []
    print(f"seed {seed}: {met} of {KILLS * len(RECIPES)} kills met a run alive")
    # Where the machine is suddenly faster, a run may be done before the signal comes.
    return 1 if failures or met < len(RECIPES) // 2 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
