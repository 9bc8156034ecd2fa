"""Owns the networks that see whole pictures, ball and hoop, and their losses. Knows no files."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .field_samples import BALL_FRAMES


@dataclass(frozen=True)
class Shape:
    """One tier: input rows and columns, and channels at a half, a quarter, an eighth and a sixteenth of them."""

    size: tuple[int, int]
    channels: tuple[int, int, int, int]


BALL_TIERS = {"nano": Shape((180, 320), (8, 16, 24, 32)), "full": Shape((288, 512), (12, 24, 32, 48))}
HOOP_TIERS = {"full": Shape((432, 768), (8, 16, 32, 48))}
RARE_LOGIT = -4.0  # what a heatmap says before it has learnt anything: balls and hoops are rare


def convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def beside(before: int, after: int) -> nn.Conv2d:
    """A 1×1 convolution that brings one level's channels to another's."""
    return nn.Conv2d(before, after, 1)


def enlarge(small: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Doubles both sides, then cuts what odd sizes leave over."""
    doubled = functional.interpolate(small, scale_factor=2, mode="nearest")
    return doubled[:, :, : like.shape[2], : like.shape[3]]


class Pyramid(nn.Module):
    """Three or four halvings with lateral paths back up: features at a quarter of the input, and the first level."""

    def __init__(self, before: int, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        a, b, c, d = channels
        self.to_half = convolution(before, a, 2)
        self.to_quarter = nn.Sequential(convolution(a, b, 2), convolution(b, b))
        self.to_eighth = nn.Sequential(convolution(b, c, 2), convolution(c, c))
        self.to_sixteenth = nn.Sequential(convolution(c, d, 2), convolution(d, d), convolution(d, d))
        self.down_to_eighth, self.down_to_quarter = beside(d, c), beside(c, b)
        self.mix_eighth, self.mix_quarter = convolution(c, c), convolution(b, b)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        half = self.to_half(picture)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        deep = self.to_sixteenth(eighth)
        eighth = self.mix_eighth(eighth + enlarge(self.down_to_eighth(deep), eighth))
        return half, self.mix_quarter(quarter + enlarge(self.down_to_quarter(eighth), quarter))


class BallNet(nn.Module):
    """Five pictures to where the balls are in the last.

    - input: f32 `[n, 5, h, w]`, luma / 255, oldest first.
    - output: heat logits f32 `[n, 1, h / 2, w / 2]`.

    The first convolution also sees how the last picture differs from the others. That is linear, so `fold` hides it
    in the weights and the exported network pays nothing for it.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = shape.size
        mix = torch.eye(BALL_FRAMES)
        change = torch.zeros(3, BALL_FRAMES)
        change[0, -1], change[0, -2] = 3, -3
        change[1, -1], change[1, 0] = 3, -3
        change[2] = -3 / BALL_FRAMES
        change[2, -1] += 3
        self.register_buffer("mix", torch.cat([mix, change])[:, :, None, None])
        self.pyramid = Pyramid(BALL_FRAMES + len(change), shape.channels)
        first, second = shape.channels[:2]
        self.down_to_half, self.mix_half = beside(second, first), convolution(first, first)
        self.heat = nn.Conv2d(first, 1, 1)
        nn.init.constant_(self.heat.bias, RARE_LOGIT)
        self.folded = False

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        views = pictures if self.folded else functional.conv2d(pictures, self.mix)
        half, quarter = self.pyramid(views)
        return self.heat(self.mix_half(half + enlarge(self.down_to_half(quarter), half)))

    def fold(self) -> "BallNet":
        """Moves the differences into the first convolution; only for a network that is not trained further."""
        first = self.pyramid.to_half[0]
        weight = torch.einsum("omhw,mi->oihw", first.weight.data, self.mix[:, :, 0, 0])
        folded = nn.Conv2d(BALL_FRAMES, first.out_channels, 3, 2, 1, bias=False)
        folded.weight.data.copy_(weight)
        self.pyramid.to_half[0] = folded
        self.folded = True
        return self


class HoopNet(nn.Module):
    """One picture to its hoops.

    - input: f32 `[n, 1, h, w]`, luma / 255.
    - output: f32 `[n, 3, h / 4, w / 4]`: heat logit, log(width / 16 px), log(height / 16 px) of the hoop box.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.pyramid = Pyramid(1, shape.channels)
        self.told = nn.Conv2d(shape.channels[1], 3, 1)
        nn.init.constant_(self.told.bias, 0)
        nn.init.constant_(self.told.bias[:1], RARE_LOGIT)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.told(self.pyramid(picture)[1])


def heat_loss(logits: torch.Tensor, heat: torch.Tensor, care: torch.Tensor) -> torch.Tensor:
    """Focal loss of a heatmap with soft bumps, a bump each; `care` is 0 where nobody is asked."""
    chance = logits.sigmoid()
    peak = (heat > 0.999).float()
    found = -functional.logsigmoid(logits) * (1 - chance) ** 2 * peak
    quiet = -functional.logsigmoid(-logits) * chance**2 * (1 - heat) ** 4 * (1 - peak)
    return ((found + quiet) * care).sum() / (peak.sum() + 1)


def ball_loss(net: BallNet, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The training loss of (frames, heat, care)."""
    frames, heat, care = batch
    return heat_loss(net(frames), heat, care)


def hoop_loss(net: HoopNet, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The training loss of (frame, heat, care, sizes, where sizes count)."""
    frame, heat, care, sizes, counts = batch
    told = net(frame)
    off = ((told[:, 1:] - sizes).abs() * counts).sum() / (2 * counts.sum() + 1)
    return heat_loss(told[:, :1], heat, care) + 2 * off
