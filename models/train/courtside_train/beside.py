"""Owns Python's half of `scripts/bench-lanes`: times networks when the other half asks for it.

Says the version of onnxruntime first. Then, for each line with a network, the file that begins with its input, the input's
shape and a number of runs, separated by tabs, a line of as many times in ms. The first run of a turn is not counted.
"""

import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime

from . import runtime


@cache
def loaded(network: Path, golden: Path, shape: tuple[int, ...]) -> tuple[onnxruntime.InferenceSession, dict]:
    """A network, and the real input that it proves itself on."""
    run = runtime.session(network)
    values = np.fromfile(golden, "<f4", count=int(np.prod(shape))).reshape(shape)
    return run, {run.get_inputs()[0].name: values}


def turn(line: str) -> str:
    """The answer to one line."""
    network, golden, shape, runs = line.rstrip("\n").split("\t")
    run, feed = loaded(Path(network), Path(golden), tuple(map(int, shape.split("x"))))
    took = []
    for _ in range(int(runs) + 1):
        before = time.perf_counter()
        run.run(None, feed)
        took.append(1000 * (time.perf_counter() - before))
    return " ".join(f"{ms:.6f}" for ms in took[1:])


def main() -> None:
    print(onnxruntime.__version__, flush=True)
    for line in sys.stdin:
        print(turn(line), flush=True)


if __name__ == "__main__":
    main()
