"""Labels and crops of rim windows."""

import numpy as np
import torch

from courtside_train.court import MADE, MISSED, RIM_FRAMES, RimClips
from courtside_train.rim_windows import (
    IN_SLOT,
    PICTURES,
    SLOTS,
    Drawer,
    crop_corners,
    draw_times,
    follower,
    places_of,
    plain_crops,
    skip_frames,
    slot_labels,
    splice,
)


SIDE = 64  # of the crops


def clips_with(events: list, p: int = 96) -> RimClips:
    box = np.array([38, 40, 58, 60], np.float32)
    frames = np.full((1, RIM_FRAMES, p, p), 60, np.uint8)
    frames[:, :, 40:60, 38:58] = 220
    balls = np.tile(np.array([48, 49, 4, 1], np.float32), (1, RIM_FRAMES, 1))
    corners = np.tile(np.linspace(0, 30, RIM_FRAMES).round()[:, None], (1, 1, 2)).astype(np.float32)
    depths = np.tile(np.array([2, 0], np.float32), (1, RIM_FRAMES, 1))
    boxes, moments = np.tile(box, (1, RIM_FRAMES, 1)), np.asarray([events], np.float32)
    return RimClips(frames, corners, boxes, balls, depths, moments, np.array(["Swish"]), np.array([1]))


def test_the_slots_next_to_the_moment_carry_its_class():
    classes, _ = slot_labels(np.arange(SLOTS) * 2.0, np.array([[MADE, 15.0]]), 2.0)
    assert classes.tolist() == [0] * 7 + [MADE] * 2 + [0] * 7


def test_a_moment_on_a_slot_also_marks_both_neighbours():
    classes, _ = slot_labels(np.arange(SLOTS) * 2.0, np.array([[MISSED, 10.0]]), 2.0)
    assert np.flatnonzero(classes == MISSED).tolist() == [4, 5, 6]


def test_a_moment_outside_the_window_leaves_nothing():
    classes, weights = slot_labels(20 + np.arange(SLOTS) * 2.0, np.array([[MADE, 10.0], [0.0, 30.0]]), 2.0)
    assert not classes.any() and (weights == 1).all()


def test_a_moment_without_look_ahead_counts_less_than_one_with():
    _, late = slot_labels(np.arange(SLOTS) * 2.0, np.array([[MADE, 30.0]]), 2.0)
    _, early = slot_labels(np.arange(SLOTS) * 2.0, np.array([[MADE, 16.0]]), 2.0)
    assert late[15] < 1 < early[8]


def test_windows_stay_in_the_clip_and_in_order():
    rng = np.random.default_rng(3)
    for _ in range(300):
        times, spacing = draw_times(np.array([[MADE, 40.0]]), rng)
        assert times.min() >= 0 and times.max() <= RIM_FRAMES - 1 and (np.diff(times) >= 0).all()
        assert 1.5 <= spacing <= 2.5


def test_a_busy_box_shows_an_earlier_frame_again_and_never_a_later_one():
    rng = np.random.default_rng(5)
    times = np.arange(PICTURES) * 1.0
    shown = [skip_frames(times, rng) for _ in range(400)]
    skipped = [seen for seen in shown if (seen != times).any()]
    assert 60 < len(skipped) < 180
    for seen in skipped:
        assert seen[0] == times[0] and seen[-1] == times[-1]
        assert (np.diff(seen) >= 0).all() and (seen <= times).all() and np.isin(seen, times).all()


def test_a_box_at_half_the_rate_sees_the_later_crop_of_each_slot():
    rng = np.random.default_rng(5)
    times = np.arange(PICTURES) * 1.0
    half = times - (np.arange(PICTURES) % 2 == 0)
    half[0] = 0
    assert sum((skip_frames(times, rng) == half).all() for _ in range(400)) > 20


def test_moments_are_drawn_at_every_place_of_the_window_and_outside():
    rng = np.random.default_rng(4)
    seen = np.zeros(SLOTS, int)
    none = 0
    for _ in range(600):
        times, spacing = draw_times(np.array([[MADE, 36.0]]), rng)
        classes, _ = slot_labels(times[IN_SLOT - 1 :: IN_SLOT], np.array([[MADE, 36.0]]), spacing)
        seen += classes > 0
        none += not classes.any()
    assert seen.min() > 15 and none > 15


