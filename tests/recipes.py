"""Every recipe: its full size passes `netwright check`, and the smoke size that its page prints runs to the end on real images,
or on real text.

usage: recipes.py PROGRAM SOURCE [--smoke NAME ...]; --smoke alone runs them all. Without Fashion-MNIST the smoke sizes that read it are skipped."""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path


IMAGES = Path("/usr/share/datasets/fashion-mnist")


def run(program, words, folder, seconds=600):
    environment = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
    return subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds)


def smoke_words(page, name):
    """The words behind `netwright` in the page's last command, with the output folder left out."""
    line = re.findall(r"^netwright (search .*-smoke .*)$", page, re.MULTILINE)[-1]
    words = shlex.split(line)
    at = words.index("--out")
    return words[:at] + words[at + 2:]


def main(program, source, *rest):
    recipes = sorted(Path(source, "recipes").glob("*.yaml"))
    wanted = set(rest[1:]) if rest[:1] == ("--smoke",) else set()
    failures = []
    smoke = rest[:1] == ("--smoke",)
    if smoke and not IMAGES.exists():
        print(f"the smoke sizes that read images are skipped: {IMAGES} is not there (package dataset-fashion-mnist)")
    assert recipes, "there is no recipe"
    for recipe in recipes:
        page = recipe.with_suffix(".md").read_text()
        checked = run(program, ["check", str(recipe)], source)
        if checked.returncode != 0:
            failures.append(f"{recipe.name}: check: {checked.stdout}{checked.stderr}")
        words = smoke_words(page, recipe.stem)
        readable = IMAGES.exists() or "data.source=fashion_mnist" not in words
        if not smoke or not readable or (wanted and recipe.stem not in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            done = run(program, [*words, "--out", folder + "/out", "threads=1"], source)
            if done.returncode != 0:
                failures.append(f"{recipe.name}: smoke: {done.stdout[-600:]}{done.stderr[-600:]}")
            else:
                print("ran", recipe.name)
    print("\n".join(failures) or f"{len(recipes)} recipes pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
