"""What `netwright matrix` ticks runs, and what it does not tick is refused for the reason that it gives.

usage: matrix.py PROGRAM SOURCE [--all] [--seed TEXT]

Each cell is one search of a few seconds on real images, or on real text where the space holds language models. Without --all a few cells of every evaluator, drawn by the seed: today's date, so
that another day checks others. With --all every ticked cell; prints each, names those that failed. Without images (package
dataset-fashion-mnist) cells that train on them are left out."""
import argparse
import concurrent.futures
import datetime
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from small_search import write_images

IMAGES = Path("/usr/share/datasets/fashion-mnist")
ONE_SHOT = "supernet"
TRAINS = {ONE_SHOT, "train", "score", "inherit"}       # and need data
FEW = TRAINS | {"timed"}         # a few trials alone
SPOT_CHECKS = {ONE_SHOT: 8}      # cells of each evaluator; the others 2
REFUSALS = 8
TWO_INPUTS = {"darts", "nasnet", "amoebanet", "enas_micro"}   # their cells stand before each reduction and at the end
PARTS = "train: 48, validation: 16, test: 16, crop: 0, flip: false"
SIDES = {"autoformer_tiny": 32, "autoformer_small": 32, "autoformer_base": 32, "reference": 224, "nasfpn": 128}   # of images; the others 28
READ_TEXT = {"darts_rnn", "enas_rnn"}
SHAPE = re.compile(r"\d+x\d+x\d+")
ACCURACY = "objectives: [{metric: val_accuracy, direction: maximise}]\n"
SUPERNET = "supernet: {relaxation: uniform, update: none, epochs: 1, batch: 8}"
TRAINER = """{name: command, run: 'printf "{\\"val_accuracy\\": 0.%s}" $(cksum | cut -c1-4)'}"""
EVALUATORS = {
    "cost": "cost",
    "tabular": "tabular",
    "command": TRAINER,
    "train": "{name: train, epochs: 1, batch: 8}",
    "score": "{name: score, proxies: synflow, batch: 4}",
    "inherit": "{name: inherit, images: 16}",
    "timed": "{name: timed, runs: 2}",
    "ranks": "{name: ranks, of: cost, scores: 'params, minimise macs', pool: 16}",
}
OBJECTIVES = {"cost": "objectives: [{metric: params, direction: minimise}]\n", "score": "objectives: [{metric: synflow, direction: maximise}]\n",
              "ranks": "objectives: [{metric: log_rank, direction: maximise}]\n",
              "timed": "objectives: [{metric: latency_ms, direction: minimise}]\n"}
UPDATES = {"reinforce": "{name: reinforce, samples: 2}"}
RULES = {"best_of": "{name: best_of, samples: 2, images: 16}", "perturbation": "{name: perturbation, images: 8}"}


def run(program, words, folder, seconds=900):
    environment = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
    return subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds)


