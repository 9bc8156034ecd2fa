"""Chunks are made once, whole, and opened up to the seed that was asked for."""

import numpy as np
import pytest

from courtside_train import court, shelf


@pytest.fixture
def rendered(monkeypatch, tmp_path):
    """A shelf whose renderer draws flat pictures, brighter with each seed; counts its calls."""
    calls = []

    def read(_kind, folder):
        seeds = calls[-1]
        frames = np.stack([np.full((court.FIELD_FRAMES, 32, 64), 50 + seed, np.uint8) for seed in seeds])
        boxes = np.zeros((len(seeds), court.FIELD_FRAMES, 1, 4), np.float32)
        return court.Fields(frames, boxes, boxes, np.asarray(seeds))

    def render(kind, seeds, out):
        calls.append(seeds)
        out.mkdir()

    monkeypatch.setattr(shelf, "CACHE", tmp_path)
    monkeypatch.setattr(shelf, "CHUNK", 4)
    monkeypatch.setattr(shelf.court, "render", render)
    monkeypatch.setattr(shelf.court, "read_pictures", read)
    return calls


def test_what_is_there_is_not_rendered_again(rendered):
    shelf.fill("field", range(0, 6))
    shelf.fill("field", range(0, 8))
    assert rendered == [range(0, 4), range(4, 8)]


def test_a_broken_off_chunk_is_made_again(rendered, tmp_path):
    shelf.fill("field", range(0, 4))
    (tmp_path / "shelf/field1-0-4/done").unlink()
    shelf.fill("field", range(0, 4))
    assert len(rendered) == 2


def test_no_seed_beyond_those_asked_for_is_opened(rendered):
    shelf.fill("field", range(0, 8))
    groups = shelf.open_pictures("field", range(0, 6))
    assert [group.seeds.tolist() for group in groups] == [[0, 1, 2, 3], [4, 5]]
    assert abs(int(groups[1].frames[1, 0, 0, 0]) - 55) <= 2
