"""Owns the way back from an exported network to one that can be trained on. Trains nothing.

Checkpoints are large and stay on the machine that made them; the packs are in the repository. An exported network has
its normalisations folded into the convolutions before them, so they are taken apart again with the statistics of some
batches: the revived network answers as the exported one, and its normalisations are ready for training.
"""

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

BATCHES = 12  # of which the normalisations take their statistics
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


def weights_of(network: Path) -> tuple[dict[str, torch.Tensor], list[list[str]]]:
    """The exported tensors by name, and the names of the inputs of its convolutions in the order they run."""
    graph = onnx.load(str(network)).graph
    tensors = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    return tensors, [list(node.input) for node in graph.node if node.op_type == "Conv"]


def convolutions(net: nn.Module, run: Callable[[nn.Module], object]) -> list[nn.Module]:
    """The convolutions of a network in the order they run."""
    order: list[nn.Module] = []
    hooks = [m.register_forward_hook(lambda m, *_: order.append(m)) for m in net.modules() if isinstance(m, CONVOLUTIONS)]
    run(net)
    for hook in hooks:
        hook.remove()
    return order


def normalisations(net: nn.Module) -> dict[nn.Module, nn.Module]:
    """The normalisation behind each convolution that has one."""
    pairs = {}
    for sequence in (m for m in net.modules() if isinstance(m, nn.Sequential)):
        for first, second in zip(sequence, list(sequence)[1:]):
            if isinstance(second, (nn.BatchNorm1d, nn.BatchNorm2d)):
                pairs[first] = second
    return pairs


def copy_weight(target: torch.Tensor, weight: torch.Tensor) -> None:
    """Copies a convolution's weight; channels that the exported network did not have yet begin at zero.

    Raises `ValueError` when the shapes have nothing to do with each other.
    """
    same = target.shape[:1] == weight.shape[:1] and target.shape[2:] == weight.shape[2:]
    if not same or target.shape[1] < weight.shape[1]:
        raise ValueError(f"a weight of {list(weight.shape)} does not fit {list(target.shape)}: another network")
    with torch.no_grad():
        target.zero_()
        target[:, : weight.shape[1]] = weight


def settle(net: nn.Module, pairs: dict[nn.Module, nn.Module], run: Callable[[nn.Module], object]) -> None:
    """Gives normalisations, which so far only add, the statistics of real batches without changing an answer."""
    seen: dict[nn.Module, list] = {convolution: [] for convolution in pairs}

    def note(convolution: nn.Module, _, out: torch.Tensor) -> None:
        axes = [axis for axis in range(out.dim()) if axis != 1]
        seen[convolution].append((out.mean(axes), out.var(axes)))

    hooks = [convolution.register_forward_hook(note) for convolution in pairs]
    for _ in range(BATCHES):
        run(net)
    for hook in hooks:
        hook.remove()
    for convolution, norm in pairs.items():
        mean, variance = (torch.stack(part).mean(0) for part in zip(*seen[convolution]))
        norm.bias.data += mean
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.data.copy_((variance + norm.eps).sqrt())


def revive(net: nn.Module, network: Path, loss_of: Callable[[nn.Module], torch.Tensor]) -> nn.Module:
    """Fills `net` with the weights of an exported network of its kind; parts that were not exported stay as they are.

    - loss_of: draws a batch and runs the network on it.

    Raises `ValueError` when the exported network is of another kind.
    """
    net.eval()
    tensors, exported = weights_of(network)
    with torch.no_grad():
        order, pairs = convolutions(net, loss_of), normalisations(net)
        if len(order) != len(exported):
            raise ValueError(f"{network} has {len(exported)} convolutions, not {len(order)}: another network")
        for convolution, (_, weight, *bias) in zip(order, exported):
            copy_weight(convolution.weight, tensors[weight])
            norm = pairs.get(convolution)
            if norm is not None:
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
                norm.weight.fill_(1)
            for name in bias:
                (convolution if norm is None else norm).bias.copy_(tensors[name])
        copy_named(net, tensors, {id(c.weight) for c in order})
        settle(net, pairs, loss_of)
    return net


def copy_named(net: nn.Module, tensors: dict[str, torch.Tensor], done: set[int]) -> None:
    """Copies the tensors of linear layers: by name, or, where the export turned and renamed them, by their order."""
    renamed = sorted((name for name in tensors if "MatMul" in name), key=lambda name: int(name.split("_")[-1]))
    turned = [tensors[name] for name in renamed]
    for name, parameter in net.named_parameters():
        if id(parameter) in done:
            continue
        if name in tensors and tensors[name].shape == parameter.shape:
            parameter.copy_(tensors[name])
        elif turned and parameter.dim() == 2 and turned[0].T.shape == parameter.shape:
            parameter.copy_(turned.pop(0).T)
    if turned:
        raise ValueError(f"{len(turned)} matrices of the exported network fit nothing: another network")