class Cells:
    def __init__(self, program, source):
        self.program, self.source = program, Path(source)
        self.cells = json.loads(run(program, ["matrix", "--json"], source).stdout)
        names = {what: [entry["name"] for entry in self.ask("list", what)] for what in ("updates", "derivations")}
        self.updates, self.derivations = names["updates"], names["derivations"]
        self.small = {}

    def ask(self, *words):
        return json.loads(run(self.program, [*words, "--json"], self.source).stdout)

    def settings(self, space):
        """The space's settings at their smallest, as YAML."""
        if space not in self.small:
            known = {entry["name"] for entry in self.ask("space", space)["settings"]}
            small = {"width": 8} if space in READ_TEXT else {"channels": 4, "cells": 3 if space in TWO_INPUTS else 1}
            self.small[space] = "{" + ", ".join(f"{name}: {value}" for name, value in small.items() if name in known) + "}"
        return self.small[space]

    def data(self, space, folder):
        """Options of the data: Fashion-MNIST's, pictures of the size that the space asks for, or text."""
        if space in READ_TEXT:
            return f"source: text, path: {self.source.resolve()}/data/text, unit: char, sequence: 5, train: 48, validation: 16, test: 16"
        if space not in SIDES:
            return f"source: fashion_mnist, {PARTS}"
        write_images(Path(folder, "images"))
        return f"source: folder, path: {folder}/images, size: {SIDES[space]}, validation: 10, crop: 0"

    def page(self, cell):
        """The recipe that the cell names; None where its strategy is put together from parts."""
        page = self.source / "recipes" / f"{cell['strategy']}.md"
        return page if cell["evaluator"] == ONE_SHOT and page.exists() else None

    def words(self, cell, folder, plain=False):
        """What `netwright search` is told; plain: no more than the cell says, a recipe at its full size."""
        space, strategy = cell["space"], cell["strategy"]
        sizes = f"{{name: {space}, network: {self.settings(space)}, search: {self.settings(space)}}}"
        page = self.page(cell)
        if page:
            smoke = shlex.split(re.findall(r"^netwright (search .*-smoke .*)$", page.read_text(), re.MULTILINE)[-1])
            kept = [] if plain else [word for word in smoke[4:] if not word.startswith(("space.", "data."))]
            return [str(page.with_suffix(".yaml")), *kept, f"data={{{self.data(space, folder)}}}", f"space={sizes}", "constraints=[]"]
        config = Path(folder, "cell.yaml")
        config.write_text(f"data: {{{self.data(space, folder)}}}\n" + f"space: {sizes}\n" + self.phases(cell, plain))
        return [str(config)]

    def phases(self, cell, plain):
        strategy, evaluator = cell["strategy"], cell["evaluator"]
        if evaluator != ONE_SHOT:
            before = f"  - {SUPERNET}\n" if evaluator == "inherit" else ""
            trials = 3 if evaluator in FEW else 12
            options = evaluator if plain else EVALUATORS.get(evaluator, evaluator)
            objectives = ACCURACY if plain else OBJECTIVES.get(evaluator, ACCURACY)
            return f"{objectives}phases:\n{before}  - search: {{strategy: {strategy}, evaluator: {options}, trials: {trials}}}\n"
        relaxation, part = strategy.split("+")
        update = part if part in self.updates else self.update_of(cell["space"], relaxation)
        rule = part if part in self.derivations else "strongest"
        return (f"{ACCURACY}phases:\n  - supernet: {{relaxation: {relaxation}, update: {UPDATES.get(update, update)}, epochs: 1, batch: 8}}\n"
                f"  - derive: {{rule: {RULES.get(rule, rule)}}}\n")

    def update_of(self, space, relaxation):
        """The first that goes with the relaxation."""
        ticked = {cell["strategy"] for cell in self.cells if cell["space"] == space and cell["runs"]}
        return next((update for update in self.updates if f"{relaxation}+{update}" in ticked), self.updates[0])

    def failure(self, cell):
        """Runs one ticked cell; "" where it ends well."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                done = run(self.program, ["search", *self.words(cell, folder), "--out", folder + "/out", "threads=1", "max_memory=64GiB"], self.source)
            except subprocess.TimeoutExpired:
                return "it takes too long"
            return "" if done.returncode == 0 else f"exit {done.returncode}: " + (done.stdout[-300:] + done.stderr[-500:]).strip()

    def wrongly_told(self, cell):
        """Checks one cell that is not ticked; "" where `search`, or of a recipe `check`, refuses it for the same reason."""
        with tempfile.TemporaryDirectory() as folder:
            words = self.words(cell, folder, plain=True)
            done = run(self.program, ["check", *words] if self.page(cell) else ["search", *words, "--out", folder + "/out"], self.source)
            said = done.stdout + done.stderr
            return "" if done.returncode == 2 and SHAPE.sub("", cell["reason"]) in SHAPE.sub("", said) else f"exit {done.returncode} in place of 2, '{cell['reason']}': {said[-500:].strip()}"


def title(cell):
    return f"{cell['space']}, {cell['strategy']}, {cell['evaluator']}"


def drawn(cells, seed, count_of):
    """Of each evaluator's cells a few."""
    groups = {}
    for cell in cells:
        groups.setdefault(cell["evaluator"], []).append(cell)
    rng = random.Random(seed)
    return [cell for evaluator in sorted(groups) for cell in rng.sample(groups[evaluator], min(len(groups[evaluator]), count_of(evaluator)))]


def check(cells, judge, workers):
    """Prints each cell as it is done; gives those that failed."""
    failures = []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        def timed(cell):
            start = time.monotonic()
            return cell, judge(cell), time.monotonic() - start
        for number, (cell, failure, seconds) in enumerate(pool.map(timed, cells), 1):
            print(f"[{number}/{len(cells)}] {title(cell)}: {failure or 'ok'} ({seconds:.1f} s)", flush=True)
            if failure:
                failures.append(f"{title(cell)}: {failure}")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("source")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    table = Cells(options.program, options.source)
    ticked = [cell for cell in table.cells if cell["runs"] and (IMAGES.exists() or cell["evaluator"] not in TRAINS or cell["space"] in READ_TEXT)]
    unticked = [cell for cell in table.cells if not cell["runs"]]
    print(f"{len(ticked)} cells run, {len(unticked)} do not; seed {options.seed}" + ("" if IMAGES.exists() else f"; without images ({IMAGES}) nothing is trained"))
    chosen = ticked if options.all else drawn(ticked, options.seed, lambda evaluator: SPOT_CHECKS.get(evaluator, 2))
    failures = check(chosen, table.failure, os.cpu_count() if options.all else 1)
    refused = random.Random(options.seed).sample(unticked, min(REFUSALS, len(unticked)))
    failures += check(refused, table.wrongly_told, 1)
    print("\n".join(["failed:", *failures] if failures else [f"{len(chosen)} cells ran, {len(refused)} were refused as told"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
