"""Owns the call to `court dataset` and the shapes of what it writes. Knows nothing of training.

Seeds are the only thing that tells training from judging, so their ranges live here.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TRAINING_SEEDS = range(0, 1_000_000)
JUDGING_SEEDS = range(2_000_000, 9_000_000)  # 9_000_000 and above belong to the demo and the e2e tests

FPS = 25.0
RIM_FRAMES = 72
SIGHT_FRAMES_MIN = 42  # a window of 16 slots needs 31 to 39
FIELD_FRAMES = 12
FIELD_SIZE = (288, 512)  # rows, columns

MISSED, MADE = 1, 2  # classes of a rim slot; 0 is nothing
CLASS_OF_KIND = {"missed_shot": MISSED, "made_shot": MADE}
CACHE = Path(os.environ.get("COURTSIDE_TRAIN_CACHE", Path.home() / ".cache/courtside/train"))


@dataclass
class RimClips:
    """Clips of one viewport size.

    - frames: u8 `[n, 72, p, p]`, luma as a decoder gives it (limited range).
    - boxes: f32 `[n, 72, 4]`, hoop box x0, y0, x1, y1 in viewport pixels.
    - balls: f32 `[n, 72, 4]`, x, y, radius in viewport pixels, visible 0..1 (a ball far away is 0).
    - events: f32 `[n, k, 2]`, class and frame of each moment, padded with class 0.
    - sight: i64 `[n, 2]`, first and last frame of the longest stretch with the hoop well inside the viewport.
    - seeds: i64 `[n]`.
    """

    frames: np.ndarray
    boxes: np.ndarray
    balls: np.ndarray
    events: np.ndarray
    sight: np.ndarray
    seeds: np.ndarray


@dataclass
class Fields:
    """Short sequences of whole pictures.

    - frames: u8 `[n, 12, 288, 512]`.
    - balls: f32 `[n, 12, b, 4]`, x, y, radius in pixels, visible 0..1, padded with radius 0.
    - hoops: f32 `[n, 12, h, 4]`, boxes x0, y0, x1, y1, padded with zeros.
    - seeds: i64 `[n]`.
    """

    frames: np.ndarray
    balls: np.ndarray
    hoops: np.ndarray
    seeds: np.ndarray


def court_binary() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/courtside/target"))
    return Path(os.environ.get("COURT", target / "debug/court"))


def render(kind: str, seeds: range, out: Path) -> None:
    """Renders `seeds` into `out` with `court dataset rim|field`."""
    out.mkdir(parents=True, exist_ok=True)
    command = [str(court_binary()), "dataset", kind, "--first-seed", str(seeds.start)]
    subprocess.run([*command, "--seeds", str(len(seeds)), "--out", str(out)], check=True)


def padded(rows: list, width: int, length: int) -> np.ndarray:
    """`rows` (at most `length` of them, each `width` numbers) as f32 `[length, width]`, zeros behind."""
    table = np.zeros((length, width), np.float32)
    if rows:
        table[: len(rows)] = np.asarray(rows, np.float32)[:length]
    return table


def _events(clip: dict) -> list:
    return [[CLASS_OF_KIND[event["kind"]], event["frame"]] for event in clip["events"]]


def in_sight(boxes: np.ndarray, p: int) -> tuple[int, int]:
    """First and last frame of the longest stretch in which a hoop `[72, 4]` is well inside a viewport `p` pixels wide.

    A viewport stands still, so a pan can carry the hoop out of it, where a box that follows it would still see it.
    """
    margin = (boxes[:, 2] - boxes[:, 0])[:, None]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres > margin) & (centres < p - margin)).all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    stretches = [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2])]
    return max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=(0, -1))


def read_rim(folder: Path) -> list[RimClips]:
    """Reads `clips.u8` and `clips.json`; one `RimClips` for each viewport size found.

    Clips that show their hoop for less than [`SIGHT_FRAMES_MIN`] are left out.
    """
    index = json.loads((folder / "clips.json").read_text())
    pixels = np.memmap(folder / "clips.u8", np.uint8, "r")
    groups = []
    for p in sorted({clip["p"] for clip in index}):
        sights = {c["offset"]: in_sight(np.asarray(c["hoop_box_per_frame"]), p) for c in index if c["p"] == p}
        seen = lambda clip: np.diff(sights[clip["offset"]])[0] + 1 >= SIGHT_FRAMES_MIN
        chosen = [clip for clip in index if clip["p"] == p and seen(clip)]
        if not chosen:
            continue
        size = RIM_FRAMES * p * p
        frames = np.stack([pixels[c["offset"] : c["offset"] + size].reshape(RIM_FRAMES, p, p) for c in chosen])
        most = max([1] + [len(c["events"]) for c in chosen])
        groups.append(
            RimClips(
                frames=frames,
                boxes=np.asarray([c["hoop_box_per_frame"] for c in chosen], np.float32),
                balls=np.asarray([c["ball_per_frame"] for c in chosen], np.float32),
                events=np.stack([padded(_events(c), 2, most) for c in chosen]),
                sight=np.asarray([sights[c["offset"]] for c in chosen], np.int64),
                seeds=np.asarray([c["seed"] for c in chosen], np.int64),
            )
        )
    return groups


def read_field(folder: Path) -> Fields:
    """Reads `fields.u8` and `fields.json`."""
    index = json.loads((folder / "fields.json").read_text())
    pixels = np.fromfile(folder / "fields.u8", np.uint8)
    size = FIELD_FRAMES * FIELD_SIZE[0] * FIELD_SIZE[1]
    frames = [pixels[s["offset"] : s["offset"] + size].reshape(FIELD_FRAMES, *FIELD_SIZE) for s in index]
    padded_frames = lambda rows, length: np.stack([padded(row, 4, length) for row in rows])
    most = lambda part: max([1] + [len(row) for sequence in index for row in sequence[part]])
    return Fields(
        frames=np.stack(frames),
        balls=np.stack([padded_frames(s["balls_per_frame"], most("balls_per_frame")) for s in index]),
        hoops=np.stack([padded_frames(s["hoops_per_frame"], most("hoops_per_frame")) for s in index]),
        seeds=np.asarray([s["seed"] for s in index], np.int64),
    )
