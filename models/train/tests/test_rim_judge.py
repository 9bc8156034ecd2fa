"""The judge must count what a person would count."""

import numpy as np
import torch

from courtside_train.court import MADE, MISSED, RIM_FRAMES, RimClips
from courtside_train.rim_judge import Tally, along_time, count, judge_quiet, moments
from courtside_train.rim_windows import SLOTS


def told_with(peaks: dict, length: int = 30) -> np.ndarray:
    told = np.tile(np.array([1.0, 0, 0]), (length, 1))
    for at, (kind, chance) in peaks.items():
        told[at] = 0
        told[at, 0], told[at, kind] = 1 - chance, chance
    return told


def test_a_peak_is_one_moment_and_its_echo_none():
    told = told_with({10: (MADE, 0.9), 11: (MADE, 0.8), 14: (MISSED, 0.6), 25: (MISSED, 0.7)})
    assert moments(2 * np.arange(30), told) == [(MADE, 20.0), (MISSED, 50.0)]


def test_weak_answers_are_nothing():
    assert moments(np.arange(30), told_with({10: (MADE, 0.4)})) == []


def test_a_slot_of_each_window_is_told_at_its_own_time():
    answers = np.zeros((20, SLOTS, 3))
    for window in range(20):
        answers[window, :, 0] = 1
        if 0 <= 18 - window < SLOTS:  # the later crop of the slot is frame 37
            answers[window, 18 - window] = [0, 0, 1]
    for lookahead in (3, 5, 10, None):
        frames, told = along_time(answers, lookahead)
        assert frames[told[:, MADE].argmax()] == 37 and told[:, MADE].max() == 1


def tally_of(truth: list, answers: list) -> Tally:
    tally = Tally()
    count(tally, np.asarray(truth, float), answers, (20, 60))
    return tally


def test_right_wrong_missing_and_false_answers_are_told_apart():
    assert tally_of([[MADE, 40]], [(MADE, 44.0)]).right_clips == 1
    assert tally_of([[MADE, 40]], [(MISSED, 40.0)]).told[MADE, MISSED] == 1
    assert tally_of([[MADE, 40]], []).told[MADE, 0] == 1
    late = tally_of([[MADE, 40]], [(MADE, 56.0)])
    assert late.told[MADE, 0] == 1 and late.told[0, MADE] == 1 and late.right_clips == 0


def test_an_answer_on_a_quiet_clip_is_false_and_a_moment_out_of_sight_is_nobodys_fault():
    assert tally_of([[0, 0]], [(MADE, 40.0)]).false_in_quiet == 1
    unseen = tally_of([[MADE, 15]], [(MADE, 20.0)])
    assert unseen.right_clips == 1 and unseen.told.sum() == 0


class SeesBright(torch.nn.Module):
    """Tells makes all along windows whose crops are bright, and nothing in any other."""

    size = (64, 64)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(frames), SLOTS, 3)
        logits[frames.mean((1, 2, 3)) > 0.5, :, MADE] = 9
        logits[..., 0] = 5
        return logits


def test_whatever_is_told_of_play_without_a_shot_is_false():
    side, clips = 48, 3
    frames = np.full((clips, RIM_FRAMES, side, side), 40, np.uint8)
    frames[1] = 220
    boxes = np.tile(np.asarray([18, 18, 30, 30], np.float32), (clips, RIM_FRAMES, 1))
    zeros = lambda *shape: np.zeros((clips, *shape), np.float32)
    of_all = dict(corners=zeros(RIM_FRAMES, 2), balls=zeros(RIM_FRAMES, 4), depths=zeros(RIM_FRAMES, 2), events=zeros(1, 2))
    plays = np.asarray(["Hands", "Toss", "Toss"])
    measured = judge_quiet(SeesBright(), [RimClips(frames=frames, boxes=boxes, plays=plays, seeds=np.arange(clips), **of_all)])
    assert measured["clips"] == 3 and measured["false"] > 0
    assert measured["false_of_play"] == {"Hands": "0 in 1", "Toss": f"{measured['false']} in 2"}
