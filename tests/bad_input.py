#!/usr/bin/env python3
"""What a user may do wrong where training is concerned: one clear line and the right exit code each. Usage: bad_input.py NETWRIGHT"""
import functools
import resource
import shutil
import sqlite3
import struct
import sys
import tempfile
import unittest
from pathlib import Path

from small_search import PHASES, SEARCH, SIZE, Netwright, config, png, rows, trials, write_images

PROGRAM = Path(sys.argv[1]).resolve()
ARCHITECTURE = "minimal2:edge1=conv_3x3,edge2=skip"
SUPERNET = "phases: [supernet: {epochs: 1, batch: 8}]\n"
FAILING = SEARCH.replace("epochs: 1", "epochs: 1, learning_rate: 1e30, gradient_clip: 0")


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content) if isinstance(content, bytes) else file.write_text(content)


def images_with(change):
    """A case's own images, changed."""
    def prepare(folder):
        write_images(folder / "images")
        change(folder / "images")
        write(folder / "c.yaml", config(folder / "images", SUPERNET))
    return prepare


def written(text):
    return lambda folder: write(folder / "c.yaml", text)


def truncated(file):
    file.write_bytes(file.read_bytes()[:-40])


def truncated_idx(folder):
    for part, count in (("train", 20), ("t10k", 10)):
        write(folder / f"idx/{part}-images-idx3-ubyte", struct.pack(">IIII", 0x803, count, 28, 28) + bytes(28 * 28 * count - 5))
        write(folder / f"idx/{part}-labels-idx1-ubyte", struct.pack(">II", 0x801, count) + bytes(count))
    write(folder / "c.yaml", "data: {source: fashion_mnist, path: idx, validation: 5}\nspace: minimal2\n" + SUPERNET)


def truncated_cifar(folder):
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        write(folder / f"cifar/{name}.bin", bytes(3073 * 4 - 10))
    write(folder / "c.yaml", "data: {source: cifar10, path: cifar, validation: 5}\nspace: minimal2\n" + SUPERNET)


def foreign_database(folder):
    (folder / "foreign").mkdir()
    with sqlite3.connect(folder / "foreign/study.db") as database:
        database.execute("CREATE TABLE recipe (name TEXT)")
    database.close()