def test_the_crop_is_three_and_a_half_boxes_wide_around_the_hoop():
    boxes = np.tile(np.array([100, 50, 120, 80], np.float32), (SLOTS, 1))
    corners, side = crop_corners(boxes, None)
    assert side == 70 and np.allclose(corners[0] + side / 2, [110, 59])


def test_plain_crops_show_the_hoop_in_its_place():
    window = plain_crops(clips_with([[0, 0]]), 0, np.arange(PICTURES), (SIDE, SIDE))
    bright = torch.nonzero(window[5] > 0.5).float()
    centre = (bright.amin(0) + bright.amax(0) + 1) / 2
    assert window.shape == (PICTURES, SIDE, SIDE)
    assert torch.allclose(centre, torch.tensor([32 + 0.05 * 20 * 64 / 70, 32.0]), atol=0.7)


def test_a_follower_never_loses_the_hoop_by_more_than_half_its_width():
    boxes = np.tile(np.array([0, 0, 20, 20], np.float32), (PICTURES, 1)) + 10 * np.arange(PICTURES)[:, None]
    for seed in range(20):
        guessed = follower(boxes, np.random.default_rng(seed))
        assert np.abs(guessed - boxes).max() <= 10


def test_a_ball_at_the_ring_is_neither_before_nor_behind_it_and_in_the_net_it_is_nowhere_else():
    places = places_of(np.array([[-2, 0], [0.1, 0], [3, 0], [0.1, 1]], np.float32))
    assert np.array_equal(places, [[1, 0, 0], [np.nan, 0, np.nan], [0, 0, 1], [0, 1, 0]], equal_nan=True)


def test_a_moment_next_to_a_cut_counts_nothing_and_one_far_away_all():
    def window(kind: int, at: int) -> tuple:
        slots = np.where(np.arange(SLOTS) == at, kind, 0)
        balls = np.full((SLOTS, 4), float(kind))
        return torch.zeros(PICTURES, 4, 4) + kind, slots, np.ones(SLOTS), balls, np.zeros((SLOTS, 3))

    lost = kept = 0
    for seed in range(60):
        frames, slots, weights, balls, _ = splice(window(MADE, 2), window(MISSED, 15), np.random.default_rng(seed))
        later = frames[IN_SLOT - 1 :: IN_SLOT, 0, 0].numpy()  # a slot is labelled as its last crop
        assert (balls[:, 0] == later).all()
        cut = int((later == MADE).sum())
        assert 3 <= cut <= SLOTS - 3 and slots[2] == MADE and slots[15] == MISSED and weights[15] == 1
        lost += weights[2] == 0
        kept += weights[2] == 1
        assert (weights[2] == 0) == (cut - 3 <= 2)
    assert lost and kept


def test_flipped_or_not_the_labelled_ball_lies_on_the_hoop():
    batch = Drawer([clips_with([[MADE, 36]])], SIDE).batch(16, np.random.default_rng(5))
    assert batch.frames.shape == (16, PICTURES, SIDE, SIDE)
    assert batch.frames.min() >= 0 and batch.frames.max() <= 1
    assert ((batch.balls[..., :2] - 0.5).abs() < 0.25).all() and (batch.balls[..., 3] == 1).all()


def test_hard_plays_are_drawn_oftener_within_a_group_and_between_groups():
    swish, short = clips_with([[MADE, 36]]), clips_with([[MISSED, 36]])
    short.plays = np.array(["Short"])
    both = RimClips(*(np.concatenate([a, b]) for a, b in zip(vars(swish).values(), vars(short).values())))
    for groups in ([swish, short], [both]):
        batch = Drawer(groups, SIDE // 2).batch(200, np.random.default_rng(3))
        missed = int((batch.slots == MISSED).any(1).sum())
        made = int((batch.slots == MADE).any(1).sum())
        assert 1.4 < missed / made < 2.9
