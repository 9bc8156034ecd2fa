"""Owns the measures of the sound lane on scenes it never heard. Trains nothing.

A block is judged as on a box: from the window in which [`LOOKAHEAD`] blocks follow it.
"""

import numpy as np
import torch

from .sound_net import WINDOW_BLOCKS, window
from .sound_scenes import BLOCKS, KINDS, Sounds

LOOKAHEAD = 3
THRESHOLD = 0.5
NEAR_BLOCKS = 5  # a told sound counts when it begins at most half a second off
BINS = 10


def heard(net: torch.nn.Module, sounds: Sounds, scene: int) -> np.ndarray:
    """Chances f32 `[91, 5]` of the blocks 6 to 96 of a scene, each with its look-ahead."""
    windows = np.stack([window(sounds, scene, first)[0] for first in range(BLOCKS - WINDOW_BLOCKS + 1)])
    with torch.no_grad():
        return net(torch.from_numpy(windows)).sigmoid().numpy()[:, WINDOW_BLOCKS - 1 - LOOKAHEAD]


def runs(sounding: np.ndarray) -> list[tuple[int, int]]:
    """First block and end of each stretch of true blocks; gaps of up to two are bridged."""
    found: list[tuple[int, int]] = []
    for at in np.flatnonzero(sounding):
        if found and at - found[-1][1] <= 2:
            found[-1] = (found[-1][0], int(at) + 1)
        else:
            found.append((int(at), int(at) + 1))
    return found


def judge(net: torch.nn.Module, groups: list[Sounds]) -> dict:
    """For each kind: recall of sounds, false ones an hour, and how far its confidences are off (blocks)."""
    net.eval()
    tallies = {kind: {"sounds": 0, "found": 0, "false": 0, "told": []} for kind in KINDS}
    scenes = 0
    for group in groups:
        for scene in range(len(group.labels)):
            chances = heard(net, group, scene)
            labels = group.labels[scene, WINDOW_BLOCKS - 1 - LOOKAHEAD :][: len(chances)]
            scenes += 1
            for index, kind in enumerate(KINDS):
                count(tallies[kind], chances[:, index], labels[:, index])
    hours = scenes * (BLOCKS - WINDOW_BLOCKS + 1) / 36_000
    return {kind: summary(tally, hours) for kind, tally in tallies.items()}


def count(tally: dict, chances: np.ndarray, labels: np.ndarray) -> None:
    """Adds one kind of one scene: chances and labels f32 `[91]`."""
    told = runs(chances >= THRESHOLD)
    near = lambda a, b: a[0] - NEAR_BLOCKS <= b[0] < a[1] + NEAR_BLOCKS or b[0] - NEAR_BLOCKS <= a[0] < b[1] + NEAR_BLOCKS
    real = runs(labels == 1)
    tally["sounds"] += len(real)
    tally["found"] += sum(any(near(sound, answer) for answer in told) for sound in real)
    unclear = runs(np.isnan(labels))
    tally["false"] += sum(not any(near(sound, answer) for sound in real + unclear) for answer in told)
    known = np.isfinite(labels)
    tally["told"].append(np.stack([chances[known], labels[known]], 1))


def summary(tally: dict, hours: float) -> dict:
    told = np.concatenate(tally["told"])
    places = np.minimum((told[:, 0] * BINS).astype(int), BINS - 1)
    off = sum(abs(part.mean(0) @ [1, -1]) * len(part) for part in (told[places == at] for at in range(BINS)) if len(part))
    return {
        "sounds": tally["sounds"],
        "recall": round(tally["found"] / max(1, tally["sounds"]), 4),
        "false_an_hour": round(tally["false"] / hours, 2),
        "calibration_error": round(float(off) / max(1, len(told)), 4),
    }
