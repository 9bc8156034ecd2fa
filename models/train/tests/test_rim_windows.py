"""Labels and crops of rim windows."""

import numpy as np
import torch

from courtside_train.court import MADE, MISSED, RIM_FRAMES, RimClips
from courtside_train.rim_windows import SIDE, SLOTS, crop_corners, draw_batch, draw_times, plain_crops, slot_labels

SIGHT = np.array([[0, RIM_FRAMES - 1]])


def clips_with(events: list, p: int = 96) -> RimClips:
    box = np.array([38, 40, 58, 60], np.float32)
    frames = np.full((1, RIM_FRAMES, p, p), 60, np.uint8)
    frames[:, :, 40:60, 38:58] = 220
    balls = np.tile(np.array([48, 49, 4, 1], np.float32), (1, RIM_FRAMES, 1))
    return RimClips(frames, np.tile(box, (1, RIM_FRAMES, 1)), balls, np.asarray([events], np.float32), SIGHT, np.array([1]))


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


def test_windows_stay_in_sight_and_in_order():
    rng = np.random.default_rng(3)
    for _ in range(300):
        times, spacing = draw_times(np.array([[MADE, 40.0]]), np.array([4, 66]), rng)
        assert times.min() >= 4 and times.max() <= 66 and (np.diff(times) >= 0).all()
        assert 1.5 <= spacing <= 2.5


def test_moments_are_drawn_at_every_place_of_the_window_and_outside():
    rng = np.random.default_rng(4)
    seen = np.zeros(SLOTS, int)
    none = 0
    for _ in range(600):
        times, spacing = draw_times(np.array([[MADE, 36.0]]), np.array([0, RIM_FRAMES - 1]), rng)
        classes, _ = slot_labels(times, np.array([[MADE, 36.0]]), spacing)
        seen += classes > 0
        none += not classes.any()
    assert seen.min() > 15 and none > 15


def test_the_crop_is_three_and_a_half_boxes_wide_around_the_hoop():
    boxes = np.tile(np.array([100, 50, 120, 80], np.float32), (SLOTS, 1))
    corners, side = crop_corners(boxes, None)
    assert side == 70 and np.allclose(corners[0] + side / 2, [110, 59])


def test_plain_crops_show_the_hoop_in_its_place():
    window = plain_crops(clips_with([[0, 0]]), 0, np.arange(SLOTS) * 2)
    bright = torch.nonzero(window[5] > 0.5).float()
    centre = (bright.amin(0) + bright.amax(0) + 1) / 2
    assert window.shape == (SLOTS, SIDE, SIDE)
    assert torch.allclose(centre, torch.tensor([32 + 0.05 * 20 * 64 / 70, 32.0]), atol=0.7)


def test_flipped_or_not_the_labelled_ball_lies_on_the_hoop():
    batch = draw_batch([clips_with([[MADE, 36]])], 16, SIDE, np.random.default_rng(5))
    assert batch.frames.shape == (16, SLOTS, SIDE, SIDE)
    assert batch.frames.min() >= 0 and batch.frames.max() <= 1
    assert ((batch.balls[..., :2] - 0.5).abs() < 0.25).all() and (batch.balls[..., 3] == 1).all()
