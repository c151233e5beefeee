#!/usr/bin/env python3
"""The whole way at the size of a stamp: search, kill, resume, workers, interrupts, the verbs. Usage: pipeline.py NETWRIGHT ORACLES.json"""
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

from small_search import (PHASES, SEARCH, Netwright, checkpoint, config, rows, timeless, trials, wait_for, write_images)

PROGRAM, ORACLES = (Path(word).resolve() for word in sys.argv[1:3])
SPACE = Path(__file__).resolve().parent.parent / "spaces" / "small.yaml"
EPOCHS = ("phases.supernet.epochs=4", "phases.retrain.epochs=4")
FOUND = ("study.db", "report.html", "best.json", "best.onnx", "best.safetensors", "best.pt", "config.resolved.yaml")
PHASE_NAMES = ("supernet", "derive", "retrain", "baselines", "export")


def phase_state(folder, name):
    found = rows(folder / "study.db", f"SELECT state FROM phase WHERE name = '{name}'")
    return found[0][0] if found else None


class Pipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="netwright-pipeline-"))
        write_images(cls.folder / "images")
        (cls.folder / "c.yaml").write_text(config(cls.folder / "images", PHASES))
        (cls.folder / "trained.yaml").write_text(config(cls.folder / "images", SEARCH))
        cls.netwright = Netwright(PROGRAM, cls.folder)
        cls.netwright.good("search", "c.yaml", "--out", "one", *EPOCHS)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def same_study(self, other):
        one, two = self.folder / "one", self.folder / other
        self.assertEqual(trials(one), trials(two))
        for query in ("SELECT name, kind, state FROM phase ORDER BY id", "SELECT summary FROM phase WHERE name = 'derive'",
                      "SELECT phase, name, step, value FROM series ORDER BY phase, step, name",
                      "SELECT phase, number, step FROM report ORDER BY phase, number, step", "SELECT name, kind FROM artefact ORDER BY name"):
            self.assertEqual(rows(one / "study.db", query), rows(two / "study.db", query), query)
        self.assertEqual(checkpoint(one / "supernet.safetensors"), checkpoint(two / "supernet.safetensors"))
        for file in ("best.onnx", "best.safetensors", "best.graph.json", "baselines_0.safetensors", "baselines_1.safetensors"):
            self.assertEqual((one / file).read_bytes(), (two / file).read_bytes(), file)

    def go_on(self, out):
        """The command that a user calls after a crash."""
        return ["resume", out] if (self.folder / out / "study.db").exists() else ["search", "c.yaml", "--out", out, *EPOCHS]

    def test_a_search_leaves_what_it_found(self):
        for file in FOUND:
            self.assertTrue((self.folder / "one" / file).exists(), file)
        phases = self.netwright.json("status", "one")["phases"]
        self.assertEqual([(p["name"], p["state"]) for p in phases], [(name, "done") for name in PHASE_NAMES])
        for trial in trials(self.folder / "one"):
            self.assertIn("test_accuracy", trial[-1])

    def test_the_same_seed_gives_the_same_study(self):
        self.netwright.good("search", "c.yaml", "--out", "again", *EPOCHS)
        self.same_study("again")
        self.netwright.good("search", "c.yaml", "--out", "other", "--seed", "4", *EPOCHS)
        self.assertNotEqual(trials(self.folder / "one"), trials(self.folder / "other"))

    def test_killed_in_every_phase_it_comes_to_the_same(self):
        """Each chain is killed once in each phase, at a random point of it, and once while it starts."""
        seconds = dict(rows(self.folder / "one" / "study.db", "SELECT name, finished_at - started_at FROM phase"))
        draw = random.Random(5)
        cuts = 0
        for chain in range(3):
            out = f"killed{chain}"
            folder = self.folder / out
            for phase in (None, *PHASE_NAMES):
                process = self.netwright.start(*self.go_on(out))
                reached = phase is None or wait_for(lambda: phase_state(folder, phase) is not None, process)
                time.sleep(draw.random() * (0.2 if phase is None else seconds[phase]))
                process.kill()
                process.communicate()
                cuts += reached and process.returncode == -signal.SIGKILL
            self.netwright.good(*self.go_on(out))
            self.same_study(out)
        self.assertGreaterEqual(cuts, 10)  # of 18; the others were done before the signal came

    def test_workers_change_nothing(self):
        for workers in (1, 2):
            self.netwright.good("search", "trained.yaml", "--out", f"workers{workers}", "--workers", workers)
        one, two = (trials(self.folder / f"workers{workers}") for workers in (1, 2))
        self.assertEqual([trial[7] for trial in one], ["done"] * 4)
        self.assertEqual(one, two)

    def interrupt(self, out, phase, start, workers=1):
        """Exit code and standard error of a run that SIGINT meets in a phase."""
        process = self.netwright.start(*start, "--workers", workers)
        self.assertTrue(wait_for(lambda: phase_state(self.folder / out, phase) == "running", process))
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (130, "netwright: interrupted; finished trials are kept\n"))
        self.netwright.json("status", out)

    def test_interrupted_it_can_be_resumed(self):
        long = ("phases.supernet.epochs=150", "phases.retrain.epochs=60")
        self.netwright.good("search", "c.yaml", "--out", "long", *long)
        self.interrupt("stopped", "supernet", ["search", "c.yaml", "--out", "stopped", *long])
        self.interrupt("stopped", "retrain", ["resume", "stopped"])
        self.netwright.good("resume", "stopped")
        self.assertEqual(trials(self.folder / "long"), trials(self.folder / "stopped"))
        self.assertEqual(checkpoint(self.folder / "long/supernet.safetensors"), checkpoint(self.folder / "stopped/supernet.safetensors"))

    def test_an_interrupted_search_counts_no_failures(self):
        words = ["search", "trained.yaml", "phases.search.evaluator.epochs=30", "--out"]
        self.netwright.good(*words, "whole")
        for workers in (1, 2):
            out = f"broken{workers}"
            self.interrupt(out, "search", [*words, out], workers)
            self.netwright.good("resume", out, "--workers", workers)
            self.assertEqual(trials(self.folder / "whole"), trials(self.folder / out))

    def test_one_process_at_a_time_runs_a_study(self):
        process = self.netwright.start("search", "c.yaml", "--out", "held", "phases.supernet.epochs=5000")
        self.assertTrue(wait_for(lambda: (self.folder / "held/study.db.lock").exists() and phase_state(self.folder / "held", "supernet") == "running", process))
        code, _, err = self.netwright.run("resume", "held")
        self.assertEqual(code, 1)
        self.assertIn(f"process {process.pid} is running this study already", err)
        self.assertEqual(phase_state(self.folder / "held", "supernet"), "running")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)

    def test_a_second_signal_ends_at_once(self):
        process = self.netwright.start("search", "c.yaml", "--out", "twice", "phases.supernet.epochs=5000")
        self.assertTrue(wait_for(lambda: phase_state(self.folder / "twice", "supernet") == "running", process))
        process.send_signal(signal.SIGSTOP)  # both signals meet it at the same point
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (130, ""))
        self.netwright.json("status", "twice")

    def test_every_verb_reads_a_study(self):
        best = self.netwright.json("top", "one")[0]
        self.assertIn("test_accuracy", best["metrics"])
        self.assertEqual(self.netwright.json("show", "one", "retrain/0")["state"], "done")
        derived = self.netwright.json("derive", "one")
        self.assertEqual(self.netwright.good("derive", "one").strip(), f"{derived['space']}:{derived['architecture']}")
        for words in (["status", "one"], ["top", "one"], ["show", "one"], ["report", "one", "--out", "r.html"], ["profile", "one"]):
            self.assertTrue(self.netwright.good(*words).strip(), words)
        tested = self.netwright.json("evaluate", "one")
        stored = trials(self.folder / "one")[-1]
        self.assertEqual(stored[0], "retrain")
        self.assertAlmostEqual(tested["test_accuracy"], stored[-1]["test_accuracy"])
        self.assertAlmostEqual(tested["test_loss"], stored[-1]["test_loss"], places=6)
        for file in ("n.onnx", "n.pt", "n.safetensors", "n.json"):
            self.netwright.good("export", "one", "--out", file)
        for file in ("onnx", "safetensors"):
            self.assertGreater((self.folder / f"n.{file}").stat().st_size, 1000)

    def test_one_network_alone(self):
        architecture = "minimal2:edge1=conv_3x3,edge2=skip"
        self.netwright.good("retrain", architecture, "--config", "c.yaml", "--epochs", 1, "--out", "alone")
        (trial,) = trials(self.folder / "alone")
        self.assertEqual((trial[0], trial[4], trial[-1]["epochs"]), ("retrain", "edge1=conv_3x3,edge2=skip", 1))
        tested = self.netwright.json("evaluate", architecture, "--config", "c.yaml", "--weights", "alone/best.safetensors")
        self.assertAlmostEqual(tested["val_loss"], trial[-1]["val_loss"], places=6)
        again = self.netwright.json("evaluate", "alone")
        self.assertEqual(timeless(again), timeless(tested))

    def test_a_network_of_a_space_file_alone(self):
        shutil.copy(SPACE, self.folder / "tiny.yaml")
        search = "phases: [search: {strategy: random, evaluator: cost, trials: 2}]\n"
        goal = "objectives: [{metric: macs, direction: minimise}]\n"
        (self.folder / "f.yaml").write_text(config(self.folder / "images", search, space="{name: tiny.yaml, network: {channels: 4}}", more=goal))
        self.netwright.good("search", "f.yaml", "--out", "costs")
        text = self.netwright.json("top", "costs")[0]["architecture"]
        for i, written in enumerate((f"tiny.yaml:{text}", "costs", "costs/best.json")):
            self.netwright.good("retrain", written, "--config", "f.yaml", "--epochs", 1, "--out", f"filed{i}", "--seed", 9)
            self.assertEqual(trials(self.folder / f"filed{i}"), trials(self.folder / "filed0"))
        self.assertEqual(trials(self.folder / "filed0")[0][4], text)
        self.netwright.json("evaluate", "filed2")

    def test_a_supernet_without_derive_is_derived_afterwards(self):
        (self.folder / "s.yaml").write_text(config(self.folder / "images", "phases: [supernet: {epochs: 4, batch: 8}]\n"))
        self.netwright.good("search", "s.yaml", "--out", "only")
        self.assertEqual(self.netwright.json("derive", "only"), self.netwright.json("derive", "one"))

    def test_the_ranking_of_a_supernet_is_compared_with_that_of_trained_networks(self):
        self.netwright.good("search", "c.yaml", "--out", "ranked", "phases.baselines={random: 0, resnet: false, ranking_gap: 6}")
        self.assertEqual([t[0] for t in trials(self.folder / "ranked")].count("baselines"), 5)
        (alarm,) = [a for a in self.netwright.json("status", "ranked")["alarms"] if a["name"] == "ranking"]
        self.assertIn("6 architectures trained for themselves", alarm["measured"])
        self.assertIn("Kendall's tau", alarm["measured"])
        self.assertIn("ranking: 6 architectures", self.netwright.good("status", "ranked"))
        self.assertIn("with the weights of supernet", (self.folder / "ranked/report.html").read_text())
        # The found network and one random one are too few.
        self.assertNotIn("ranking", [a["name"] for a in self.netwright.json("status", "one")["alarms"]])

    def test_search_with_inherited_weights(self):
        phases = ("phases:\n  - supernet: {epochs: 1, batch: 8}\n  - search: {strategy: random, evaluator: {name: inherit}, trials: 3}\n"
                  "  - retrain: {epochs: 1, best: 2}\n  - export: {onnx: false}\n")
        (self.folder / "i.yaml").write_text(config(self.folder / "images", phases))
        self.netwright.good("search", "i.yaml", "--out", "inherited")
        states = [(t[0], t[7]) for t in trials(self.folder / "inherited")]
        # Two random networks and a ResNet join by default, where the config says nothing of baselines.
        self.assertEqual(states, [("baselines", "done")] * 3 + [("retrain", "done")] * (len(states) - 6) + [("search", "done")] * 3)

    def test_retraining_goes_on_from_the_shared_weights_when_asked(self):
        phases = "phases:\n  - supernet: {epochs: 4, batch: 8}\n  - derive: {}\n  - retrain: {epochs: 1, weights: supernet}\n"
        (self.folder / "w.yaml").write_text(config(self.folder / "images", phases))
        said = self.netwright.good("search", "w.yaml", "--out", "shared")
        inherited, tensors = (int(n) for n in re.search(r"retrain: (\d+) of (\d+) tensors begin as the supernet's", said).groups())
        self.assertEqual(inherited, tensors)
        self.netwright.json("evaluate", "shared")
        (self.folder / "n.yaml").write_text(config(self.folder / "images", phases.replace("  - supernet: {epochs: 4, batch: 8}\n  - derive: {}\n", "")))
        code, _, err = self.netwright.run("search", "n.yaml", "--out", "none")
        self.assertEqual(code, 2)
        self.assertIn("need a supernet phase before", err)

    def test_known_answers(self):
        verdicts = self.netwright.json("oracle", ORACLES, "--only", "N201-")
        self.assertGreater(len(verdicts), 3)
        self.assertEqual({v["verdict"] for v in verdicts}, {"pass"}, [v["id"] for v in verdicts if v["verdict"] != "pass"])

    def test_scores(self):
        architecture = "nasbench201:|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
        scores = self.netwright.json("score", architecture, "channels=4", "cells=1", "--fill", "oracle", "--batch", 4)["proxies"]
        self.assertEqual(set(scores), {p["name"] for p in self.netwright.json("list", "proxies")})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
