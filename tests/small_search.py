"""A search that takes seconds: images written here, a config for them, and the built command run on both. Standard library only."""
import contextlib
import json
import os
import random
import sqlite3
import struct
import subprocess
import time
import zlib
from pathlib import Path

SIZE = 12
CLASSES = {"bars": lambda x, y: x // 2 % 2, "boxes": lambda x, y: x // 3 % 2 ^ y // 3 % 2, "rows": lambda x, y: y // 2 % 2}

PHASES = """phases:
  - supernet: {epochs: 2, batch: 8}
  - derive
  - retrain: {epochs: 2, batch: 8}
  - baselines: {random: 1, resnet: true}
  - export: {verify: false}
"""

SEARCH = "phases: [search: {strategy: random, evaluator: {name: train, epochs: 1, batch: 8}, trials: 4, window: 2}]\n"


def png(width, height, rows):
    """The bytes of an RGB picture; rows: one bytes object of 3 * width values each."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b"")


def write_images(folder, classes=tuple(CLASSES), count=24):
    """One sub-folder a class, each with `count` noisy pictures of its pattern."""
    draw = random.Random(1)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(count):
            rows = [bytes(min(255, max(0, 160 * CLASSES[name](x, y) + draw.randrange(96))) for x in range(SIZE) for _ in range(3)) for y in range(SIZE)]
            (folder / name / f"{i:02}.png").write_bytes(png(SIZE, SIZE, rows))


def config(images, phases, space="{name: minimal2, network: {channels: 4}, search: {channels: 4}}", data="", more=""):
    return (f"name: small\nseed: 3\nthreads: 1\nspace: {space}\n{more}"
            f"data: {{source: folder, path: '{images}', size: {SIZE}, validation: 15, crop: 1{data}}}\n{phases}")


class Netwright:
    """The built command, run in one folder with one thread."""

    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)
        self.environment = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

    def start(self, *words, **options):
        return subprocess.Popen([self.program, *map(str, words)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def run(self, *words, **options):
        """(exit code, standard output, standard error)"""
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def good(self, *words):
        code, out, err = self.run(*words)
        assert code == 0, f"{' '.join(map(str, words))}: exit code {code}\n{out}{err}"
        return out

    def json(self, *words):
        return json.loads(self.good(*words, "--json"))


def rows(study, query):
    """What a query finds in a study's journal; nothing while there is no journal."""
    if not study.exists():
        return []
    with contextlib.closing(sqlite3.connect(study, timeout=30)) as database:
        return database.execute(query).fetchall()


def timeless(value):
    """The same without what depends on the speed of the machine."""
    if isinstance(value, dict):
        return {key: timeless(entry) for key, entry in value.items() if key != "seconds" and not key.endswith("_seconds")}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value


def trials(folder):
    found = rows(folder / "study.db", "SELECT phase, number, label, space, architecture, seed, epochs, state, reason, metrics FROM trial ORDER BY phase, number")
    return [(*row[:-1], timeless(json.loads(row[-1]))) for row in found]


def checkpoint(file):
    """(header without times, the bytes of all values)"""
    content = file.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    if "note" in header.get("__metadata__", {}):
        header["__metadata__"]["note"] = timeless(json.loads(header["__metadata__"]["note"]))
    return header, content[end:]


def wait_for(condition, process=None, seconds=60):
    """Until the condition holds (True) or the process has ended (False)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.005)
    raise AssertionError(f"nothing happened within {seconds} s")
