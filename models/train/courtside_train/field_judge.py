"""Owns the measures of the ball lane and the hoop finder on pictures they never saw. Trains nothing."""

import numpy as np
import torch

from .court import FIELD_SIZE, LOOK_SIZE, Fields
from .field_samples import BALL_CELL, BALL_FRAMES, HOOP_CELL, HOOP_UNIT, HOOP_WIDTH_MIN
from .raster import letterbox

BALL_MATCH = 5.0  # pixels of a 512 pixels wide picture
OVERLAP = 0.3  # of two answers that overlap more, the weaker goes
SEEN = 0.5  # a ball at least this visible must be found; one less visible need not be


def peaks(heat: np.ndarray, threshold: float) -> list[tuple[float, float, float]]:
    """x, y in cells and chance of each peak of f32 `[h, w]` chances, strongest first, as the box finds them.

    A peak is higher than the eight cells around it. Its place is refined by a parabola through the logarithm of the
    heat along each axis; the first cell reaches from 0 to 1.
    """
    logs = np.log(np.maximum(heat, 1e-6))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(heat, 1, constant_values=-1), (3, 3)).max((2, 3))
    found = []
    for row, column in np.argwhere((heat >= threshold) & (heat >= around)):
        x, y = column + 0.5, row + 0.5
        if 0 < column < heat.shape[1] - 1:
            x += parabola(*logs[row, column - 1 : column + 2])
        if 0 < row < heat.shape[0] - 1:
            y += parabola(*logs[row - 1 : row + 2, column])
        found.append((float(x), float(y), float(heat[row, column])))
    return sorted(found, key=lambda peak: -peak[2])


def parabola(before: float, at: float, after: float) -> float:
    """Where, between -0.5 and 0.5, a parabola through three values has its top."""
    bend = before - 2 * at + after
    return 0.0 if bend >= -1e-6 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two boxes x0, y0, x1, y1 over their union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return float(width * height / (area(a) + area(b) - width * height))


def match(truth: np.ndarray, must: np.ndarray, answers: list, fits) -> tuple[int, int, int, list]:
    """Pairs answers, strongest first, with truth: found, wanted, false, and the pairs (truth, answer)."""
    free, pairs, false = list(range(len(truth))), [], 0
    for answer in answers:
        near = [(fits(truth[i], answer), i) for i in free]
        best = max(near, default=(0.0, -1))
        if best[0] <= 0:
            false += 1
            continue
        free.remove(best[1])
        pairs.append((best[1], answer))
    found = sum(bool(must[i]) for i, _ in pairs)
    return found, int(must.sum()), false, pairs


def _rates(found: int, wanted: int, false: int, told: int) -> dict:
    return {
        "recall": round(found / max(1, wanted), 4),
        "precision": round((told - false) / max(1, told), 4),
        "wanted": wanted,
        "told": told,
    }


def ball_heat(net: torch.nn.Module, fields: Fields, index: int, size: tuple[int, int]) -> np.ndarray:
    """Chances f32 `[h / 2, w / 2]` for the last five frames of one sequence."""
    frames = letterbox(fields.frames[index, -BALL_FRAMES:], size)
    with torch.no_grad():
        return net(frames[None]).sigmoid()[0, 0].numpy()


def judge_ball(net: torch.nn.Module, groups: list[Fields], thresholds: tuple[float, ...]) -> dict:
    """Recall and precision within [`BALL_MATCH`] pixels, at several thresholds."""
    size = net.size
    scale = FIELD_SIZE[1] / size[1] * BALL_CELL
    heats = [(group.balls[i, -1], ball_heat(net, group, i, size)) for group in groups for i in range(len(group.frames))]
    near = lambda ball, answer: BALL_MATCH + max(0, ball[2] - 5) - np.hypot(ball[0] - answer[0], ball[1] - answer[1])
    results = {}
    for threshold in thresholds:
        sums = np.zeros(4, int)
        for balls, heat in heats:
            balls = balls[balls[:, 2] > 0]
            answers = [(x * scale, y * scale) for x, y, _ in peaks(heat, threshold)]
            found, wanted, false, _ = match(balls, balls[:, 3] >= SEEN, answers, near)
            sums += [found, wanted, false, len(answers)]
        results[f"at_{threshold}"] = _rates(*sums.tolist())
    return results


def hoop_boxes(told: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Hoop boxes x0, y0, x1, y1 in input pixels, strongest first, from the finder's answer `[3, h, w]`."""
    boxes = []
    for x, y, _ in peaks(torch.from_numpy(told[0]).sigmoid().numpy(), threshold):
        width, height = np.exp(told[1:, int(y), int(x)]) * HOOP_UNIT
        cx, cy = x * HOOP_CELL, y * HOOP_CELL
        box = np.array([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2])
        if all(iou(box, other) <= OVERLAP for other in boxes):
            boxes.append(box)
    return boxes


def wanted_hoops(hoops: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which boxes `[k, 4]` must be found: wide enough, and their centre in a picture of `shape` (rows, columns)."""
    centres = (hoops[:, :2] + hoops[:, 2:]) / 2
    inside = ((centres >= 0) & (centres < [shape[1], shape[0]])).all(1)
    return inside & (hoops[:, 2] - hoops[:, 0] >= HOOP_WIDTH_MIN)


def judge_hoop(net: torch.nn.Module, groups: list[Fields], thresholds: tuple[float, ...]) -> dict:
    """Recall, precision (overlap at least a half) and the mean overlap of what was found, at several thresholds."""
    cases = []
    for group in groups:
        for index in range(len(group.frames)):
            hoops = group.hoops[index, -1]
            with torch.no_grad():
                told = net(letterbox(group.frames[index, -1:], LOOK_SIZE)[None])[0].numpy()
            cases.append((hoops[hoops[:, 2] > hoops[:, 0]], told))
    fits = lambda hoop, answer: iou(hoop, answer) - 0.5
    results = {}
    for threshold in thresholds:
        sums, overlaps = np.zeros(4, int), []
        for hoops, told in cases:
            answers = hoop_boxes(told, threshold)
            found, wanted, false, pairs = match(hoops, wanted_hoops(hoops, LOOK_SIZE), answers, fits)
            overlaps += [iou(hoops[i], answer) for i, answer in pairs]
            sums += [found, wanted, false, len(answers)]
        mean = round(float(np.mean(overlaps)), 4) if overlaps else 0.0
        results[f"at_{threshold}"] = _rates(*sums.tolist()) | {"mean_iou": mean}
    return results
