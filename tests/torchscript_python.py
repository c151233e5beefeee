#!/usr/bin/env python3
"""An exported TorchScript file, loaded by Python's torch, computes what onnxruntime computes from the ONNX file beside it.

Usage: torchscript_python.py NETWRIGHT PYTHON...   The first of the Pythons that can `import torch` loads the script, the first that can import
onnxruntime runs the ONNX file. Exit code 77 (skipped) where either is missing: netwright's own three wheels cannot be imported by Python.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
NETWORKS = {"cell": ["nasbench201:|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|", "channels=4", "cells=1"],
            "residual": ["resnet:width=8,depth=1"]}
INPUT = "[[[[((i * 7 + r * 3 + c * 5 + b) % 11) / 5.5 - 1 for c in range(32)] for r in range(32)] for i in range(3)] for b in range(2)]"
TORCH = f"""
import json, sys, torch
network = torch.jit.load(sys.argv[1]).eval()
with torch.no_grad():
    y = network(torch.tensor({INPUT}))
print(json.dumps((y[0] if isinstance(y, (tuple, list)) else y).tolist()))
"""
ONNX = f"""
import json, sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print(json.dumps(session.run(None, {{session.get_inputs()[0].name: numpy.array({INPUT}, numpy.float32)}})[0].tolist()))
"""


def python_with(module, pythons):
    for python in pythons:
        try:
            if subprocess.run([python, "-c", f"import {module}"], capture_output=True, timeout=120).returncode == 0:
                return python
        except OSError:
            pass
    return None


def outputs(python, program, file):
    return json.loads(subprocess.run([python, "-c", program, file], capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()[-1])


def largest_difference(a, b):
    return max(abs(x - y) for row, other in zip(a, b, strict=True) for x, y in zip(row, other, strict=True))


def main():
    netwright, *pythons = sys.argv[1:]
    torch, onnx = python_with("torch", pythons), python_with("onnxruntime", pythons)
    if torch is None or onnx is None:
        print(f"skipped: no Python with {'torch' if torch is None else 'onnxruntime'} among {', '.join(pythons)}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        for name, words in NETWORKS.items():
            stem = Path(folder) / name
            for suffix in (".pt", ".onnx"):
                subprocess.run([netwright, "export", *words, "--out", f"{stem}{suffix}"], check=True, capture_output=True, timeout=300)
            ours, theirs = outputs(torch, TORCH, f"{stem}.pt"), outputs(onnx, ONNX, f"{stem}.onnx")
            difference, size = largest_difference(ours, theirs), max(abs(y) for row in theirs for y in row)
            print(f"{name}: largest difference {difference:.2g} of {size:.2g}")
            assert difference < 1e-4 * size, name
    return 0


if __name__ == "__main__":
    sys.exit(main())
