"""Owns the board lane's network, how its fields are disturbed, and its loss. Knows no files."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .board_scenes import SYMBOLS, Boards

NOTHING = len(SYMBOLS)  # the class of a column in which no symbol begins


@dataclass(frozen=True)
class Shape:
    """One tier: channels of the convolutions that halve the rows, numbers kept for each column."""

    channels: tuple[int, int, int, int]
    width: int


TIERS = {"nano": Shape((8, 16, 24, 32), 40), "full": Shape((16, 32, 48, 64), 72)}


class BoardNet(nn.Module):
    """A field of a scoreboard to its symbols, from left to right.

    - input: f32 `[n, 1, 32, 128]`, luma / 255; beside a narrow field is grey.
    - output: logits f32 `[n, 64, 13]`: for each two columns a symbol of [`SYMBOLS`], or last none. A symbol that goes on
      over neighbours is one; two alike have a "none" between them.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second, third, fourth = shape.channels
        self.encoder = nn.Sequential(
            self._halving(1, first, (2, 2)),
            self._halving(first, second, (2, 1)),
            self._halving(second, third, (2, 1)),
            self._halving(third, fourth, (2, 1)),
        )
        self.squeeze = nn.Sequential(nn.Conv1d(2 * fourth, shape.width, 1), nn.ReLU())
        self.along = nn.ModuleList(self._beside(shape.width, reach) for reach in (1, 2))
        self.drop = nn.Dropout(0.1)
        self.told = nn.Linear(shape.width, NOTHING + 1)

    @staticmethod
    def _halving(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
        convolution = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

    @staticmethod
    def _beside(width: int, reach: int) -> nn.Sequential:
        convolution = nn.Conv1d(width, width, 5, padding=2 * reach, dilation=reach, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm1d(width), nn.ReLU())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        centred = frames - frames.mean((1, 2, 3), keepdim=True)
        scale = (centred * centred).mean((1, 2, 3), keepdim=True).sqrt() + 0.02
        seen = self.encoder(centred / scale)
        story = self.squeeze(seen.flatten(1, 2))
        for layer in self.along:
            story = story + layer(story)
        return self.told(self.drop(story.transpose(1, 2)))


def disturbed(frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another place of a pixel or two, other light, more noise; f32 `[32, 128]`."""
    moved = np.roll(frame, (rng.integers(-1, 2), rng.integers(-3, 4)), (0, 1)).astype(np.float32)
    lit = moved * rng.uniform(0.7, 1.2) + rng.uniform(-20, 20)
    if rng.random() < 0.15:
        lit = 255 - lit
    return ((lit + rng.normal(0, rng.uniform(0, 6), lit.shape)) / 255).clip(0, 1).astype(np.float32)


def batch(groups: list[Boards], size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`size` disturbed fields: frames f32 `[size, 1, 32, 128]`, symbols i64 `[size, 6]`, their numbers i64 `[size]`."""
    frames, texts = [], []
    for _ in range(size):
        group = groups[rng.integers(len(groups))]
        at = rng.integers(len(group.frames))
        frames.append(disturbed(group.frames[at], rng)[None])
        texts.append(group.texts[at])
    texts = torch.from_numpy(np.stack(texts).astype(np.int64))
    return torch.from_numpy(np.stack(frames)), texts.clamp(min=0), (texts >= 0).sum(1)


def board_loss(net: BoardNet, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The training loss of one batch: how unlikely the symbols are in any places from left to right."""
    frames, symbols, many = given
    chances = net(frames).log_softmax(-1).transpose(0, 1)
    columns = torch.full((len(frames),), len(chances))
    lost = functional.ctc_loss(chances, symbols, columns, many, blank=NOTHING, reduction="none", zero_infinity=True)
    return (lost / many.clamp(min=1)).mean()
