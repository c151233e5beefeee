#!/usr/bin/env python3
"""The works of bench/training_step.cpp in PyTorch's own modules, channels-last: one forward and backward step.

  training_step.py [--work darts|darts_path|darts_v2|nasbench201|mobile|mobile_path] [--batch N] [--threads 1] [--rounds 5]

Prints one JSON line: median, least and most seconds of a step after the first three, which are not counted, and the peak of resident memory
above what stood before them. `make bench-rivals` installs the PyTorch and runs them all beside netwright's.
"""
import argparse
import json
import random
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

FIRST_STEPS = 3   # as bench/training_step.cpp


def depthwise(c, kernel, stride, dilation):
    return nn.Conv2d(c, c, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups=c, bias=False)


def norm(c, affine):
    return nn.BatchNorm2d(c, affine=affine)


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride].mul(0.0)


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out, affine):
        super().__init__()
        self.first = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.second = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.bn = norm(c_out, affine)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.first(x), self.second(x[:, :, 1:, 1:])], 1))


def relu_conv_bn(c_in, c_out, affine, kernel=1):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, kernel, 1, kernel // 2, bias=False), norm(c_out, affine))


def separable(c, kernel, stride, affine):
    return nn.Sequential(nn.ReLU(), depthwise(c, kernel, stride, 1), nn.Conv2d(c, c, 1, bias=False), norm(c, affine),
                         nn.ReLU(), depthwise(c, kernel, 1, 1), nn.Conv2d(c, c, 1, bias=False), norm(c, affine))


def dilated(c, kernel, stride, affine):
    return nn.Sequential(nn.ReLU(), depthwise(c, kernel, stride, 2), nn.Conv2d(c, c, 1, bias=False), norm(c, affine))


def skip(c, stride, affine):
    return nn.Identity() if stride == 1 else FactorizedReduce(c, c, affine)


def candidates(c, stride):
    return nn.ModuleList([
        Zero(stride), nn.Sequential(nn.MaxPool2d(3, stride, 1), norm(c, False)),
        nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False), norm(c, False)), skip(c, stride, False),
        separable(c, 3, stride, False), separable(c, 5, stride, False), dilated(c, 3, stride, False), dilated(c, 5, stride, False)])


def mixed(ops, x, weights):
    """All candidates, or the one whose weight is not zero where a path is drawn (its weight still carries the gradient)."""
    if weights.dim() == 0:
        return weights * ops(x)
    return sum(w * op(x) for w, op in zip(weights, ops))


class SearchCell(nn.Module):
    def __init__(self, before_last, last, c, reduction, behind_reduction):
        super().__init__()
        self.reduction = reduction
        self.preprocess0 = FactorizedReduce(before_last, c, False) if behind_reduction else relu_conv_bn(before_last, c, False)
        self.preprocess1 = relu_conv_bn(last, c, False)
        self.edges = nn.ModuleList(candidates(c, 2 if reduction and j < 2 else 1) for i in range(4) for j in range(i + 2))

    def forward(self, before_last, last, weights, picks):
        states, edge = [self.preprocess0(before_last), self.preprocess1(last)], 0
        for i in range(4):
            values = []
            for state in list(states):
                ops, row = self.edges[edge], weights[edge]
                values.append(mixed(ops, state, row) if picks is None else mixed(ops[picks[edge]], state, row[picks[edge]]))
                edge += 1
            states.append(sum(values))
        return torch.cat(states[2:], 1)


DARTS_V2 = {"normal": [("sep", 0), ("sep", 1), ("sep", 0), ("sep", 1), ("sep", 1), ("skip", 0), ("skip", 0), ("dil", 2)],
            "reduce": [("max", 0), ("max", 1), ("skip", 2), ("max", 1), ("max", 0), ("skip", 2), ("skip", 2), ("max", 1)]}


def chosen(name, c, stride):
    if name == "max":
        return nn.MaxPool2d(3, stride, 1)
    return {"sep": lambda: separable(c, 3, stride, True), "dil": lambda: dilated(c, 3, stride, True), "skip": lambda: skip(c, stride, True)}[name]()


class FoundCell(nn.Module):
    def __init__(self, before_last, last, c, reduction, behind_reduction):
        super().__init__()
        self.preprocess0 = FactorizedReduce(before_last, c, True) if behind_reduction else relu_conv_bn(before_last, c, True)
        self.preprocess1 = relu_conv_bn(last, c, True)
        genotype = DARTS_V2["reduce" if reduction else "normal"]
        self.inputs = [state for _, state in genotype]
        self.ops = nn.ModuleList(chosen(name, c, 2 if reduction and state < 2 else 1) for name, state in genotype)

    def forward(self, before_last, last, *_):
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        for i in range(4):
            states.append(sum(self.ops[2 * i + k](states[self.inputs[2 * i + k]]) for k in range(2)))
        return torch.cat(states[2:], 1)


