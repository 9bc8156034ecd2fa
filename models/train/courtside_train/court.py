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
FIELD_FRAMES = 12
FIELD_SIZE = (288, 512)  # rows, columns
LOOK_FRAMES = 2
LOOK_SIZE = (432, 768)  # rows, columns
# Sets of whole pictures: name of their files, frames of a sequence, rows and columns.
PICTURES = {"field": ("fields", FIELD_FRAMES, FIELD_SIZE), "look": ("looks", LOOK_FRAMES, LOOK_SIZE)}

MISSED, MADE = 1, 2  # classes of a rim slot; 0 is nothing
CLASS_OF_KIND = {"missed_shot": MISSED, "made_shot": MADE}
CACHE = Path(os.environ.get("COURTSIDE_TRAIN_CACHE", Path.home() / ".cache/courtside/train"))


@dataclass
class RimClips:
    """Clips of one viewport size.

    - frames: u8 `[n, 72, p, p]`, luma as a decoder gives it (limited range).
    - corners: f32 `[n, 72, 2]`, left and top of the viewport in picture pixels: it goes along with the camera.
    - boxes: f32 `[n, 72, 4]`, hoop box x0, y0, x1, y1 in viewport pixels.
    - balls: f32 `[n, 72, 4]`, x, y, radius in viewport pixels, visible 0..1 (a ball far away is 0).
    - depths: f32 `[n, 72, 2]`, metres that the ball is behind the ring as the camera sees it, and in the net 0 or 1.
    - events: f32 `[n, k, 2]`, class and frame of each moment, padded with class 0.
    - plays: str `[n]`, what is played; seeds: i64 `[n]`.
    """

    frames: np.ndarray
    corners: np.ndarray
    boxes: np.ndarray
    balls: np.ndarray
    depths: np.ndarray
    events: np.ndarray
    plays: np.ndarray
    seeds: np.ndarray


@dataclass
class Fields:
    """Short sequences of whole pictures: 12 frames behind each other of `field`, 2 apart in time of `look`.

    - frames: u8 `[n, t, rows, columns]`.
    - balls: f32 `[n, t, b, 4]`, x, y, radius in pixels, visible 0..1, padded with radius 0; not known of `look`.
    - hoops: f32 `[n, t, h, 4]`, boxes x0, y0, x1, y1, padded with zeros.
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
    """Renders `seeds` into `out` with `court dataset KIND`: `rim`, `quiet`, `field` or `look`."""
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


def read_rim(folder: Path) -> list[RimClips]:
    """Reads `clips.u8` and `clips.json`; one `RimClips` for each viewport size found."""
    index = json.loads((folder / "clips.json").read_text())
    pixels = np.memmap(folder / "clips.u8", np.uint8, "r")
    groups = []
    for p in sorted({clip["p"] for clip in index}):
        chosen = [clip for clip in index if clip["p"] == p]
        size = RIM_FRAMES * p * p
        per_frame = lambda part: np.asarray([clip[f"{part}_per_frame"] for clip in chosen], np.float32)
        most = max([1] + [len(c["events"]) for c in chosen])
        groups.append(
            RimClips(
                frames=np.stack([pixels[c["offset"] :][:size].reshape(RIM_FRAMES, p, p) for c in chosen]),
                corners=per_frame("corner"),
                boxes=per_frame("hoop_box"),
                balls=per_frame("ball"),
                depths=per_frame("depth"),
                events=np.stack([padded(_events(c), 2, most) for c in chosen]),
                plays=np.asarray([c["play"] for c in chosen]),
                seeds=np.asarray([c["seed"] for c in chosen], np.int64),
            )
        )
    return groups


def read_pictures(kind: str, folder: Path) -> Fields:
    """Reads the pixels and the list of a set of whole pictures, `field` or `look`."""
    name, length, shape = PICTURES[kind]
    index = json.loads((folder / f"{name}.json").read_text())
    pixels = np.memmap(folder / f"{name}.u8", np.uint8, "r")
    size = length * shape[0] * shape[1]
    rows = lambda part: [s.get(f"{part}_per_frame", [[]] * length) for s in index]
    most = lambda part: max([1] + [len(row) for sequence in rows(part) for row in sequence])
    table = lambda part: np.stack([[padded(row, 4, most(part)) for row in sequence] for sequence in rows(part)])
    return Fields(
        frames=np.stack([pixels[s["offset"] :][:size].reshape(length, *shape) for s in index]),
        balls=table("balls"),
        hoops=table("hoops"),
        seeds=np.asarray([s["seed"] for s in index], np.int64),
    )
