"""Owns the measures of the rim lane on clips it never saw. Trains nothing.

Windows slide over each clip as they do over a live picture. A moment is told from one slot of each window, so the
slot's place is the look-ahead: slot 10 has seen 5 slots (400 ms) after itself.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from .court import MADE, MISSED, RIM_FRAMES, RimClips
from .rim_windows import IN_SLOT, PICTURES, SLOTS, plain_crops

STEP = IN_SLOT  # frames between slots and between windows
MATCH_FRAMES = 12.5  # a told moment counts when it is at most half a second off
APART_SLOTS = 8  # of two told moments nearer than this, the weaker is an echo
THRESHOLD = 0.5


@dataclass
class Tally:
    """Counts over judged clips. `told[truth][answer]`: classes nothing 0, missed 1, made 2."""

    told: np.ndarray = field(default_factory=lambda: np.zeros((3, 3), int))
    right_clips: int = 0
    clips: int = 0
    quiet_clips: int = 0
    false_in_quiet: int = 0
    plays: dict[str, list[int]] = field(default_factory=dict)

    def summary(self) -> dict:
        found = self.told[1:, 1:].sum()
        answers = self.told[:, 1:].sum()
        right = self.told[1, 1] + self.told[2, 2]
        share = lambda part, whole: round(float(part) / max(1, float(whole)), 4)
        return {
            "clips": self.clips,
            "right_clips": share(self.right_clips, self.clips),
            "recall": share(found, self.told[1:].sum()),
            "precision": share(found, answers),
            "class_right": share(right, found),
            "made_recall": share(self.told[2, 2], self.told[2].sum()),
            "missed_recall": share(self.told[1, 1], self.told[1].sum()),
            "quiet_clips": self.quiet_clips,
            "false_in_quiet_clips": self.false_in_quiet,
            "told": self.told.tolist(),
            "right_of_play": {play: f"{right} of {of}" for play, (right, of) in sorted(self.plays.items())},
        }


def chances(net: torch.nn.Module, clips: RimClips, clip: int) -> np.ndarray:
    """Softmax answers f32 `[windows, 16, 3]`; window `i` starts at frame `2 i`."""
    crops = plain_crops(clips, clip, np.arange(RIM_FRAMES), net.size)
    windows = torch.stack([crops[start : start + PICTURES] for start in range(0, RIM_FRAMES - PICTURES + 1, STEP)])
    with torch.no_grad():
        return net(windows).softmax(-1).numpy()


def along_time(answers: np.ndarray, lookahead: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Frames since the first frame and f32 `[frames, 3]` chances at each.

    They come from one slot of each window, or (None) are the mean of all settled ones.
    """
    windows = len(answers)
    if lookahead is not None:
        slot = SLOTS - 1 - lookahead
        return STEP * (np.arange(windows) + slot) + STEP - 1, answers[:, slot]
    total, count = np.zeros((windows + SLOTS - 1, 3)), np.zeros((windows + SLOTS - 1, 1))
    for slot in range(2, SLOTS - 4):
        total[slot : slot + windows] += answers[:, slot]
        count[slot : slot + windows] += 1
    used = count[:, 0] > 0
    return STEP * np.flatnonzero(used) + STEP - 1, total[used] / count[used]


def moments(frames: np.ndarray, told: np.ndarray, threshold: float = THRESHOLD) -> list[tuple[int, float]]:
    """Class and frame of each told moment: peaks of missed plus made, strongest first, echoes dropped."""
    strength = told[:, MISSED] + told[:, MADE]
    kept: list[int] = []
    for at in np.argsort(-strength):
        if strength[at] < threshold:
            break
        if all(abs(at - other) > APART_SLOTS for other in kept):
            kept.append(int(at))
    answers = []
    for at in kept:
        around = told[max(0, at - 1) : at + 2].sum(0)
        answers.append((MADE if around[MADE] > around[MISSED] else MISSED, float(frames[at])))
    return answers


def count(tally: Tally, truth: np.ndarray, answers: list[tuple[int, float]], seen: tuple[float, float]) -> bool:
    """Adds one clip: `truth` `[k, 2]` (class, frame); moments outside the frames `seen` are nobody's fault.

    Returns whether everything in it was told right.
    """
    left = list(answers)
    real = [(int(kind), frame) for kind, frame in truth if kind > 0]
    right = True
    for kind, frame in real:
        if not seen[0] <= frame <= seen[1]:
            left = [answer for answer in left if abs(answer[1] - frame) > MATCH_FRAMES]
            continue
        near = [answer for answer in left if abs(answer[1] - frame) <= MATCH_FRAMES]
        told = near[0][0] if near else 0
        tally.told[kind, told] += 1
        right &= told == kind
        if near:
            left.remove(near[0])
    for kind, _ in left:
        tally.told[0, kind] += 1
    right &= not left
    tally.clips += 1
    tally.right_clips += right
    if not real:
        tally.quiet_clips += 1
        tally.false_in_quiet += len(left)
    return right


def judge(net: torch.nn.Module, groups: list[RimClips]) -> dict:
    """Measures with 400 ms of look-ahead, with 800 ms, and with all there is."""
    tallies = {"lookahead_400_ms": (5, Tally()), "lookahead_800_ms": (10, Tally()), "full": (None, Tally())}
    for group in groups:
        for clip in range(len(group.frames)):
            answers = chances(net, group, clip)
            for lookahead, tally in tallies.values():
                frames, told = along_time(answers, lookahead)
                right = count(tally, group.events[clip], moments(frames, told), (frames[0], frames[-1]))
                of_play = tally.plays.setdefault(str(group.plays[clip]), [0, 0])
                of_play[0] += right
                of_play[1] += 1
    return {name: tally.summary() for name, (_, tally) in tallies.items()}


def judge_quiet(net: torch.nn.Module, groups: list[RimClips]) -> dict:
    """Measures clips without a shot, with all there is: how many, and the moments told in them by what is played."""
    clips, told = 0, {}
    for group in groups:
        for clip in range(len(group.frames)):
            answers = moments(*along_time(chances(net, group, clip), None))
            clips += 1
            of_play = told.setdefault(str(group.plays[clip]), [0, 0])
            of_play[0] += len(answers)
            of_play[1] += 1
    false = sum(count for count, _ in told.values())
    return {"clips": clips, "false": false, "false_of_play": {play: f"{n} in {of}" for play, (n, of) in sorted(told.items())}}
