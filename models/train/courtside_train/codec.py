"""Owns the trip of pictures through real H.264, so that networks learn its artefacts. Knows no labels.

Small clips are tiled into mosaics, because an encoder spends its bits on a whole picture as it does live.
"""

import subprocess
from dataclasses import dataclass

import numpy as np

MOSAIC = (720, 1280)  # rows, columns: both multiples of 16, so tiles of 64 to 160 meet at macroblocks
REEL = 10  # sequences encoded as one film; the encoder starts anew at each cut by itself
PRESETS = ["ultrafast", "superfast", "veryfast", "faster"]  # what live encoders use


@dataclass(frozen=True)
class Quality:
    """How hard one mosaic is compressed."""

    crf: int
    preset: str
    max_kbps: int | None

    @staticmethod
    def draw(rng: np.random.Generator, crf: tuple[int, int]) -> "Quality":
        """A random quality; every third one is also held to a bitrate, as a live encoder is."""
        limit = int(rng.integers(1200, 6000)) if rng.random() < 1 / 3 else None
        return Quality(int(rng.integers(crf[0], crf[1] + 1)), str(rng.choice(PRESETS)), limit)


def _ffmpeg(arguments: list[str], given: bytes) -> bytes:
    command = ["ffmpeg", "-v", "error", "-threads", "1", *arguments]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def through_h264(frames: np.ndarray, quality: Quality) -> np.ndarray:
    """Encodes and decodes luma pictures.

    - frames: u8 `[t, h, w]`, even h and w, at 25 frames a second.
    - returns: u8 of the same shape.

    Planes are passed as yuv420p on both ends: any other format would let ffmpeg change luma's range.
    """
    t, h, w = frames.shape
    planes = np.full((t, h * 3 // 2, w), 128, np.uint8)
    planes[:, :h] = frames
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{w}x{h}", "-r", "25"]
    encode = ["-c:v", "libx264", "-threads", "1", "-preset", quality.preset, "-crf", str(quality.crf), "-g", "50"]
    if quality.max_kbps:
        encode += ["-maxrate", f"{quality.max_kbps}k", "-bufsize", f"{2 * quality.max_kbps}k"]
    stream = _ffmpeg([*raw, "-i", "-", *encode, "-f", "h264", "-"], planes.tobytes())
    decoded = _ffmpeg(["-r", "25", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"], stream)
    return np.frombuffer(decoded, np.uint8).reshape(t, h * 3 // 2, w)[:, :h]


def mosaic(clips: np.ndarray) -> np.ndarray:
    """Tiles clips u8 `[n, t, p, p]` into one u8 `[t, 720, 1280]`; unused tiles repeat the first ones."""
    n, t, p, _ = clips.shape
    rows, columns = MOSAIC[0] // p, MOSAIC[1] // p
    picture = np.full((t, *MOSAIC), 16, np.uint8)
    for place in range(rows * columns):
        y, x = place // columns * p, place % columns * p
        picture[:, y : y + p, x : x + p] = clips[place % n]
    return picture


def cut(picture: np.ndarray, n: int, p: int) -> np.ndarray:
    """The first `n` tiles of a mosaic as u8 `[n, t, p, p]`: the inverse of [`mosaic`]."""
    columns = MOSAIC[1] // p
    places = [(i // columns * p, i % columns * p) for i in range(n)]
    return np.stack([picture[:, y : y + p, x : x + p] for y, x in places])


def degrade_clips(clips: np.ndarray, rng: np.random.Generator, crf: tuple[int, int] = (18, 36)) -> np.ndarray:
    """Sends clips u8 `[n, t, p, p]` through H.264 in mosaics, each with its own quality."""
    p = clips.shape[2]
    places = (MOSAIC[0] // p) * (MOSAIC[1] // p)
    worn = np.empty_like(clips)
    for start in range(0, len(clips), places):
        part = clips[start : start + places]
        worn[start : start + places] = cut(through_h264(mosaic(part), Quality.draw(rng, crf)), len(part), p)
    return worn


def degrade_pictures(sequences: np.ndarray, rng: np.random.Generator, crf: tuple[int, int] = (16, 32)) -> np.ndarray:
    """Sends whole-picture sequences u8 `[n, t, h, w]` through H.264, a few behind each other in one quality."""
    worn = np.empty_like(sequences)
    for start in range(0, len(sequences), REEL):
        part = sequences[start : start + REEL]
        reel = part.reshape(-1, *part.shape[2:])
        worn[start : start + REEL] = through_h264(reel, Quality.draw(rng, crf)).reshape(part.shape)
    return worn
