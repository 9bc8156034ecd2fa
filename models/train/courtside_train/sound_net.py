"""Owns the sound lane's network, how its windows are drawn, and its loss. Knows no files."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .mel import BANDS
from .sound_scenes import BLOCKS, KINDS, Sounds

FRAMES_OF_BLOCK = 10
WINDOW_BLOCKS = 10
LOUDER = 1.5  # standard deviation of a window's gain, in nepers
TILT = 0.5  # standard deviation of a window's tilt over the bands, in nepers


@dataclass(frozen=True)
class Shape:
    """One tier: channels of the convolutions that halve the bands, numbers kept for each block."""

    channels: tuple[int, int, int, int]
    width: int


TIERS = {"nano": Shape((8, 16, 24, 24), 32), "full": Shape((16, 32, 40, 48), 64)}


class SoundNet(nn.Module):
    """A second of sound to what sounds in each 100 ms of it.

    - input: f32 `[n, 100, 64]`, log-mel, oldest first.
    - output: logits f32 `[n, 10, 5]`, [`KINDS`] in order; several kinds may sound at once.

    It sees the spectrum on the window's own scale, and its rise over the frames before, which a bed of noise does not
    have. Convolutions along time then weigh what came before and after each block.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second, third, fourth = shape.channels
        self.encoder = nn.Sequential(
            self._halving(2, first, (1, 2)),
            self._halving(first, second, (2, 2)),
            self._halving(second, third, (1, 2)),
            self._halving(third, fourth, (1, 2)),
        )
        self.blocks = nn.Conv1d(fourth * BANDS // 16, shape.width, 5, stride=5)
        self.along_time = nn.ModuleList(self._temporal(shape.width, reach) for reach in (1, 2, 1))
        self.drop = nn.Dropout(0.1)
        self.told = nn.Linear(shape.width, len(KINDS))

    @staticmethod
    def _halving(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
        convolution = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

    @staticmethod
    def _temporal(width: int, reach: int) -> nn.Sequential:
        convolution = nn.Conv1d(width, width, 3, padding=reach, dilation=reach, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm1d(width), nn.ReLU())

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        level = spectra.mean((1, 2), keepdim=True)
        rise = spectra[:, 3:] - spectra[:, :-3]
        rise = torch.cat([torch.zeros_like(rise[:, :3]), rise], 1)
        seen = self.encoder(torch.stack([(spectra - level) / 2, rise], 1))
        seen = seen.permute(0, 1, 3, 2).flatten(1, 2)
        story = functional.relu(self.blocks(seen))
        for layer in self.along_time:
            story = story + layer(story)
        return self.told(self.drop(story.transpose(1, 2)))


def window(sounds: Sounds, scene: int, first_block: int) -> tuple[np.ndarray, np.ndarray]:
    """Spectra f32 `[100, 64]` and labels f32 `[10, 5]` of the window that starts with a block."""
    start = first_block * FRAMES_OF_BLOCK
    spectra = sounds.spectra[scene, start : start + WINDOW_BLOCKS * FRAMES_OF_BLOCK]
    return spectra.astype(np.float32), sounds.labels[scene, first_block : first_block + WINDOW_BLOCKS]


def disturbed(spectra: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another gain and another tilt; what falls below the floor of the spectrum is gone."""
    tilt = np.linspace(-1, 1, BANDS, dtype=np.float32) * rng.normal(0, TILT)
    return np.maximum(spectra + tilt + rng.normal(0, LOUDER), np.log(0.001)).astype(np.float32)


def batch(groups: list[Sounds], size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """`size` disturbed windows: spectra f32 `[size, 100, 64]` and labels f32 `[size, 10, 5]`."""
    spectra, labels = [], []
    for _ in range(size):
        group = groups[rng.integers(len(groups))]
        seen, told = window(group, rng.integers(len(group.labels)), rng.integers(BLOCKS - WINDOW_BLOCKS + 1))
        spectra.append(disturbed(seen, rng))
        labels.append(told)
    return torch.from_numpy(np.stack(spectra)), torch.from_numpy(np.stack(labels))


def sound_loss(net: SoundNet, given: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The training loss of one batch: blocks whose label nobody could tell do not count."""
    spectra, labels = given
    known = labels.isfinite().float()
    wrong = functional.binary_cross_entropy_with_logits(net(spectra), labels.nan_to_num() * 0.98 + 0.01, reduction="none")
    return (wrong * known).sum() / known.sum()
