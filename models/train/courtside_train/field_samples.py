"""Owns training samples of whole pictures: the ball lane's five frames and the hoop finder's one.

Networks here are convolutional from end to end, so they train on pieces of the picture, which is faster.
"""

import numpy as np
import torch

from .court import Fields
from .raster import Cut, crop, noise, tone_curve

BALL_FRAMES = 5
HOOP_CELL = 4  # input pixels a cell of the hoop finder's output
HOOP_UNIT = 16.0  # sizes are told as log(pixels / 16)
HOOP_WIDTH_MIN = 6.0  # input pixels; of a narrower hoop nothing could be judged, so nobody is asked about it
BALL_CELL = 2


def grain(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Sometimes adds noise to f32 `[t, h, w]`, luma / 255."""
    if rng.random() < 0.4:
        pictures = pictures + noise(pictures.shape, rng) * float(rng.uniform(0, 0.02))
    return pictures.clamp(0, 1)


def draw_piece(focus: np.ndarray, span: tuple[float, float], bounds: tuple[int, int], rng: np.random.Generator):
    """Top left corner x, y of a piece `span` (width, height) of a picture `bounds` (width, height).

    Where there is something in `focus` `[k, 2]`, most pieces hold one of them.
    """
    corner = [rng.uniform(min(0, limit - size), max(0, limit - size)) for size, limit in zip(span, bounds)]
    if len(focus) and rng.random() < 0.75:
        target = focus[rng.integers(len(focus))]
        for axis in range(2):
            low, high = sorted((0.0, float(bounds[axis] - span[axis])))
            wanted = target[axis] - rng.uniform(0.08, 0.92) * span[axis]
            corner[axis] = float(np.clip(wanted, low, high))
    return corner


def draw_span(piece: tuple[int, int], shrink: float, rng: np.random.Generator) -> tuple[float, float]:
    """Source width and height of a piece (rows, columns), zoomed by up to a quarter around `shrink`."""
    zoom = shrink * float(np.exp(rng.uniform(-0.25, 0.25)))
    return piece[1] * zoom, piece[0] * zoom


def gaussians(points: np.ndarray, sigmas: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    """The highest of gaussian bumps at `points` `[k, 2]`, f32 `shape`; exactly 1 in the cell that holds the point.

    Points are x, y in cells, where the first cell reaches from 0 to 1. Bumps keep the fraction, so a parabola through
    the logarithm of the heat finds it again.
    """
    heat = torch.zeros(shape)
    ys, xs = torch.arange(shape[0])[:, None], torch.arange(shape[1])[None]
    for (x, y), sigma in zip(points, sigmas):
        column, row = int(np.floor(x)), int(np.floor(y))
        if 0 <= column < shape[1] and 0 <= row < shape[0]:
            away = (xs + 0.5 - float(x)) ** 2 + (ys + 0.5 - float(y)) ** 2
            heat = torch.maximum(heat, torch.exp(-away / (2 * float(sigma) ** 2)))
            heat[row, column] = 1
    return heat


def ball_sample(fields: Fields, index: int, tier: tuple[tuple[int, int], float], rng: np.random.Generator):
    """One disturbed ball sample.

    - tier: piece rows and columns, and source pixels a network pixel (1 for full, 1.6 for nano).
    - returns: frames f32 `[5, rows, columns]`, heat f32 `[1, rows / 2, columns / 2]`, care f32 of heat's shape.
    """
    piece, shrink = tier
    t = fields.frames.shape[1]
    step = 2 if rng.random() < 0.15 else 1
    last = int(rng.integers((BALL_FRAMES - 1) * step, t))
    at = last - step * np.arange(BALL_FRAMES - 1, -1, -1)
    if rng.random() < 0.1:  # a frame was lost and the one before it stands in
        gap = int(rng.integers(1, BALL_FRAMES))
        at[gap] = at[gap - 1]
    balls = fields.balls[index, int(at[-1])]
    balls = balls[balls[:, 2] > 0]
    span = draw_span(piece, shrink, rng)
    h, w = fields.frames.shape[2:]
    x, y = draw_piece(balls[balls[:, 3] > 0.3, :2], span, (w, h), rng)
    corners = np.tile([[x, y]], (BALL_FRAMES, 1))
    frames = grain(crop(fields.frames[index, at], Cut(corners, span, piece, tone_curve(rng))), rng)
    cells = (piece[0] // BALL_CELL, piece[1] // BALL_CELL)
    scale = piece[1] / span[0] / BALL_CELL
    placed = (balls[:, :2] - [x, y]) * scale
    sigmas = np.clip(balls[:, 2] * scale * 0.5, 0.8, 3)
    seen = balls[:, 3] > 0.3
    heat = gaussians(placed[seen], sigmas[seen], cells)
    care = 1 - gaussians(placed[~seen], 2 * sigmas[~seen], cells)  # nobody is asked about a hidden ball
    if rng.random() < 0.5:
        frames, heat, care = frames.flip(-1), heat.flip(-1), care.flip(-1)
    return frames, heat[None], care[None]


def hoop_sample(fields: Fields, index: int, piece: tuple[int, int], rng: np.random.Generator):
    """One disturbed hoop sample.

    - returns: frame f32 `[1, rows, columns]`, heat f32 `[1, rows / 4, columns / 4]`, care of heat's shape, sizes
      f32 `[2, …]` (log of width and height over 16 pixels) and where they count f32 `[1, …]`.
    """
    at = int(rng.integers(fields.frames.shape[1]))
    boxes = fields.hoops[index, at]
    boxes = boxes[boxes[:, 2] > boxes[:, 0]]
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    h, w = fields.frames.shape[2:]
    span = draw_span(piece, float(np.exp(rng.uniform(-0.4, 0.3))), rng)
    x, y = draw_piece(centres, span, (w, h), rng)
    cut = Cut(np.array([[x, y]]), span, piece, tone_curve(rng))
    frame = grain(crop(fields.frames[index, at : at + 1], cut), rng)
    cells = (piece[0] // HOOP_CELL, piece[1] // HOOP_CELL)
    scale = piece[1] / span[0]
    placed, sizes = (centres - [x, y]) * scale / HOOP_CELL, sizes * scale
    wanted, sigmas = sizes[:, 0] >= HOOP_WIDTH_MIN, np.clip(sizes.mean(1) / HOOP_CELL * 0.18, 0.7, 3)
    heat = gaussians(placed[wanted], sigmas[wanted], cells)
    care = 1 - gaussians(placed[~wanted], 2 * sigmas[~wanted], cells)
    logs, counts = torch.zeros(2, *cells), torch.zeros(1, *cells)
    for (cx, cy), size in zip(placed[wanted], sizes[wanted]):
        row, column = int(np.floor(cy)), int(np.floor(cx))
        near = (slice(max(row - 1, 0), max(row + 2, 0)), slice(max(column - 1, 0), max(column + 2, 0)))
        logs[(slice(None), *near)] = torch.log(torch.from_numpy(size / HOOP_UNIT).float())[:, None, None]
        counts[(0, *near)] = 1
    if rng.random() < 0.5:
        frame, heat, care = frame.flip(-1), heat.flip(-1), care.flip(-1)
        logs, counts = logs.flip(-1), counts.flip(-1)
    return frame, heat[None], care[None], logs, counts


def batch_of(draw, groups: list[Fields], size: int, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """`size` samples of `draw(fields, index)` from sequences drawn with equal chance, stacked part by part."""
    counts = np.asarray([len(group.frames) for group in groups])
    chosen = rng.choice(len(groups), size, p=counts / counts.sum())
    rows = [draw(groups[group], int(rng.integers(counts[group]))) for group in chosen]
    return tuple(torch.stack(part) for part in zip(*rows))
