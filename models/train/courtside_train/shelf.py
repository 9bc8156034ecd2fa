"""Owns the data on disk: renders and compresses what is missing, and opens what is there. Knows no networks.

Each chunk of seeds is one folder of plain arrays; a chunk without its `done` file is made again.
"""

import json
import shutil
from pathlib import Path

import numpy as np

from . import board_scenes, court, sound_scenes
from .board_scenes import Boards
from .codec import degrade_clips, degrade_pictures
from .court import CACHE, JUDGING_SEEDS, Fields, RimClips
from .sound_scenes import Sounds

CHUNK = 250  # seeds rendered at once
FORMAT = {"rim": 3, "quiet": 2, "field": 1, "look": 1, "sound": 3, "board": 3}  # raised when what is rendered changes: older chunks are made again
CLIPS = ["frames", "corners", "boxes", "balls", "depths", "events", "plays", "seeds"]
PARTS = {
    "rim": CLIPS,
    "quiet": CLIPS,
    "field": ["frames", "balls", "hoops", "seeds"],
    "look": ["frames", "balls", "hoops", "seeds"],
    "sound": ["spectra", "labels", "seeds"],
    "board": ["frames", "texts", "seeds"],
}
LARGE = ("frames", "spectra")  # parts that stay on disk


def chunks(seeds: range) -> list[range]:
    """The whole chunks of [`CHUNK`] seeds that hold `seeds`, which start with one."""
    return [range(start, start + CHUNK) for start in range(seeds.start, seeds.stop, CHUNK)]


def _folder(kind: str, seeds: range) -> Path:
    return CACHE / "shelf" / f"{kind}{FORMAT[kind]}-{seeds.start}-{len(seeds)}"


def _save(folder: Path, name: str, kind: str, data: RimClips | Fields | Sounds | Boards) -> None:
    for part in PARTS[kind]:
        np.save(folder / f"{name}.{part}.npy", getattr(data, part))


def _make(kind: str, seeds: range, folder: Path) -> None:
    if kind == "sound":
        _save(folder, "scenes", kind, sound_scenes.render(seeds))
        return _finish(kind, seeds, folder)
    if kind == "board":
        _save(folder, "fields", kind, board_scenes.render(seeds, held_out=seeds.start >= JUDGING_SEEDS.start))
        return _finish(kind, seeds, folder)
    rng = np.random.default_rng(seeds.start)
    raw = folder / "raw"
    court.render(kind, seeds, raw)
    if kind in ("rim", "quiet"):
        for group in court.read_rim(raw):
            group.frames = degrade_clips(group.frames, rng)
            _save(folder, f"p{group.frames.shape[2]}", kind, group)
    else:
        fields = court.read_pictures(kind, raw)
        fields.frames = degrade_pictures(fields.frames, rng)
        _save(folder, "pictures", kind, fields)
    shutil.rmtree(raw)
    _finish(kind, seeds, folder)


def _finish(kind: str, seeds: range, folder: Path) -> None:
    (folder / "done").write_text(json.dumps({"kind": kind, "first_seed": seeds.start, "seeds": len(seeds)}))


def fill(kind: str, seeds: range) -> None:
    """Makes every chunk of `kind`, one of [`PARTS`], that is not there yet."""
    for part in chunks(seeds):
        folder = _folder(kind, part)
        if (folder / "done").exists():
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(kind, part, folder)
        print(f"  {kind}: seeds {part.start} to {part.stop - 1} ready", flush=True)


def _open(kind: str, folder: Path, name: str, seeds: range) -> list[np.ndarray]:
    """Every part of one group, cut behind the last of `seeds`; what is large stays on disk."""
    many = int(np.searchsorted(np.load(folder / f"{name}.seeds.npy"), seeds.stop))
    load = lambda part: np.load(folder / f"{name}.{part}.npy", mmap_mode="r" if part in LARGE else None)
    return [load(part)[:many] for part in PARTS[kind]]


def open_rim(seeds: range, kind: str = "rim") -> list[RimClips]:
    """The clips of `seeds`, `rim` or `quiet`: one group for each chunk and viewport size."""
    groups = []
    for folder in (_folder(kind, part) for part in chunks(seeds)):
        for path in sorted(folder.glob("p*.frames.npy")):
            groups.append(RimClips(*_open(kind, folder, path.name.split(".")[0], seeds)))
    return [group for group in groups if len(group.frames)]


def open_pictures(kind: str, seeds: range) -> list[Fields]:
    """The picture sequences of `seeds`, `field` or `look`: one group for each chunk."""
    return [Fields(*_open(kind, _folder(kind, part), "pictures", seeds)) for part in chunks(seeds)]


def open_sounds(seeds: range) -> list[Sounds]:
    """The sound scenes of `seeds`: one group for each chunk."""
    return [Sounds(*_open("sound", _folder("sound", part), "scenes", seeds)) for part in chunks(seeds)]


def open_boards(seeds: range) -> list[Boards]:
    """The fields of scoreboards of `seeds`: one group for each chunk."""
    return [Boards(*_open("board", _folder("board", part), "fields", seeds)) for part in chunks(seeds)]