class Darts(nn.Module):
    """The network of the DARTS paper around either kind of cell."""

    def __init__(self, channels, cells, search, path=False):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False), norm(3 * channels, True))
        before_last = last = 3 * channels
        c, behind, made = channels, False, []
        for i in range(cells):
            reduction = i in (cells // 3, 2 * cells // 3)
            c = 2 * c if reduction else c
            made.append((SearchCell if search else FoundCell)(before_last, last, c, reduction, behind))
            before_last, last, behind = last, 4 * c, reduction
        self.cells = nn.ModuleList(made)
        self.classifier = nn.Linear(last, 10)
        self.path = path
        self.alphas = nn.ParameterList(nn.Parameter(1e-3 * torch.randn(14, 8)) for _ in range(2)) if search else None

    def rows(self, alpha):
        if not self.path:
            return F.softmax(alpha, -1), None
        hard = F.gumbel_softmax(alpha, 10.0, hard=True)
        return hard, hard.argmax(-1).tolist()

    def forward(self, x):
        before_last = last = self.stem(x)
        rows = [self.rows(alpha) for alpha in self.alphas] if self.alphas is not None else [(None, None)] * 2
        for cell in self.cells:
            before_last, last = last, cell(before_last, last, *rows[1 if getattr(cell, "reduction", False) else 0])
        return self.classifier(last.mean((2, 3)))


class Cell201(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList([Zero(1), nn.Identity(), relu_conv_bn(c, c, False), relu_conv_bn(c, c, False, 3), nn.AvgPool2d(3, 1, 1, count_include_pad=False)])
            for _ in range(6))

    def forward(self, x, weights):
        states, edge = [x], 0
        for i in range(3):
            values = []
            for state in list(states):
                values.append(mixed(self.edges[edge], state, weights[edge]))
                edge += 1
            states.append(sum(values))
        return states[-1]


class Residual(nn.Module):
    def __init__(self, c_in, c):
        super().__init__()
        self.a = nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c, 3, 2, 1, bias=False), norm(c, True))
        self.b = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, 3, 1, 1, bias=False), norm(c, True))
        self.down = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c, 1, bias=False))

    def forward(self, x, *_):
        return self.down(x) + self.b(self.a(x))


class NasBench201(nn.Module):
    def __init__(self, channels=16, repeats=5):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), norm(channels, True))
        c, body = channels, []
        for stage in range(3):
            if stage > 0:
                body.append(Residual(c, 2 * c))
                c *= 2
            body += [Cell201(c) for _ in range(repeats)]
        self.body = nn.ModuleList(body)
        self.head = nn.Sequential(norm(c, True), nn.ReLU())
        self.classifier = nn.Linear(c, 10)
        self.alphas = nn.Parameter(1e-3 * torch.randn(6, 5))

    def forward(self, x):
        x, weights = self.stem(x), F.softmax(self.alphas, -1)
        for part in self.body:
            x = part(x, weights)
        return self.classifier(self.head(x).mean((2, 3)))


