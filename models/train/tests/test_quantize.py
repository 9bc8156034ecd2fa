"""An int8 network is close to its f32 one, and is shipped only where it is worth it."""

import hashlib
import tomllib

import numpy as np
import onnx
import pytest
import torch

from courtside_train import field_nets, pack, quantize, rim_net, sign

SHAPE = (1, 1, 64, 96)


def texture(rng: np.random.Generator) -> np.ndarray:
    """Something like a picture: smooth light with detail on it, f32, luma / 255."""
    rows, columns = np.arange(SHAPE[2])[:, None], np.arange(SHAPE[3])[None]
    waves = np.sin(columns * rng.uniform(0.05, 0.4)) * np.cos(rows * rng.uniform(0.05, 0.4) + rng.uniform(0, 6))
    return (0.5 + 0.3 * waves + rng.normal(0, 0.05, SHAPE[2:])).clip(0, 1)[None, None].astype(np.float32)


@pytest.fixture(scope="module")
def pieces() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [texture(rng) for _ in range(quantize.RANGED + quantize.COMPARED)]


@pytest.fixture()
def folder(tmp_path, pieces, monkeypatch):
    """A hoop pack's folder with a small exported network, and its manifest entry."""
    monkeypatch.setenv(sign.KEY_VARIABLE, str(tmp_path / "signing.key"))
    monkeypatch.setattr(sign, "PUBLIC_KEYS", tmp_path)
    torch.manual_seed(4)
    net = field_nets.HoopNet(field_nets.Shape((64, 96), (8, 16, 16, 16))).eval()
    entry = pack.export_tier(tmp_path, "hoop", "full", net, torch.from_numpy(pieces[0]))
    return tmp_path, entry | {"accuracy": {"metric": "m", "value": 0.9, "set": "s"}}


def test_the_int8_network_answers_nearly_as_the_exported_one(folder, pieces):
    path, _ = folder
    method = quantize.quantize(path / "full.f32.onnx", pieces, path / "full.int8.onnx")
    assert method in quantize.METHODS
    assert sorted(p.name for p in path.glob("full.*")) == ["full.f32.onnx", "full.int8.onnx"], "no draft is left"
    off = quantize.error(path / "full.f32.onnx", path / "full.int8.onnx", pieces[-8:])
    assert 0 < off < 0.1
    model = onnx.load(path / "full.int8.onnx")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    kept = [node for node in convolutions if makers.get(node.input[1]) is None]
    assert len(kept) == 1, "the last layer alone stays f32"
    for node in convolutions:
        maker = makers.get(node.input[1])
        if maker is not None:
            assert maker.op_type == "DequantizeLinear"
            assert weights[maker.input[0]].data_type == onnx.TensorProto.INT8
            assert weights[maker.input[1]].dims == [weights[maker.input[0]].dims[0]], "a scale for each channel"
    rounded = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert rounded and all(weights[node.input[2]].data_type == onnx.TensorProto.UINT8 for node in rounded)


def test_what_sets_the_scale_of_a_window_stays_f32(tmp_path):
    net, example = rim_net.RimNet(rim_net.TIERS["nano"]).eval(), torch.rand(1, 32, 64, 64)
    torch.onnx.export(net, (example,), str(tmp_path / "net.onnx"), dynamo=False, opset_version=17)
    model = onnx.load(tmp_path / "net.onnx")
    kept = {node.op_type for node in model.graph.node if node.name in quantize.kept_f32(model)}
    assert {"Sqrt", "Div", "Sub", "MatMul"} <= kept and "Conv" not in kept and "Relu" not in kept


def test_a_verdict_wants_accuracy_and_speed():
    holds = lambda f32, int8, ratio: quantize.Verdict(f32, int8, ratio, "minmax").holds
    assert holds(0.894, 0.884, 0.99) and holds(0.9, 0.95, 0.5)
    assert not holds(0.894, 0.8839, 0.5) and not holds(0.9, 0.9, 1.01)


def test_a_pack_gets_int8_where_it_holds_and_loses_an_older_one_where_it_does_not(folder, pieces, monkeypatch):
    path, entry = folder
    monkeypatch.setattr(quantize, "cost_ratio", lambda *_: 0.5)  # this machine has other work
    training = {"recipe": "r", "commit": "c", "seed": 1, "data": "d"}
    full = pack.add_int8(path, entry, pieces, lambda net: 0.9)
    pack.write_manifest(path, "hoop", 2, [full], training)
    manifest = tomllib.loads((path / "manifest.toml").read_text())
    int8 = manifest["tier"][0]["int8"]
    assert manifest["schema"] == 2 and int8["accuracy"] == {"metric": "m", "value": 0.9, "set": "s"}
    for file, digest in [("file", "sha256"), ("golden", "golden_sha256")]:
        assert hashlib.sha256((path / int8[file]).read_bytes()).hexdigest() == int8[digest]
    answer = quantize.Exported(path / int8["file"])(torch.from_numpy(pieces[0])).numpy()
    assert np.array_equal(np.fromfile(path / int8["golden"], "<f4"), answer.ravel())

    accuracies = iter([0.9, 0.88])
    less = pack.add_int8(path, manifest["tier"][0], pieces, lambda net: next(accuracies))
    pack.write_manifest(path, "hoop", 3, [less], training)
    assert "int8" not in less and not list(path.glob("*int8*"))
    assert tomllib.loads((path / "manifest.toml").read_text())["schema"] == 1
