"""Owns how exported networks are run and timed here: ONNX Runtime, one thread, as on a box."""

import time
from pathlib import Path

import numpy as np
import onnxruntime

RUNS = 60


def session(network: Path) -> onnxruntime.InferenceSession:
    """A session of one thread that does not spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])


def _timed(run: onnxruntime.InferenceSession, feed: dict) -> float:
    before = time.perf_counter()
    run.run(None, feed)
    return time.perf_counter() - before


def cost_ms(run: onnxruntime.InferenceSession, feed: dict) -> float:
    """Median time of one run."""
    return round(1000 * float(np.median([_timed(run, feed) for _ in range(RUNS)])), 2)


def cost_ratio(one: onnxruntime.InferenceSession, other: onnxruntime.InferenceSession, feed: dict) -> float:
    """Time of the other network over the one's: the median of runs in turn, so that other work hits both alike."""
    times = [(_timed(one, feed), _timed(other, feed)) for _ in range(RUNS)]
    first, second = (float(np.median(part)) for part in zip(*times))
    return second / first
