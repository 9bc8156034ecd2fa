"""Targets of whole-picture samples lie where the things are."""

import numpy as np
import torch

from courtside_train.calibrate import EXPECTED, best_threshold, logit, move_threshold
from courtside_train.court import Fields
from courtside_train.field_judge import hoop_boxes, parabola, peaks
from courtside_train.field_samples import ball_sample, gaussians, hoop_sample


def field_with_a_ball() -> Fields:
    frames = np.full((1, 12, 288, 512), 40, np.uint8)
    balls = np.zeros((1, 12, 2, 4), np.float32)
    for t in range(12):
        x = 200 + 6 * t
        frames[0, t, 96:105, x - 4 : x + 5] = 250
        balls[0, t, 0] = [x + 0.5, 100.5, 4.5, 1]
    hoops = np.tile(np.array([[300, 60, 332, 92]], np.float32), (1, 12, 1, 1))
    frames[0, :, 60:92, 300:332] = 160
    return Fields(frames, balls, hoops, np.array([0]))


def test_a_peak_comes_back_where_the_bump_was_put_between_the_cells():
    heat = gaussians(np.array([[10.7, 6.2]]), np.array([1.5]), (20, 30)).numpy() * 0.98
    heat[6, 10] = np.exp(-((10.5 - 10.7) ** 2 + (6.5 - 6.2) ** 2) / 4.5) * 0.98  # without the forced 1
    (x, y, chance), = peaks(heat, 0.5)
    assert abs(x - 10.7) < 0.02 and abs(y - 6.2) < 0.02 and chance > 0.9


def test_a_flat_top_is_not_moved():
    assert parabola(0.0, 0.0, 0.0) == 0.0


def test_the_ball_target_is_over_what_stands_out_of_the_last_frame():
    fields, rng, hits = field_with_a_ball(), np.random.default_rng(6), 0
    for _ in range(40):
        frames, heat, care = ball_sample(fields, 0, ((128, 192), 1.0), rng)
        assert frames.shape == (5, 128, 192) and heat.shape == care.shape == (1, 64, 96)
        if heat.max() < 1:
            continue
        row, column = divmod(int(heat[0].argmax()), 96)
        assert (frames[-1, 2 * row, 2 * column] - frames[-1].median()).abs() > 0.2
        hits += 1
    assert hits > 15


def test_the_hoop_target_tells_place_and_size():
    fields, rng, hits = field_with_a_ball(), np.random.default_rng(7), 0
    for _ in range(40):
        frame, heat, care, sizes, counts = hoop_sample(fields, 0, (192, 256), rng)
        assert frame.shape == (1, 192, 256) and heat.shape == care.shape == counts.shape == (1, 48, 64)
        if heat.max() < 1:
            continue
        row, column = divmod(int(heat[0].argmax()), 64)
        assert counts[0, row, column] == 1
        width = float(torch.exp(sizes[0, row, column]) * 16)
        assert 32 / 1.8 < width < 32 * 2.2
        assert torch.equal(sizes[0, row, column], sizes[1, row, column])
        hits += 1
    assert hits > 15


def test_boxes_of_the_finder_are_read_as_they_were_told():
    told = np.full((3, 72, 128), -8.0)
    rows, columns = np.mgrid[:72, :128] + 0.5
    told[0] = -((columns - 30.25) ** 2 + (rows - 20.5) ** 2) / 4 + 1
    told[1], told[2] = np.log(24 / 16), np.log(20 / 16)
    (box,) = hoop_boxes(told, 0.5)
    assert np.allclose(box, [121 - 12, 82 - 10, 121 + 12, 82 + 10], atol=1)


def test_the_best_threshold_is_moved_to_where_the_box_expects_it():
    measured = {"at_0.1": {"recall": 0.9, "precision": 0.5}, "at_0.2": {"recall": 0.8, "precision": 0.8}}
    measured["at_0.5"] = {"recall": 0.1, "precision": 1.0}
    layer = torch.nn.Conv2d(1, 2, 1)
    before = layer.bias.detach().clone()
    move_threshold(layer.bias, 0, best_threshold(measured))
    at_best = torch.tensor(logit(0.2)) + layer.bias[0] - before[0]
    assert abs(at_best.sigmoid().item() - EXPECTED) < 1e-6 and layer.bias[1] == before[1]
