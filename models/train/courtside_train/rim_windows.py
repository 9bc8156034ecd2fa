"""Owns the rim lane's training windows: which frames, which crop, which labels, which disturbances.

A window is 32 crops around one hoop, oldest first, about 40 ms apart. A slot is two of them, one after the other, and
has the time of the later one. Windows start anywhere relative to the moment, so the answer must be right with little
look-ahead and with much.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .court import FPS, RIM_FRAMES, RimClips
from .raster import CROP_CENTRE, CROP_WIDTHS, Cut, crop, noise, tone_curve

SLOTS = 16
IN_SLOT = 2  # crops of a slot
PICTURES = SLOTS * IN_SLOT
SPACING_FRAMES = 0.040 * FPS
MOMENT_SLOTS = 1.0  # a slot this near to the moment carries its class
BLUR_SLOTS = 1.6  # nearer than this it may say either
SETTLED_SLOTS = 2  # moments with less look-ahead than this count little
SPLICED = 0.06  # share of windows with a cut in them
CUT_SLOTS = 3  # nobody can tell a moment this near to a cut
SKIPPED = 0.3  # share of windows from a box that does not look at every frame
FOLLOWED_WIDTHS = 0.5  # a follower loses no more of a hoop than this before it is set right
AT_RING_METRES = 0.3  # a ball nearer than this is neither before nor behind the ring
# Misses that look like makes or like nothing are drawn oftener than they are played.
OFTENER = {"Short": 2.0, "Long": 2.0, "LayupOut": 2.0, "RimOut": 1.5, "AirBall": 1.5}


@dataclass
class Batch:
    """One training batch.

    - frames: f32 `[n, 32, side, side]`, luma / 255; already averaged down for a tier that looks at so little.
    - slots: i64 `[n, 16]`, 0 nothing, 1 missed, 2 made; weights: f32 `[n, 16]`.
    - balls: f32 `[n, 16, 4]`, x and y as a share of the crop, radius in hoop-box widths, visible 0..1.
    - places: f32 `[n, 16, 3]`, the ball is before the ring, in the net, behind the ring: 0 or 1, NaN where unknown.
    """

    frames: torch.Tensor
    slots: torch.Tensor
    weights: torch.Tensor
    balls: torch.Tensor
    places: torch.Tensor


def slot_labels(times: np.ndarray, events: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Class and weight of each slot.

    - times: f32 `[16]`, frame of each slot; events: f32 `[k, 2]`, class and frame; spacing: frames a slot.
    - returns: i64 `[16]` classes and f32 `[16]` weights.
    """
    classes, weights = np.zeros(SLOTS, np.int64), np.ones(SLOTS, np.float32)
    lookahead = (times[-1] - times) / spacing
    for kind, frame in events[events[:, 0] > 0]:
        distance = np.abs(times - frame) / spacing
        hit = distance <= MOMENT_SLOTS
        weights[(distance <= BLUR_SLOTS) & ~hit] = 0.25
        classes[hit] = int(kind)
        weights[hit] = 2.0
        weights[hit & (lookahead < SETTLED_SLOTS)] = 0.4
    return classes, weights


