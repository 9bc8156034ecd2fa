"""The formats of `court dataset`, on a clip made by hand."""

import json

import numpy as np

from courtside_train.court import FIELD_FRAMES, FIELD_SIZE, MADE, RIM_FRAMES, read_pictures, read_rim


def boxes_at(xs: list[float]) -> list[list[float]]:
    return [[x - 10, 22.0, x + 10, 42.0] for x in xs]


def test_clips_are_read_by_viewport(tmp_path):
    clips, offset = [], 0
    with open(tmp_path / "clips.u8", "wb") as pixels:
        for seed, (p, x) in enumerate([(64, 32.0), (96, 48.0), (96, 50.0)]):
            pixels.write(np.full((RIM_FRAMES, p, p), seed + 10, np.uint8).tobytes())
            clip = {"offset": offset, "p": p, "seed": seed, "hoop_box_per_frame": boxes_at([x] * RIM_FRAMES)}
            clip["events"] = [{"kind": "made_shot", "frame": 30.5}] if seed == 2 else []
            clip["play"] = "Swish" if seed == 2 else "Hands"
            clip["corner_per_frame"] = [[7.0, 8.0]] * RIM_FRAMES
            clip["depth_per_frame"] = [[-1.5, 0.0]] * RIM_FRAMES
            clip["ball_per_frame"] = [[1.0, 2.0, 3.0, 1.0]] * RIM_FRAMES
            clips.append(clip)
            offset += RIM_FRAMES * p * p
    (tmp_path / "clips.json").write_text(json.dumps(clips))
    small, large = read_rim(tmp_path)
    assert small.seeds.tolist() == [0] and (small.frames == 10).all() and small.frames.shape == (1, 72, 64, 64)
    assert large.seeds.tolist() == [1, 2] and (large.frames[1] == 12).all()
    assert large.events[1].tolist() == [[MADE, 30.5]] and large.events[0].tolist() == [[0, 0]]
    assert large.plays.tolist() == ["Hands", "Swish"] and large.depths[0, 3].tolist() == [-1.5, 0]


def test_pictures_are_read_with_as_many_balls_and_hoops_as_there_are(tmp_path):
    ball, hoop = [10.0, 20.0, 3.0, 1.0], [30.0, 40.0, 50.0, 60.0]
    sequences = []
    for seed, balls in [(7, [ball]), (8, [ball, ball])]:
        sequence = {"offset": (seed - 7) * FIELD_FRAMES * FIELD_SIZE[0] * FIELD_SIZE[1], "seed": seed}
        sequence["balls_per_frame"] = [balls] * FIELD_FRAMES
        sequence["hoops_per_frame"] = [[hoop] if seed == 7 else []] * FIELD_FRAMES
        sequences.append(sequence)
    (tmp_path / "fields.json").write_text(json.dumps(sequences))
    (tmp_path / "fields.u8").write_bytes(bytes([1]) * sequences[1]["offset"] + bytes([2]) * sequences[1]["offset"])
    fields = read_pictures("field", tmp_path)
    assert fields.frames.shape == (2, FIELD_FRAMES, *FIELD_SIZE) and fields.frames[:, 0, 0, 0].tolist() == [1, 2]
    assert fields.balls[0, 0].tolist() == [ball, [0, 0, 0, 0]] and fields.balls[1, 0].tolist() == [ball, ball]
    assert fields.hoops[0, 5].tolist() == [hoop] and not fields.hoops[1].any()
