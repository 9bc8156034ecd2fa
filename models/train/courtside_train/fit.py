"""Owns the optimiser's loop. Knows neither the networks nor the data it is handed."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

EMA_STEPS = 150  # weights are averaged over about this many steps
WARM_UP_STEPS = 100


@dataclass(frozen=True)
class Budget:
    """How long to train: so many steps, or so many seconds if they are over sooner."""

    steps: int
    seconds: float = math.inf

    def spent(self, step: int, elapsed: float) -> float:
        """Share of the budget that is used up."""
        return max(step / self.steps, elapsed / self.seconds)


def learning_rate(step: int, spent: float, peak: float) -> float:
    """Rises to `peak`, then follows a cosine to nearly nothing."""
    return peak * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * min(1, spent))) + 1e-6


def average_into(mean: nn.Module, net: nn.Module, step: int) -> None:
    """Moves the averaged weights a little towards the present ones."""
    share = 1 / min(step + 1, EMA_STEPS)
    present = net.state_dict()
    with torch.no_grad():
        for name, value in mean.state_dict().items():
            if value.is_floating_point():
                value.lerp_(present[name], share)
            else:
                value.copy_(present[name])


def fit(
    net: nn.Module, loss_of: Callable[[nn.Module], torch.Tensor], budget: Budget, peak: float
) -> Iterator[tuple[nn.Module, int]]:
    """Trains `net`; yields its averaged copy and the steps made, at every twentieth of the budget and at the end.

    `loss_of` draws a batch and returns its loss. The copy goes on changing: keep its weights before asking for more.
    """
    net = net.to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.02)
    started, smooth, told, step = time.monotonic(), None, 0.0, 0
    net.train()
    while (spent := budget.spent(step, time.monotonic() - started)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, spent, peak)
        loss = loss_of(net)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        average_into(mean, net, step)
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        step += 1
        if spent >= told:
            told += 0.05
            print(f"  {spent:.0%}, step {step}, loss {smooth:.3f}, {time.monotonic() - started:.0f} s", flush=True)
            yield mean, step
    yield mean, step