def skip_frames(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames that a box sees of those it should: a crop whose frame was skipped shows the one before again.

    A box answers when it has seen a frame, so the newest crop is never an old one.
    """
    how = rng.random() / SKIPPED
    if how > 1:
        return times
    back = np.arange(PICTURES)[::-1]
    if how < 0.4:  # half the rate, as every box begins
        fresh = back % 2 == 0
    elif how < 0.7:  # a steady rate below the source's
        every = rng.uniform(1.1, 4.0)
        fresh = np.diff(np.floor((back + rng.uniform(0, every)) / every), append=-1) < 0
    else:
        fresh = rng.random(PICTURES) > rng.uniform(0.05, 0.6)
    fresh[[0, -1]] = True
    return times[np.maximum.accumulate(np.where(fresh, np.arange(PICTURES), 0))]


def draw_times(events: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Frames of the 32 crops (f32, whole) and the frames from slot to slot that they were drawn with."""
    spacing = SPACING_FRAMES if rng.random() < 0.6 else float(rng.uniform(0.75, 1.25))
    latest = RIM_FRAMES - 1 - (PICTURES - 1) * spacing
    first = rng.uniform(0, latest)
    real = events[events[:, 0] > 0]
    if len(real) and rng.random() < 0.8:
        moment = real[rng.integers(len(real)), 1]
        first = np.clip(moment - rng.uniform(-1.5, SLOTS + 0.5) * IN_SLOT * spacing, 0, latest)
    times = first + spacing * np.arange(PICTURES)
    if rng.random() < 0.3:  # frames arrive late
        times = times + rng.uniform(-0.6, 0.6, PICTURES) * spacing
    return np.clip(np.sort(times), 0, RIM_FRAMES - 1).round().astype(np.float32), IN_SLOT * spacing


def follower(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a hoop follower makes of the true boxes f32 `[n, 4]`: perfect, lagging, or standing still."""
    how, guessed = rng.random(), boxes
    if how < 0.3:
        guessed = np.repeat(boxes[len(boxes) // 2][None], len(boxes), 0)
    elif how < 0.7:
        smooth = np.cumsum(boxes, 0) / np.arange(1, len(boxes) + 1)[:, None]
        guessed = smooth + (boxes - smooth) * rng.uniform(0.3, 1)
    reach = FOLLOWED_WIDTHS * float(np.median(boxes[:, 2] - boxes[:, 0]))
    return boxes + np.clip(guessed - boxes, -reach, reach)


def crop_corners(boxes: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, float]:
    """Top left corners f32 `[n, 2]` of a window's crops and their side, in the pixels of the boxes.

    `rng` adds the follower's errors.
    """
    if rng is not None:
        boxes = follower(boxes, rng)
    width = float(np.median(boxes[:, 2] - boxes[:, 0]))
    centre = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1] + CROP_CENTRE * width], 1)
    side = CROP_WIDTHS * width
    if rng is not None:
        side *= rng.uniform(0.85, 1.15)
        wander = rng.normal(0, 0.7, (len(boxes), 2)).cumsum(0) * rng.choice([0, 0.01, 0.02, 0.04])
        centre = centre + width * (wander + rng.uniform(-0.22, 0.22, 2))
    return centre - side / 2, side


def disturb(window: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Flicker, noise, blur and things in the way, on f32 `[n, side, side]`."""
    if rng.random() < 0.15:
        small = torch.nn.functional.avg_pool2d(window[:, None], 2)
        window = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear")[:, 0]
    window = occlude(window, rng)
    if rng.random() < 0.1:  # exposure flickers or drifts
        window = window * torch.from_numpy(1 + rng.normal(0, 0.03, (len(window), 1, 1))).float()
    if rng.random() < 0.5:
        window = window + noise(window.shape, rng) * float(rng.uniform(0, 0.03))
    return window.clamp(0, 1)


def occlude(window: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Sometimes lays a still or passing patch over part of the window, away from its middle."""
    if rng.random() > 0.2:
        return window
    window = window.clone()
    side = window.shape[-1]
    h, w = (side * rng.uniform(0.1, 0.45, 2)).astype(int)
    x, y = rng.uniform(-w / 2, side - w / 2), rng.uniform(0.5, 1) * side
    speed = rng.normal(0, 0.015, 2) * side if rng.random() < 0.6 else np.zeros(2)
    shade = torch.from_numpy(rng.uniform(0, 1) + rng.normal(0, 0.08, (h, w))).float()
    for i in range(len(window)):
        x0, y0 = int(x + speed[0] * i), int(y + speed[1] * i)
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x0 + w, side), min(y0 + h, side)
        if left < right and top < bottom:
            window[i, top:bottom, left:right] = shade[top - y0 : bottom - y0, left - x0 : right - x0]
    return window


def balls_in_crop(balls: np.ndarray, corners: np.ndarray, side: float) -> np.ndarray:
    """Balls f32 `[16, 4]` in viewport pixels as shares of the crop; one outside the crop is not visible."""
    placed = np.empty((SLOTS, 4), np.float32)
    placed[:, :2] = (balls[:, :2] - corners) / side
    placed[:, 2] = balls[:, 2] / (side / CROP_WIDTHS)
    inside = ((placed[:, :2] > -0.03) & (placed[:, :2] < 1.03)).all(1)
    placed[:, 3] = balls[:, 3] * inside
    placed[:, :3] = np.nan_to_num(placed[:, :3]).clip(-0.5, 1.5)
    return placed


def places_of(depths: np.ndarray) -> np.ndarray:
    """What is known of the ball's place f32 `[16, 3]` (see [`Batch`]) from depths f32 `[16, 2]` (see [`RimClips`])."""
    depth, inside = depths[:, 0], depths[:, 1]
    clear = np.abs(depth) > AT_RING_METRES
    before = np.where(clear, depth < 0, np.nan)
    behind = np.where(clear, depth > 0, np.nan)
    return np.stack([np.where(inside > 0, 0, before), inside, np.where(inside > 0, 0, behind)], 1).astype(np.float32)


def picture_boxes(clips: RimClips, clip: int, at: np.ndarray) -> np.ndarray:
    """Hoop boxes f32 `[len(at), 4]` of the frames `at` in picture pixels."""
    return clips.boxes[clip, at] + np.tile(clips.corners[clip, at], 2)


def plain_crops(clips: RimClips, clip: int, times: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """Undisturbed crops f32 `[len(times), *size]` at whole frames `times`, as the box would cut them."""
    at = times.astype(int)
    corners, side = crop_corners(picture_boxes(clips, clip, at), None)
    return crop(clips.frames[clip, at], Cut(corners - clips.corners[clip, at], (side, side), size))


def training_window(clips: RimClips, clip: int, pixels: int, rng: np.random.Generator) -> tuple:
    """One window with its labels: frames f32 `[32, pixels, pixels]`, slots, weights, balls, places."""
    times, spacing = draw_times(clips.events[clip], rng)
    at = skip_frames(times, rng).astype(int)
    corners, side = crop_corners(picture_boxes(clips, clip, at), rng)
    corners = corners - clips.corners[clip, at]
    window = crop(clips.frames[clip, at], Cut(corners, (side, side), (pixels, pixels), tone_curve(rng)))
    of_slot = slice(IN_SLOT - 1, None, IN_SLOT)
    slots, weights = slot_labels(times[of_slot], clips.events[clip], spacing)
    balls = balls_in_crop(clips.balls[clip, at[of_slot]], corners[of_slot], side)
    return window, slots, weights, balls, places_of(clips.depths[clip, at[of_slot]])


def splice(first: tuple, second: tuple, rng: np.random.Generator) -> tuple:
    """A window of one clip that cuts to another: what happened near the cut cannot be told."""
    cut = int(rng.integers(IN_SLOT * 3, IN_SLOT * (SLOTS - 2)))
    at = cut // IN_SLOT  # a slot belongs to its last crop's clip
    pick = lambda a, b: np.concatenate([a[:at], b[at:]])
    window = torch.cat([first[0][:cut], second[0][cut:]])
    slots, weights, balls, places = (pick(a, b) for a, b in zip(first[1:], second[1:]))
    near = slice(max(0, at - CUT_SLOTS), at + 1)
    weights[near] = np.where(slots[near] > 0, 0, weights[near])
    return window, slots, weights, balls, places


class Drawer:
    """Draws disturbed windows `pixels` wide from clips, those of hard plays oftener."""

    def __init__(self, groups: list[RimClips], pixels: int) -> None:
        self.groups, self.pixels = groups, pixels
        self.oftener = [np.asarray([OFTENER.get(str(play), 1.0) for play in group.plays]) for group in groups]
        self.chances = np.asarray([weights.sum() for weights in self.oftener])
        self.chances /= self.chances.sum()

    def one(self, group: int, rng: np.random.Generator) -> tuple:
        """One window of one clip of a group."""
        weights = self.oftener[group]
        clip = int(rng.choice(len(weights), p=weights / weights.sum()))
        return training_window(self.groups[group], clip, self.pixels, rng)

    def window(self, group: int, rng: np.random.Generator) -> tuple:
        """One disturbed window with its labels; some cut from one clip of the group to another."""
        one = lambda: self.one(group, rng)
        window, slots, weights, balls, places = splice(one(), one(), rng) if rng.random() < SPLICED else one()
        window = disturb(window, rng)
        if rng.random() < 0.5:
            window = window.flip(-1)
            balls[:, 0] = 1 - balls[:, 0]
        return window, slots, weights, balls, places

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """`size` windows, each of a group of its own drawing."""
        chosen = rng.choice(len(self.groups), size, p=self.chances)
        frames, slots, weights, balls, places = zip(*(self.window(group, rng) for group in chosen))
        as_tensor = lambda arrays: torch.from_numpy(np.stack(arrays))
        return Batch(torch.stack(frames), as_tensor(slots), as_tensor(weights), as_tensor(balls), as_tensor(places))
