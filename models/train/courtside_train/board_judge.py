"""Owns the measures of the board lane on fields it never saw. Trains nothing."""

import numpy as np
import torch

from .board_net import NOTHING
from .board_scenes import SYMBOLS, Boards

SURE = 0.9  # a reading less certain than this is not one
BATCH = 200


def read(logits: np.ndarray) -> tuple[str, float]:
    """The text of one field from logits f32 `[64, 13]`, and how certain it is: its least certain column."""
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    best = chances.argmax(1)
    text = "".join(SYMBOLS[k] for at, k in enumerate(best) if k != NOTHING and (at == 0 or best[at - 1] != k))
    runs, least = [], 1.0
    for at, k in enumerate(best):
        if at and best[at - 1] == k:
            runs[-1] = max(runs[-1], chances[at, k])
        else:
            runs.append(chances[at, k])
    least = float(min(runs))
    return text, least


def judge(net: torch.nn.Module, groups: list[Boards]) -> dict:
    """Share of fields read, of sure readings that are right, and of fields that are read surely."""
    net.eval()
    right = sure = sure_right = fields = 0
    for group in groups:
        for start in range(0, len(group.frames), BATCH):
            frames = torch.from_numpy(np.asarray(group.frames[start : start + BATCH], np.float32)[:, None] / 255)
            with torch.no_grad():
                logits = net(frames).numpy()
            for told, truth in zip(logits, group.texts[start : start + BATCH]):
                text, certain = read(told)
                good = text == "".join(SYMBOLS[k] for k in truth if k >= 0)
                fields, right = fields + 1, right + good
                sure, sure_right = sure + (certain >= SURE), sure_right + (certain >= SURE and good)
    share = lambda part, whole: round(part / max(1, whole), 4)
    return {"fields": fields, "right": share(right, fields), "sure": share(sure, fields), "right_of_sure": share(sure_right, sure)}
