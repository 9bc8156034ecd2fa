"""Owns the optimiser's loop. Knows neither the networks nor the data it is handed."""

import copy
import math
import time
from collections.abc import Callable

import torch
from torch import nn

EMA_STEPS = 150  # weights are averaged over about this many steps
WARM_UP_STEPS = 100


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Rises to `peak`, then follows a cosine to nearly nothing."""
    return peak * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-6


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


def fit(net: nn.Module, loss_of: Callable[[nn.Module], torch.Tensor], steps: int, peak: float) -> nn.Module:
    """Trains `net` for `steps` steps and returns its averaged copy, ready to judge.

    `loss_of` draws a batch and returns its loss.
    """
    net = net.to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.02)
    started, smooth = time.monotonic(), None
    net.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        loss = loss_of(net)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        average_into(mean, net, step)
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % max(1, steps // 20) == 0:
            print(f"  step {step} of {steps}, loss {smooth:.3f}, {time.monotonic() - started:.0f} s", flush=True)
    return mean.eval()
