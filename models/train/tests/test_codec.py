"""The trip through H.264 must keep places and times, and really lose something."""

import numpy as np

from courtside_train.codec import Quality, cut, degrade_clips, degrade_pictures, mosaic, through_h264


def moving_squares(n: int, t: int, p: int) -> np.ndarray:
    clips = np.full((n, t, p, p), 90, np.uint8)
    for clip in range(n):
        for frame in range(t):
            x = (3 * clip + 2 * frame) % (p - 16)
            clips[clip, frame, 20:36, x : x + 16] = 200
    return clips


def test_cutting_a_mosaic_gives_the_clips_back():
    clips = moving_squares(7, 3, 96)
    assert np.array_equal(cut(mosaic(clips), 7, 96), clips)


def test_h264_keeps_luma_range_places_and_times():
    frames = moving_squares(1, 8, 64)[0]
    worn = through_h264(frames, Quality(18, "veryfast", None))
    assert worn.shape == frames.shape
    assert np.abs(worn.astype(int) - frames).mean() < 2


def test_a_higher_crf_loses_more():
    noise = np.random.default_rng(1).integers(60, 180, (6, 64, 64)).astype(np.uint8)
    loss = [np.abs(through_h264(noise, Quality(crf, "veryfast", None)).astype(int) - noise).mean() for crf in (18, 36)]
    assert loss[1] > 2 * loss[0] > 0


def test_more_clips_than_a_mosaic_holds_all_come_back_in_order():
    clips = moving_squares(30, 2, 160)
    worn = degrade_clips(clips, np.random.default_rng(2), (16, 20))
    assert worn.shape == clips.shape
    assert np.abs(worn.astype(int) - clips).mean((1, 2, 3)).max() < 4


def test_sequences_in_one_film_come_back_apart():
    sequences = np.stack([np.full((3, 64, 96), 40 + 10 * i, np.uint8) for i in range(13)])
    worn = degrade_pictures(sequences, np.random.default_rng(3))
    assert np.abs(worn.astype(int) - sequences).max() <= 3
