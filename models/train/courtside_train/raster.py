"""Owns resampling: the crop around a hoop and the letterboxed picture, as the box makes them.

Area averaging when shrinking, bilinear when enlarging, reads beyond the border repeat it.
Both axes are independent, so a resampled picture is `rows @ picture @ columns^T`.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

CROP_WIDTHS = 3.5  # side of a rim crop in hoop-box widths
CROP_CENTRE = 0.45  # its centre, in hoop-box widths below the top of the hoop box
PADDING = 114  # luma around a letterboxed picture
NOISE_STRIP = torch.randn(1 << 20, generator=torch.Generator().manual_seed(1))
PLAIN_TONE = np.arange(256, dtype=np.float32) / 255


def axis_weights(start: torch.Tensor, length: torch.Tensor, source: int, target: int) -> torch.Tensor:
    """Weights that resample `[start, start + length)` of an axis of `source` pixels to `target` pixels.

    - start, length: f32 `[n]`, in source pixels.
    - returns: f32 `[n, target, source]`, each row summing to one.
    """
    step = (length / target)[:, None]
    left = start[:, None] + torch.arange(target) * step
    pixels = torch.arange(source, dtype=torch.float32)
    centre = (left + step / 2 - 0.5).clamp(0, source - 1)
    bilinear = (1 - (centre[..., None] - pixels).abs()).clamp(min=0)
    shrinking = (step > 1).squeeze(1)
    if not shrinking.any():
        return bilinear
    # Border pixels reach outward without end, which is what repeating them means.
    lows, highs = pixels.clone(), pixels + 1
    lows[0], highs[-1] = -1e6, 1e6
    overlap = torch.minimum((left + step)[..., None], highs) - torch.maximum(left[..., None], lows)
    area = overlap.clamp(min=0) / step[..., None]
    return torch.where(shrinking[:, None, None], area, bilinear)


def resample(pictures: torch.Tensor, window: torch.Tensor, target: tuple[int, int]) -> torch.Tensor:
    """Cuts and resamples one window out of each picture.

    - pictures: f32 `[n, h, w]`; window: f32 `[n, 4]`, or `[1, 4]` for all, x0, y0, width, height in pixels.
    - returns: f32 `[n, target rows, target columns]`.
    """
    rows = axis_weights(window[:, 1], window[:, 3], pictures.shape[1], target[0])
    columns = axis_weights(window[:, 0], window[:, 2], pictures.shape[2], target[1])
    if len(window) == 1:
        return rows[0] @ (pictures @ columns[0].T)
    return rows @ pictures @ columns.transpose(1, 2)


def cut_patch(frames: np.ndarray, corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One patch out of each frame, not resampled; reads beyond the border repeat it.

    - frames: u8 `[t, h, w]`; corners: i64 `[t, 2]`, x and y of each patch's top left pixel.
    - returns: u8 `[t, rows, columns]` of `shape`.
    """
    t, h, w = frames.shape
    patch = np.empty((t, *shape), np.uint8)
    for i, (x, y) in enumerate(corners):
        if x >= 0 and y >= 0 and x + shape[1] <= w and y + shape[0] <= h:
            patch[i] = frames[i, y : y + shape[0], x : x + shape[1]]
        else:
            rows = np.clip(np.arange(y, y + shape[0]), 0, h - 1)
            columns = np.clip(np.arange(x, x + shape[1]), 0, w - 1)
            patch[i] = frames[i][rows[:, None], columns]
    return patch


@dataclass(frozen=True)
class Cut:
    """One window of the same size in each of some frames, and what becomes of it.

    - corners: f64 `[t, 2]`, x and y; span: width and height in pixels; target: rows and columns.
    - tone: f32 `[256]`, what each luma becomes.
    """

    corners: np.ndarray
    span: tuple[float, float]
    target: tuple[int, int]
    tone: np.ndarray = field(default_factory=lambda: PLAIN_TONE)


def crop(frames: np.ndarray, cut: Cut) -> torch.Tensor:
    """Cuts and resamples one window out of each frame u8 `[t, h, w]`; f32 `[t, rows, columns]`, plain: luma / 255.

    Corners move by whole pixels from the first one on, so one set of weights serves all frames.
    """
    corners, span = cut.corners, cut.span
    start = corners[0] - np.floor(corners[0])
    whole = np.floor(corners - corners[0] + np.floor(corners[0]) + 0.5).astype(int)
    reach = (int(np.ceil(span[1])) + 2, int(np.ceil(span[0])) + 2)
    window = torch.tensor([[*start, *span]], dtype=torch.float32)
    patch = torch.from_numpy(cut.tone[cut_patch(frames, whole, reach)])
    return resample(patch, window, cut.target)


def tone_curve(rng: np.random.Generator) -> np.ndarray:
    """A random change of light: gamma, contrast, brightness, seldom a negative; f32 `[256]`, as in [`Cut`]."""
    luma = np.arange(256) / 255
    curve = luma ** np.exp(rng.normal(0, 0.2)) * rng.uniform(0.6, 1.3) + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.05:
        curve = 1 - curve
    return ((255 * curve).round().clip(0, 255) / 255).astype(np.float32)


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> torch.Tensor:
    """Normal noise f32 of `shape`: a random piece of a long strip, which costs much less than new numbers."""
    size = int(np.prod(shape))
    start = int(rng.integers(len(NOISE_STRIP) - size % len(NOISE_STRIP)))
    strip = NOISE_STRIP[start : start + size]
    if len(strip) < size:
        strip = NOISE_STRIP.repeat(size // len(NOISE_STRIP) + 2)[start : start + size]
    return strip.reshape(shape)


def letterbox(pictures: np.ndarray, target: tuple[int, int]) -> torch.Tensor:
    """Fits pictures u8 `[n, h, w]` into `target` rows and columns; f32 `[n, rows, columns]`, luma / 255."""
    n, h, w = pictures.shape
    scale = min(target[0] / h, target[1] / w)
    rows, columns = round(h * scale), round(w * scale)
    whole = torch.tensor([[0.0, 0.0, w, h]])
    fitted = resample(torch.from_numpy(pictures.astype(np.float32)), whole, (rows, columns))
    boxed = torch.full((n, *target), float(PADDING))
    y, x = (target[0] - rows) // 2, (target[1] - columns) // 2
    boxed[:, y : y + rows, x : x + columns] = fitted
    return boxed / 255