def eighths(value):
    """To a multiple of 8, by at most a tenth below the value."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


class ElasticBlock(nn.Module):
    """An inverted residual whose expansion (3, 4, 6) and kernel (3, 5, 7, through matrices) are picked at each step: slices of the largest weights."""

    def __init__(self, c_in, c_out, stride, act, squeeze):
        super().__init__()
        self.widths = [eighths(c_in * e) for e in (3, 4, 6)]
        most, self.stride, self.act, self.residual = self.widths[-1], stride, act, stride == 1 and c_in == c_out
        self.expand, self.project = nn.Conv2d(c_in, most, 1, bias=False), nn.Conv2d(most, c_out, 1, bias=False)
        self.windows = nn.Conv2d(most, most, 7, groups=most, bias=False)
        self.to5, self.to3 = nn.Parameter(torch.eye(25)), nn.Parameter(torch.eye(9))
        self.norm1, self.norm2, self.norm3 = norm(most, True), norm(most, True), norm(c_out, True)
        self.reduce = nn.Conv2d(most, eighths(most // 4), 1) if squeeze else None
        self.excite = nn.Conv2d(eighths(most // 4), most, 1) if squeeze else None

    def kernel(self, c, size):
        weight = self.windows.weight[:c]
        for edge, matrix in ((5, self.to5), (3, self.to3)):
            if size <= edge:
                weight = F.linear(weight[:, :, 1:-1, 1:-1].reshape(c, edge * edge), matrix).view(c, 1, edge, edge)
        return weight

    def normalised(self, bn, x):
        c = x.shape[1]
        return F.batch_norm(x, bn.running_mean[:c], bn.running_var[:c], bn.weight[:c], bn.bias[:c], True, 0.1, 1e-5)

    def forward(self, x, size, expansion):
        c = self.widths[expansion]
        y = self.act(self.normalised(self.norm1, F.conv2d(x, self.expand.weight[:c])))
        y = self.act(self.normalised(self.norm2, F.conv2d(y, self.kernel(c, size), stride=self.stride, padding=size // 2, groups=c)))
        if self.reduce is not None:
            s = eighths(c // 4)
            gate = F.relu(F.conv2d(y.mean((2, 3), keepdim=True), self.reduce.weight[:s, :c], self.reduce.bias[:s]))
            y = y * F.hardsigmoid(F.conv2d(gate, self.excite.weight[:c, :s], self.excite.bias[:c]))
        y = self.norm3(F.conv2d(y, self.project.weight[:, :c]))
        return x + y if self.residual else y


class Mobile(nn.Module):
    """Once-for-All's MobileNetV3 supernet; one network of it a step: the largest, or one drawn at random."""

    def __init__(self, path=False):
        super().__init__()
        self.path = path
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), norm(16, True), nn.Hardswish())
        self.first = nn.Sequential(depthwise(16, 3, 1, 1), norm(16, True), nn.ReLU(), nn.Conv2d(16, 16, 1, bias=False), norm(16, True))
        forms = [(24, 2, F.relu, False), (40, 2, F.relu, True), (80, 2, F.hardswish, False), (112, 1, F.hardswish, True), (160, 2, F.hardswish, True)]
        c, self.units = 16, nn.ModuleList()
        for width, stride, act, squeeze in forms:
            self.units.append(nn.ModuleList(ElasticBlock(width if i else c, width, 1 if i else stride, act, squeeze) for i in range(4)))
            c = width
        self.final = nn.Sequential(nn.Conv2d(160, 960, 1, bias=False), norm(960, True), nn.Hardswish())
        self.mix = nn.Conv2d(960, 1280, 1, bias=False)
        self.classifier = nn.Linear(1280, 10)
        self.draw = random.Random(1)

    def pick(self, choices):
        return self.draw.choice(choices) if self.path else choices[-1]

    def forward(self, x):
        x = self.stem(x)
        x = x + self.first(x)
        for unit in self.units:
            for block in unit[: self.pick((2, 3, 4))]:
                x = block(x, self.pick((3, 5, 7)), self.pick((0, 1, 2)))
        x = F.hardswish(self.mix(self.final(x).mean((2, 3), keepdim=True))).flatten(1)
        return self.classifier(F.dropout(x, 0.1))


SIDES = {"mobile": 112, "mobile_path": 112}
WORKS = {"darts": (lambda: Darts(16, 8, True), 16), "darts_path": (lambda: Darts(16, 8, True, path=True), 16),
         "darts_v2": (lambda: Darts(36, 20, False), 32), "nasbench201": (NasBench201, 64), "mobile": (Mobile, 8),
         "mobile_path": (lambda: Mobile(path=True), 8)}


def resident_peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=WORKS, default="darts")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--paced", type=int, default=0, help="1: wait for a line before each round, as bench/training_step.cpp does")
    setting = parser.parse_args()
    torch.set_num_threads(setting.threads)
    torch.manual_seed(1)
    make, batch = WORKS[setting.work]
    batch = setting.batch or batch
    network = make().to(memory_format=torch.channels_last)
    side = SIDES.get(setting.work, 32)
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))

    def step():
        for parameter in network.parameters():
            parameter.grad = None
        F.cross_entropy(network(images), labels).backward()

    before = resident_peak_mb()
    for _ in range(FIRST_STEPS):
        step()
    peak, seconds, processor = resident_peak_mb() - before, [], []
    for _ in range(setting.rounds):
        if setting.paced:
            print("ready", flush=True)
            input()
        start, used = time.perf_counter(), time.process_time()
        step()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    print(json.dumps({"benchmark": "rival_training_step", "torch": torch.__version__, "work": setting.work, "batch": batch, "threads": setting.threads,
                      "weights": sum(p.numel() for p in network.parameters()), "peak_mb_above_weights": round(peak, 1),
                      "seconds": {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds), "rounds": setting.rounds},
                      "processor_seconds": statistics.median(processor), "command": " ".join(sys.argv)}))


if __name__ == "__main__":
    main()
