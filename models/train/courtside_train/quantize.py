"""Owns int8 networks: made of exported f32 ones, with ranges from training pieces, and kept only where they are worth it.

ONNX Runtime wants u8 activations and s8 weights as QDQ pairs; s8 activations are slower than f32 on x86. What sets the
scale of a window, and the last layer, whose numbers are the answer, stay f32. Trains nothing and writes no manifest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .runtime import cost_ratio, session

WEIGHTED = ("Conv", "Gemm", "MatMul")  # layers with weights: nearly all of a network's time
BETWEEN = ("Relu", "Add", "Resize", "Concat")  # what lies between them, so that numbers stay u8 on the way
RANGED = 64  # pieces from which ranges are taken
COMPARED = 32  # other pieces, on which ways to take them are compared
METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
}
LOSS_MAX = 0.01  # of the headline accuracy, a share: one point
TIME_MAX = 1.0  # of the f32 network's time; how much less it is depends on the processor (VNNI), so any gain counts


@dataclass(frozen=True)
class Verdict:
    """Whether an int8 network is worth shipping: accuracies as shares, `ratio` its time over the f32 network's.

    `method` is the way in which its ranges were taken.
    """

    f32: float
    int8: float
    ratio: float
    method: str

    @property
    def holds(self) -> bool:
        return round(self.f32 - self.int8, 6) <= LOSS_MAX and self.ratio <= TIME_MAX

    def __str__(self) -> str:
        said = f"accuracy {self.f32:.4f} as f32, {self.int8:.4f} as int8 ({self.method}), {self.ratio:.2f} of the time"
        return said + ("" if self.holds else ": not worth shipping")


class Exported(torch.nn.Module):
    """An exported network that the judges can run like a trained one; `size` is rows and columns of its input."""

    def __init__(self, network: Path) -> None:
        super().__init__()
        self._session = session(network)
        self._input = self._session.get_inputs()[0]
        self.size = tuple(self._input.shape[-2:])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Runs one piece after the other: exported networks take one."""
        run = lambda piece: self._session.run(None, {self._input.name: piece[None].numpy()})[0]
        return torch.from_numpy(np.concatenate([run(piece) for piece in inputs]))


class Pieces(CalibrationDataReader):
    """Hands pieces f32, each of the input's shape, to the quantizer."""

    def __init__(self, name: str, pieces: list[np.ndarray]) -> None:
        self._feeds = iter([{name: piece} for piece in pieces])

    def get_next(self) -> dict | None:
        return next(self._feeds, None)


def kept_f32(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that stay f32: all before the first weighted layer, and the last one on each way to the output."""
    makers = {name: node for node in model.graph.node for name in node.output}
    kept = []
    for node in model.graph.node:
        if node.op_type in WEIGHTED:
            break
        kept.append(node.name)
    ends = [makers[output.name] for output in model.graph.output]
    while ends:
        node = ends.pop()
        kept.append(node.name)
        if node.op_type not in WEIGHTED:
            ends += [makers[name] for name in node.input if name in makers]
    return sorted(set(kept))


def _named(model: onnx.ModelProto) -> onnx.ModelProto:
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return model


def _quantize(network: Path, pieces: list[np.ndarray], method: str, target: Path) -> None:
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(network), str(prepared), skip_symbolic_shape=True)
        model = _named(onnx.load(prepared))
        onnx.save(model, prepared)
        way, options = METHODS[method]
        quantize_static(
            str(prepared),
            str(target),
            Pieces(model.graph.input[0].name, pieces),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*WEIGHTED, *BETWEEN],
            nodes_to_exclude=kept_f32(model),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=way,
            extra_options=options,
        )


def error(network: Path, other: Path, pieces: list[np.ndarray]) -> float:
    """Mean difference of two networks' answers, in standard deviations of the first one's."""
    first, second = (Exported(path)(torch.from_numpy(np.concatenate(pieces))).numpy() for path in (network, other))
    return float(np.abs(first - second).mean() / (first.std() + 1e-9))


def quantize(network: Path, pieces: list[np.ndarray], target: Path) -> str:
    """Writes the int8 network `target` of an exported one; returns the way that was nearest to f32.

    - pieces: real inputs f32 of the input's shape, from training: the first [`RANGED`] give the ranges, the rest
      compares the ways to take them. What a network is judged on has no say in it.
    """
    ranged, compared = pieces[:RANGED], pieces[RANGED:]
    errors = {}
    for method in METHODS:
        draft = target.with_suffix(f".{method}")
        _quantize(network, ranged, method, draft)
        errors[method] = error(network, draft, compared)
    best = min(errors, key=errors.get)
    for method in METHODS:
        draft = target.with_suffix(f".{method}")
        draft.replace(target) if method == best else draft.unlink()
    return best


def weigh(network: Path, target: Path, pieces: list[np.ndarray], accuracy_of: Callable) -> Verdict:
    """Writes the int8 network `target` of an exported one, judges both alike, and times them in turn.

    - pieces: see [`quantize`].
    - accuracy_of: gives the headline accuracy of a network that runs as a PyTorch one does.
    """
    method = quantize(network, pieces, target)
    f32, int8 = (accuracy_of(Exported(path)) for path in (network, target))
    one, other = session(network), session(target)
    ratio = cost_ratio(one, other, {one.get_inputs()[0].name: pieces[0]})
    return Verdict(f32, int8, ratio, method)