def another_format(folder):
    with sqlite3.connect(folder / "one/study.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def reopened(*phases):
    """The study, with these phases still to do."""
    def prepare(folder):
        with sqlite3.connect(folder / "one/study.db") as database:
            for phase in phases:
                database.execute("UPDATE phase SET state = 'running' WHERE name = ?", (phase,))
                database.execute("DELETE FROM trial WHERE phase = ?", (phase,))
        database.close()
    return prepare


def both(*steps):
    def prepare(folder):
        for step in steps:
            step(folder)
    return prepare


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def cases(images):
    """(name, what is prepared, words, exit code, fragments of the line). The folder `one` holds a finished study."""
    search = ("search", "c.yaml", "--out", "run")
    change = functools.partial(config, images)
    return [
        ("no_data", written("data: {source: cifar10, path: nowhere}\nspace: minimal2\n" + SUPERNET), search, 2, ["nowhere"]),
        ("truncated_idx", truncated_idx, search, 2, ["images-idx3-ubyte"]),
        ("truncated_cifar", truncated_cifar, search, 2, [".bin"]),
        ("truncated_png", images_with(lambda f: truncated(f / "bars/03.png")), search, 2, ["bars/03.png"]),
        ("text_as_png", images_with(lambda f: write(f / "rows/05.png", "no picture\n" * 20)), search, 2, ["rows/05.png"]),
        ("empty_png", images_with(lambda f: write(f / "rows/05.png", "")), search, 2, ["rows/05.png"]),
        ("empty_class", images_with(lambda f: (f / "zigzag").mkdir()), search, 2, ["zigzag", "no PNG or JPEG"]),
        ("one_class", images_with(lambda f: [shutil.rmtree(f / name) for name in ("bars", "rows")]), search, 2, ["1 sub-folders", "at least 2"]),
        ("test_class_without_training",
         images_with(lambda f: [shutil.copytree(f / name, f / "train" / name) for name in ("bars", "rows")]
                     + [write(f / "test/rosw/0.png", png(SIZE, SIZE, [bytes(3 * SIZE)] * SIZE))]), search, 2, ["'rosw'", "did you mean 'rows'"]),
        ("validation_beyond_the_data", written(change(SUPERNET).replace("validation: 15", "validation: 5000")), search, 2, ["data.validation", "5000"]),
        ("train_beyond_the_data", written(change(SUPERNET, data=", train: 4000")), search, 2, ["data.train", "4000"]),
        ("test_beyond_the_data", written(change(SUPERNET, data=", test: 4000")), search, 2, ["data.test", "4000"]),
        ("no_gpu", written(change(SUPERNET, more="device: cuda\n")), search, 2, ["cuda", "no GPU"]),
        ("unknown_relaxation", written(change("phases: [supernet: {relaxation: sofmax}]\n")), search, 2, ["'sofmax'", "did you mean 'softmax'"]),
        ("no_gradient", written(change("phases: [supernet: {relaxation: uniform}]\n")), search, 2, ["phases[0].supernet", "'uniform' carries no gradient", "first_order"]),
        ("rule_without_mixture", written(change("phases: [supernet: {relaxation: fair, update: none}, derive: {rule: perturbation}]\n")), search, 2,
         ["phases[1].derive", "'perturbation' takes choices out of a mixture", "'fair'"]),
        ("ranking_without_supernet", written(change(SEARCH.replace("]\n", ", retrain, baselines: {ranking_gap: 5}]\n"))), search, 2,
         ["ranking_gap needs a supernet phase"]),
        ("unknown_training_option", written(change(SEARCH.replace("batch:", "btach:"))), search, 2, ["btach", "batch"]),
        ("supernet_diverges", written(change("phases: [supernet: {epochs: 1, batch: 8, learning_rate: 1e30, gradient_clip: 0}]\n")), search, 1,
         ["supernet", "diverged", "epoch 1"]),
        ("retraining_diverges", written(change(PHASES.replace("retrain: {", "retrain: {learning_rate: 1e30, gradient_clip: 0, "))), search, 1,
         ["'retrain'", "every training failed", "diverged"]),
        ("every_candidate_diverges", written(change(FAILING)), search, 1, ["'search'", "every trial failed"]),
        ("failures_in_a_row", written(change(FAILING.replace("window: 2", "max_failures: 2"))), search, 1, ["the last 2 trials failed", "diverged"]),
        ("nothing_fits_into_memory", written(change(SEARCH, more="max_memory: 10kB\n")), search, 1, ["every trial failed"]),
        ("wrong_architecture", None, ("retrain", "minimal2:edge1=conv_3x4,edge2=skip", "--out", "run"), 2, ["conv_3x4", "conv_3x3"]),
        ("no_place_for_a_network", None, ("retrain", ARCHITECTURE), 2, ["--out"]),
        ("no_weights", None, ("evaluate", ARCHITECTURE), 2, ["--weights"]),
        ("weights_not_there", written(change(PHASES)), ("evaluate", ARCHITECTURE, "--config", "c.yaml", "--weights", "none.safetensors"), 2,
         ["none.safetensors", "No such file"]),
        ("weights_of_another_network", written(change(PHASES)),
         ("evaluate", ARCHITECTURE, "--config", "c.yaml", "--weights", "one/baselines_1.safetensors"), 2, ["baselines_1.safetensors"]),
        ("weights_are_no_weights", written(change(PHASES)), ("evaluate", ARCHITECTURE, "--config", "c.yaml", "--weights", "c.yaml"), 2,
         ["c.yaml", "no safetensors"]),
        ("weights_cut_off", lambda f: truncated(f / "one/retrain_0.safetensors"), ("evaluate", "one"), 2, ["retrain_0.safetensors", "ends within"]),
        ("unknown_ending", None, ("export", "one", "--out", "net.tflite"), 2, ["net.tflite", ".onnx"]),
        ("export_to_nowhere", None, ("export", "one", "--out", "/proc/net.onnx"), 1, ["/proc/net.onnx"]),
        ("torchscript_to_nowhere", None, ("export", "one", "--out", "/proc/net.pt"), 1, ["/proc/net.pt"]),
        ("no_folder_to_resume", None, ("resume", "nothing"), 2, ["nothing"]),
        ("folder_without_study", lambda f: (f / "empty").mkdir(), ("resume", "empty"), 2, ["empty", "no study"]),
        ("foreign_database", foreign_database, ("resume", "foreign"), 2, ["foreign/study.db", "no netwright study"]),
        ("another_format", another_format, ("resume", "one"), 2, ["format 99"]),
        ("checkpoint_cut_off", both(reopened("supernet"), lambda f: truncated(f / "one/supernet.safetensors")), ("resume", "one"), 2,
         ["supernet.safetensors", "truncated"]),
        ("checkpoint_emptied", both(reopened("derive"), lambda f: write(f / "one/supernet.safetensors", "")), ("resume", "one"), 2,
         ["supernet.safetensors", "truncated"]),
        ("checkpoint_gone", both(reopened("derive"), lambda f: (f / "one/supernet.safetensors").unlink()), ("resume", "one"), 2, ["supernet.safetensors"]),
        ("checkpoint_of_something_else", both(reopened("derive"), lambda f: shutil.copy(f / "one/retrain_0.safetensors", f / "one/supernet.safetensors")),
         ("resume", "one"), 2, ["supernet.safetensors"]),
        ("retrained_weights_gone", both(reopened("export"), lambda f: (f / "one/retrain_0.safetensors").unlink()), ("resume", "one"), 2,
         ["retrain_0.safetensors"]),
        ("study_there_already", written(change(SUPERNET)), ("search", "c.yaml", "--out", "one"), 2, ["one", "netwright resume"]),
        ("unknown_proxy", None, ("score", ARCHITECTURE, "--proxies", "snipp"), 2, ["'snipp'", "did you mean 'snip'"]),
        ("no_oracles", written("cases: []"), ("oracle", "c.yaml"), 2, ["c.yaml", "JSON"]),
    ]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="netwright-bad-input-"))
        write_images(cls.folder / "images")
        write(cls.folder / "c.yaml", config(cls.folder / "images", PHASES))
        cls.netwright(cls.folder).good("search", "c.yaml", "--out", "one")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @staticmethod
    def netwright(folder):
        netwright = Netwright(PROGRAM, folder)
        netwright.environment["CUDA_VISIBLE_DEVICES"] = ""
        return netwright

    def fresh(self, name):
        folder = self.folder / name
        shutil.copytree(self.folder / "one", folder / "one")
        return folder, self.netwright(folder)

    def check(self, ran, code, fragments):
        self.assertEqual(ran[0], code, ran)
        self.assertTrue(ran[2].startswith("netwright: "), ran[2])
        self.assertEqual(ran[2].count("\n"), 1, ran[2])
        for foreign in ("frame #", "Exception", "c10::", "what()", "terminate", "json.exception"):
            self.assertNotIn(foreign, ran[2])
        for fragment in fragments:
            self.assertIn(fragment, ran[2])

    def test_one_clear_line_each(self):
        table = cases(self.folder / "images")
        self.assertEqual(len({name for name, *_ in table}), len(table))
        for name, prepare, words, code, fragments in table:
            with self.subTest(name):
                folder, netwright = self.fresh(name)
                if prepare:
                    prepare(folder)
                self.check(netwright.run(*words), code, fragments)
                shutil.rmtree(folder)

    def reasons(self, study):
        return [row[0] for row in rows(study / "study.db", "SELECT reason FROM trial WHERE state = 'failed' ORDER BY number")]

    def test_failed_candidates_are_kept_with_their_reasons(self):
        folder, netwright = self.fresh("diverging")
        write(folder / "c.yaml", config(self.folder / "images", FAILING))
        netwright.run("search", "c.yaml", "--out", "run")
        self.assertEqual(len(self.reasons(folder / "run")), 4)
        for reason in self.reasons(folder / "run"):
            self.assertIn("diverged", reason)

    def test_a_search_goes_on_past_candidates_that_do_not_fit(self):
        folder, netwright = self.fresh("memory")
        write(folder / "c.yaml", config(self.folder / "images", SEARCH.replace("trials: 4", "trials: 12"), more="max_memory: 150kB\n"))
        netwright.good("search", "c.yaml", "--out", "run")
        reasons = self.reasons(folder / "run")
        self.assertTrue(0 < len(reasons) < 12, reasons)
        for reason in reasons:
            self.assertIn("too large", reason)

    def test_a_full_disk_loses_no_finished_trial(self):
        folder, netwright = self.fresh("disk")
        write(folder / "c.yaml", config(self.folder / "images", SEARCH.replace("trials: 4", "trials: 9")))  # all that the space has
        netwright.good("search", "c.yaml", "--out", "whole")
        whole = trials(folder / "whole")
        ran = netwright.run("search", "c.yaml", "--out", "run", preexec_fn=lambda: limit_files(200_000))
        self.check(ran, 1, ["study.db"])
        kept = [trial for trial in trials(folder / "run") if trial[7] == "done"]
        self.assertTrue(0 < len(kept) < 9, len(kept))
        self.assertEqual(kept, whole[:len(kept)])
        netwright.good("resume", "run")
        self.assertEqual(trials(folder / "run"), whole)

    def test_a_full_disk_leaves_the_last_checkpoint(self):
        folder, netwright = self.fresh("checkpoints")
        write(folder / "c.yaml", config(self.folder / "images", SUPERNET, space="{name: minimal2, search: {channels: 64}}"))
        self.check(netwright.run("search", "c.yaml", "--out", "run", preexec_fn=lambda: limit_files(900_000)), 1, ["supernet.safetensors"])
        netwright.good("resume", "run")
        self.assertEqual([p["state"] for p in netwright.json("status", "run")["phases"]], ["done"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
