"""Resampling must be what the box does, or the networks see other pictures there."""

import numpy as np
import torch

from courtside_train.raster import Cut, axis_weights, crop, letterbox, noise, resample


def test_weights_of_every_target_pixel_sum_to_one_also_beyond_the_border():
    for start, length in [(-30.0, 90.0), (-7.3, 20.0), (50.5, 40.0), (0.0, 64.0)]:
        weights = axis_weights(torch.tensor([start]), torch.tensor([length]), 64, 32)
        assert torch.allclose(weights.sum(-1), torch.ones(1, 32), atol=1e-4)


def test_shrinking_by_two_averages_pairs():
    picture = torch.arange(16.0).reshape(1, 4, 4)
    small = resample(picture, torch.tensor([[0.0, 0.0, 4.0, 4.0]]), (2, 2))
    assert small.tolist() == [[[2.5, 4.5], [10.5, 12.5]]]


def test_enlarging_interpolates_between_pixel_centres():
    row = torch.tensor([[[0.0, 10.0]]])
    wide = resample(row, torch.tensor([[0.0, 0.0, 2.0, 1.0]]), (1, 4))
    assert torch.allclose(wide, torch.tensor([[[0.0, 2.5, 7.5, 10.0]]]))


def test_reads_beyond_the_border_repeat_it():
    frames = np.full((1, 8, 8), 50, np.uint8)
    frames[:, :, 0] = 200
    out = crop(frames, Cut(np.array([[-6.0, 2.0]]), (4.0, 4.0), (2, 2)))
    assert torch.allclose(out, torch.full((1, 2, 2), 200 / 255))


def test_crop_follows_corners_that_move():
    frames = np.zeros((2, 32, 32), np.uint8)
    frames[0, 10:14, 10:14] = 255
    frames[1, 15:19, 12:16] = 255
    out = crop(frames, Cut(np.array([[8.0, 8.0], [10.0, 13.0]]), (8.0, 8.0), (8, 8)))
    assert torch.equal(out[0], out[1]) and out[0].sum() == 16


def test_one_window_for_all_gives_what_a_window_each_gives():
    pictures = torch.rand(3, 20, 30)
    window = torch.tensor([[2.5, 1.25, 21.0, 14.0]])
    alone = resample(pictures, window, (9, 11))
    each = resample(pictures, window.expand(3, 4), (9, 11))
    assert torch.allclose(alone, each, atol=1e-5)


def test_letterbox_of_a_square_has_grey_bars_at_both_sides():
    boxed = letterbox(np.full((1, 100, 100), 255, np.uint8), (288, 512))
    assert torch.allclose(boxed[0, :, 112:400], torch.ones(288, 288), atol=1e-4)
    assert torch.allclose(boxed[0, :, :112], torch.full((288, 112), 114 / 255))


def test_noise_of_any_size_is_normal_and_changes():
    rng = np.random.default_rng(8)
    for shape in [(16, 32, 32), (5, 600, 800)]:
        one, other = noise(shape, rng), noise(shape, rng)
        assert one.shape == shape and abs(one.std() - 1) < 0.02 and not torch.equal(one, other)
