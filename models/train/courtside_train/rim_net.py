"""Owns the rim lane's network and its loss. Knows no files and no clips."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .rim_windows import IN_SLOT, SLOTS, Batch

AUXILIARY = 0.3  # share of the ball's position in the loss
PLACE = 0.3  # share of where the ball is in depth
VIEWS = 4  # pictures that the encoder sees of a slot


@dataclass(frozen=True)
class Shape:
    """One tier.

    - crops: side of the crops it is given; side: what they are averaged down to; channels: of the halving convolutions;
      width: numbers kept for each slot; near: side of the middle of the crops that it sees as it is, too; 0 for none.
    """

    crops: int
    side: int
    channels: tuple[int, ...]
    width: int
    near: int = 0

    @property
    def drawn(self) -> int:
        """Side of the crops that are drawn for training: no larger than what is looked at."""
        return self.crops if self.near else self.side


TIERS = {
    "nano": Shape(64, 32, (16, 24, 32), 64),
    "small": Shape(64, 64, (16, 32, 32, 64), 80),
    "full": Shape(128, 64, (16, 32, 32, 64), 80, near=48),
}


def halving(before: int, after: int) -> nn.Sequential:
    """A convolution that halves both sides."""
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def encoder(channels: tuple[int, ...]) -> nn.Sequential:
    """Views of a slot to a small picture of `channels[-1]` channels; its input is normalised already."""
    first = nn.Sequential(nn.Conv2d(VIEWS, channels[0], 3, 2, 1), nn.ReLU())
    return nn.Sequential(first, *[halving(a, b) for a, b in zip(channels, channels[1:])])


class RimNet(nn.Module):
    """32 crops of a hoop to what happened at each slot of two.

    - input: f32 `[n, 32, crops, crops]`, luma / 255, oldest first.
    - output: logits f32 `[n, 16, 3]`, nothing, missed, made.

    Each slot is seen through the same small encoder: its later crop as grey, its change since the slot before, its
    difference to the window's mean, and its change since the slot's earlier crop. So a ball that is in the net for one crop is seen
    there, and the encoder still runs only once a slot. Convolutions along time then weigh what came before and after. A tier that looks at smaller crops
    averages them down itself. A tier that looks near sees the middle of the crops once more, twice as large, through an
    encoder of its own: whether the ball covers the ring or the ring the ball is a matter of one or two pixels.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = (shape.crops, shape.crops)
        self.side = shape.side
        self.encoder = encoder(shape.channels)
        numbers = lambda side: shape.channels[-1] * (side >> len(shape.channels)) ** 2
        self.squeeze = nn.Linear(numbers(shape.side), shape.width)
        self.drop = nn.Dropout(0.1)
        self.along_time = nn.ModuleList(self._temporal(shape.width, reach) for reach in (1, 2, 1))
        self.slots, self.slots_of_whole = nn.Linear(shape.width, 3), nn.Linear(shape.width, 3, bias=False)
        self.balls = nn.Linear(shape.width, 4)
        self.balls_in_time = nn.Linear(shape.width, 4)
        self.places = nn.Linear(shape.width, 3)
        self.near_side = shape.near
        self.near = encoder(shape.channels) if shape.near else None
        if shape.near:
            self.squeeze_near = nn.Linear(numbers(shape.near), shape.width)
            # A network that did not look near is trained on as it was.
            nn.init.zeros_(self.squeeze_near.weight)
            nn.init.zeros_(self.squeeze_near.bias)

    @staticmethod
    def _temporal(width: int, reach: int) -> nn.Sequential:
        convolution = nn.Conv1d(width, width, 5, padding=2 * reach, dilation=reach, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm1d(width), nn.ReLU())

    @contextmanager
    def far_only(self) -> Iterator["RimNet"]:
        """For a while the network as it is without the near look: to take over the weights of one that has none."""
        near, self.near = self.near, None
        yield self
        self.near = near

    def views(self, frames: torch.Tensor, scale: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Four views of each slot, f32 `[n * 16, 4, *frames' size]`, on the window's own scale: its mean and spread.

        What was added last comes last: an older network is revived with zeros for it.
        """
        grey = (frames - scale[0]) / scale[1]
        early, late = grey[:, ::IN_SLOT], grey[:, 1::IN_SLOT]
        before = torch.cat([late[:, :1], late[:, :-1]], 1)
        change, aside, quick = 2 * (late - before), 1.5 * (late - grey.mean(1, keepdim=True)), 2 * (late - early)
        stacked = torch.stack([late, change, aside, quick], 2)
        return stacked.reshape(-1, VIEWS, *frames.shape[-2:]).contiguous(memory_format=torch.channels_last)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.everything(frames)[0]

    def each_slot(self, frames: torch.Tensor) -> torch.Tensor:
        """What is seen in each slot, f32 `[n, 16, width]`."""
        larger = frames.shape[-1] // self.side
        far = functional.avg_pool2d(frames, larger) if larger > 1 else frames
        mean = far.mean((1, 2, 3), keepdim=True)
        scale = (mean, ((far - mean) * (far - mean)).mean((1, 2, 3), keepdim=True).sqrt() + 0.03)
        seen = self.squeeze(self.encoder(self.views(far, scale)).flatten(1))
        if self.near is not None:
            edge = (frames.shape[-1] - self.near_side) // 2
            middle = frames[..., edge : edge + self.near_side, edge : edge + self.near_side]
            seen = seen + self.squeeze_near(self.near(self.views(middle, scale)).flatten(1))
        return functional.relu(seen).reshape(-1, SLOTS, seen.shape[-1])

    def everything(self, frames: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Slot logits, the ball (x, y, radius, visible logit) before and after time was weighed, and its place."""
        each = self.each_slot(frames)
        story = self.drop(each).transpose(1, 2)
        for layer in self.along_time:
            story = story + layer(story)
        story = story.transpose(1, 2)
        told = self.slots(self.drop(story)) + self.slots_of_whole(story.mean(1, keepdim=True))
        return told, self.balls(each), self.balls_in_time(story), self.places(story)


def ball_loss(guess: torch.Tensor, balls: torch.Tensor) -> torch.Tensor:
    """How far the guessed balls `[n, 16, 4]` are off, where there is one, and whether there is one."""
    visible = (balls[..., 3] > 0.5).float()
    found = functional.binary_cross_entropy_with_logits(guess[..., 3], visible)
    off = (guess[..., :3] - balls[..., :3]).abs().clamp(max=1).mean(-1)
    return found + 6 * (off * visible).sum() / (visible.sum() + 1)


def place_loss(guess: torch.Tensor, batch: Batch) -> torch.Tensor:
    """How wrong the place of a visible ball is told: logits `[n, 16, 3]`, before the ring, in the net, behind it."""
    known = (batch.places.isfinite() & (batch.balls[..., 3:] > 0.5)).float()
    wrong = functional.binary_cross_entropy_with_logits(guess, batch.places.nan_to_num(), reduction="none")
    return (wrong * known).sum() / (known.sum() + 1)


def rim_loss(net: RimNet, batch: Batch) -> torch.Tensor:
    """The training loss of one batch."""
    slots, early, late, places = net.everything(batch.frames)
    wrong = functional.cross_entropy(slots.transpose(1, 2), batch.slots, reduction="none", label_smoothing=0.02)
    told = (wrong * batch.weights).sum() / batch.weights.sum()
    where = ball_loss(early, batch.balls) + ball_loss(late, batch.balls)
    return 3 * told + AUXILIARY * where + PLACE * place_loss(places, batch)
