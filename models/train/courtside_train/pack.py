"""Owns the packs in `models/packs`: the exported networks, their golden vectors and the signed manifest. Trains nothing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import quantize, sign
from .runtime import cost_ms, session
from .sound_scenes import KINDS

OPSET = 17
AGREEMENT = 1e-4  # largest difference between PyTorch and the exported network
BYTES_MAX = 4 << 20


@dataclass(frozen=True)
class Port:
    """What all tiers of a pack share: names, layout and meaning of its tensors."""

    input: dict
    output: dict


PORTS = {
    "rim": Port(
        {"name": "frames", "layout": "NTHW", "scale": "luma/255", "spacing_ms": 40}
        | {"crop_widths": 3.5, "crop_centre": 0.45},
        {"name": "slots", "post": "rim-slots"},
    ),
    "ball": Port(
        {"name": "frames", "layout": "NTHW", "scale": "luma/255", "spacing_ms": 40},
        {"name": "heat", "post": "ball-heat"},
    ),
    "hoop": Port(
        {"name": "frame", "layout": "NCHW", "scale": "luma/255", "spacing_ms": 0},
        {"name": "hoops", "post": "hoop-boxes"},
    ),
    "board": Port(
        {"name": "frame", "layout": "NCHW", "scale": "luma/255", "spacing_ms": 0},
        {"name": "symbols", "post": "board-text"},
    ),
    "sound": Port(
        {"name": "spectra", "layout": "NTF", "scale": "log-mel", "spacing_ms": 100},
        {"name": "kinds", "post": "sound-blocks", "labels": {kind: at for at, kind in enumerate(KINDS)}},
    ),
}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def export_tier(folder: Path, pack: str, tier: str, net: torch.nn.Module, example: torch.Tensor) -> dict:
    """Writes one tier's network and golden vector; returns its manifest entry without accuracy.

    `example`: one real input, so that the golden vector shows a network that says something.

    Raises `ValueError` when the exported network answers differently or is too large.
    """
    port = PORTS[pack]
    net = net.eval().to(memory_format=torch.contiguous_format)
    network, golden = folder / f"{tier}.f32.onnx", folder / f"golden_{tier}.bin"
    names = {"input_names": [port.input["name"]], "output_names": [port.output["name"]]}
    torch.onnx.export(net, (example,), str(network), dynamo=False, opset_version=OPSET, **names)
    if network.stat().st_size > BYTES_MAX:
        raise ValueError(f"{network} has {network.stat().st_size} bytes, more than {BYTES_MAX}: narrow the tier")
    run, feed = session(network), {port.input["name"]: example.numpy()}
    answer = run.run(None, feed)[0]
    with torch.no_grad():
        off = float(np.abs(answer - net(example).numpy()).max())
    if off > AGREEMENT:
        raise ValueError(f"{network} answers {off} away from PyTorch, more than {AGREEMENT}: check its operators")
    golden.write_bytes(example.numpy().astype("<f4").tobytes() + answer.astype("<f4").tobytes())
    return {
        "name": tier,
        "file": network.name,
        "precision": "f32",
        "input_shape": list(example.shape),
        "output_shape": list(answer.shape),
        "sha256": _sha256(network),
        "golden": golden.name,
        "golden_sha256": _sha256(golden),
        "cost_ms": cost_ms(run, feed),
    }


def add_int8(folder: Path, entry: dict, pieces: list[np.ndarray], accuracy_of: Callable) -> dict:
    """A tier's entry with its int8 network, which is written beside the f32 one; without, where it is not worth it.

    - pieces: real inputs from training, as [`quantize.quantize`] wants them.
    - accuracy_of: the headline accuracy of a network, measured as the tier's own.
    """
    entry = {key: value for key, value in entry.items() if key != "int8"}
    network, target = folder / entry["file"], folder / f"{entry['name']}.int8.onnx"
    golden = folder / f"golden_{entry['name']}.int8.bin"
    verdict = quantize.weigh(network, target, pieces, accuracy_of)
    print(f"  {folder.name} {entry['name']}: {verdict}", flush=True)
    if not verdict.holds or entry["accuracy"]["value"] - verdict.int8 > quantize.LOSS_MAX:
        target.unlink()
        golden.unlink(missing_ok=True)
        return entry
    run, inputs = session(target), np.fromfile(folder / entry["golden"], "<f4")[: np.prod(entry["input_shape"])]
    feed = {run.get_inputs()[0].name: inputs.reshape(entry["input_shape"])}
    golden.write_bytes(run.run(None, feed)[0].astype("<f4").tobytes())
    return entry | {
        "int8": {
            "file": target.name,
            "sha256": _sha256(target),
            "golden": golden.name,
            "golden_sha256": _sha256(golden),
            "cost_ms": cost_ms(run, feed),
            "accuracy": entry["accuracy"] | {"value": verdict.int8},
        }
    }


def toml_value(value: object) -> str:
    """One value as TOML; JSON's strings, numbers and lists are TOML already."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def _table(header: str, entries: dict) -> str:
    return "\n".join([header, *(f"{key} = {toml_value(value)}" for key, value in entries.items())])


def write_manifest(folder: Path, pack: str, version: int, tiers: list[dict], training: dict) -> None:
    """Writes and signs `manifest.toml`; `tiers` from the cheapest to the most accurate."""
    schema = 2 if any("int8" in tier for tier in tiers) else 1  # the oldest that says all of it
    head = {"schema": schema, "name": pack, "version": version, "lane": pack, "licence": "Apache-2.0"}
    parts = ["# Written by models/train; do not edit.\n" + _table("", head).lstrip()]
    parts += [_table("[input]", PORTS[pack].input), _table("[output]", PORTS[pack].output)]
    parts += [_table("[[tier]]", tier) for tier in tiers]
    parts.append(_table("[training]", training))
    (folder / sign.MANIFEST).write_text("\n\n".join(parts) + "\n")
    sign.sign(folder)
