"""Owns the last touch of a heatmap network: its bias, so that a fixed confidence means what the box takes it for.

Focal loss leaves confidences too low. The box reports peaks from about 0.3 on, so the threshold that is best on
training pictures is moved to [`EXPECTED`]; ranks of peaks do not change.
"""

import math

import torch

EXPECTED = 0.4
THRESHOLDS = (0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)


def logit(chance: float) -> float:
    return math.log(chance / (1 - chance))


def best_threshold(measured: dict) -> float:
    """The threshold with the highest F1 in what a judge measured (`at_0.3`: recall, precision, …)."""

    def f1(rates: dict) -> float:
        total = rates["recall"] + rates["precision"]
        return 2 * rates["recall"] * rates["precision"] / total if total else 0.0

    best = max(measured, key=lambda name: f1(measured[name]))
    return float(best.removeprefix("at_"))


def move_threshold(bias: torch.nn.Parameter, channel: int, threshold: float) -> None:
    """Shifts one channel of a last bias so that chance `threshold` becomes [`EXPECTED`]."""
    with torch.no_grad():
        bias[channel] += logit(EXPECTED) - logit(threshold)
