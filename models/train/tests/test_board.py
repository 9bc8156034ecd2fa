"""Fields, network and judge of the board lane."""

import numpy as np
import pytest
import torch

from courtside_train import board_judge, board_net, board_scenes
from courtside_train.board_scenes import SYMBOLS

needs_typefaces = pytest.mark.skipif(
    not list(board_scenes.TYPEFACES.glob("*/*.ttf")), reason="no typefaces: scripts/train installs them"
)


def test_segments_dots_and_variants_are_those_of_ten_digits():
    assert len({"".join(sorted(names)) for names in board_scenes.SEGMENTS}) == 10
    assert len(set(board_scenes.DOTS)) == 10 and all(len(rows) == 7 for rows in board_scenes.DOTS)


def test_what_a_board_shows_can_be_said_in_six_symbols():
    rng = np.random.default_rng(1)
    texts = [board_scenes.text_of(rng) for _ in range(2000)]
    assert all(len(text) <= 5 and set(text) <= set(SYMBOLS) for text in texts)
    assert {"", "0"} <= set(texts) and any(":" in text for text in texts) and any("." in text for text in texts)


def test_lit_segments_are_some_of_all_and_more_of_an_eight_than_of_a_one():
    lamps = lambda text: [np.asarray(p).sum() for p in board_scenes.in_segments(text, np.random.default_rng(2))]
    (one, every), (eight, all_lit) = lamps("1"), lamps("8")
    assert one < eight == all_lit == every


def test_a_narrow_field_lies_in_the_middle_of_grey_and_a_wide_one_is_squeezed():
    white = np.full((20, 10), 255, np.uint8)
    narrow = board_scenes.laid(white)
    assert (narrow[:, 56:72] == 255).all() and (narrow[:, :56] == board_scenes.PAD).all()
    assert (board_scenes.laid(np.full((10, 200), 255, np.uint8)) == 255).all()


@needs_typefaces
def test_a_seed_is_its_fields_and_judging_has_typefaces_of_its_own():
    one, two = (board_scenes.render(range(3, 4), held_out=False) for _ in range(2))
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.texts, two.texts)
    assert one.frames.shape == (board_scenes.FIELDS, 32, 128)
    assert not set(board_scenes.typefaces(True)) & set(board_scenes.typefaces(False))


def test_a_network_learns_to_tell_two_fields_apart():
    torch.manual_seed(1)
    frames = np.full((2, 32, 128), 40, np.uint8)
    for at, text in enumerate(("8", "11")):
        lit, _ = board_scenes.in_segments(text, np.random.default_rng(4))
        frames[at] = board_scenes.laid(np.asarray(lit))
    boards = board_scenes.Boards(frames, np.asarray([[8] + [-1] * 5, [1, 1] + [-1] * 4], np.int8), np.arange(2))
    net, rng = board_net.BoardNet(board_net.TIERS["nano"]), np.random.default_rng(5)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(300):
        loss = board_net.board_loss(net, board_net.batch([boards], 16, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert board_judge.judge(net, [boards])["right"] == 1.0


def test_reading_joins_neighbours_and_parts_twins():
    logits = np.full((8, 13), -8.0)
    for column, symbol in enumerate([12, 1, 1, 12, 1, 10, 12, 3]):
        logits[column, symbol] = 8.0
    logits[4, 7] = 7.0  # the second "1" may be a "7"
    text, certain = board_judge.read(logits)
    assert text == "11:3" and 0.7 < certain < 0.75
