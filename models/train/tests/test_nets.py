"""Shapes, folding and the manifest."""

import hashlib
import tomllib

import numpy as np
import torch

from courtside_train import field_nets, pack, rim_net, sign
from courtside_train.fit import Budget, fit, learning_rate


def stirred(net: torch.nn.Module) -> torch.nn.Module:
    """The network with normalisation that does something."""
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


def test_networks_answer_in_the_shapes_of_the_packs():
    for tier in rim_net.TIERS.values():
        assert stirred(rim_net.RimNet(tier))(torch.rand(1, 32, tier.crops, tier.crops)).shape == (1, 16, 3)
    for shape, half in [(field_nets.BALL_TIERS["nano"], (90, 160)), (field_nets.BALL_TIERS["full"], (144, 256))]:
        assert stirred(field_nets.BallNet(shape))(torch.rand(1, 5, *shape.size)).shape == (1, 1, *half)
    hoop = stirred(field_nets.HoopNet(field_nets.HOOP_TIERS["full"]))
    assert hoop(torch.rand(1, 1, 288, 512)).shape == (1, 3, 72, 128)


def test_folding_the_differences_changes_no_answer():
    net = stirred(field_nets.BallNet(field_nets.BALL_TIERS["nano"]))
    pictures = torch.rand(1, 5, 180, 320)
    before = net(pictures)
    assert torch.allclose(before, net.fold()(pictures), atol=1e-4)


def test_the_rim_network_does_not_care_for_exposure():
    net = stirred(rim_net.RimNet(rim_net.TIERS["nano"]))
    window = torch.rand(1, 32, 64, 64) * 0.5 + 0.2
    assert torch.allclose(net(window), net(window * 1.02 + 0.1), atol=0.02)


def test_a_tier_that_looks_near_sees_what_is_lost_on_the_others_but_only_in_the_middle():
    net = stirred(rim_net.RimNet(rim_net.TIERS["full"]))
    torch.nn.init.normal_(net.squeeze_near.weight, std=0.1)
    window = torch.rand(1, 32, 128, 128)
    fine = 0.2 * (torch.arange(128) % 2 * 2 - 1)  # stripes that are gone where two columns are one
    middle, beside = window.clone(), window.clone()
    middle[..., 40:88, 40:88] += fine[40:88]
    beside[..., :40, :] += fine
    with net.far_only():
        assert torch.allclose(net(window), net(middle), atol=1e-4)
    assert torch.allclose(net(window), net(beside), atol=1e-4)
    assert not torch.allclose(net(window), net(middle), atol=1e-2)


def test_a_quiet_heatmap_costs_less_than_a_false_peak_and_a_missed_ball():
    heat, care = torch.zeros(1, 1, 9, 9), torch.ones(1, 1, 9, 9)
    heat[0, 0, 4, 4] = 1
    right, quiet, false = torch.full((3, 1, 1, 9, 9), -6.0)
    right[0, 0, 4, 4] = 6
    false[0, 0, 4, 4], false[0, 0, 0, 0] = 6, 6
    loss = lambda logits: field_nets.heat_loss(logits, heat, care).item()
    assert loss(right) < 0.1 < min(loss(quiet), loss(false))
    hidden = care.clone()
    hidden[0, 0, 0, 0] = 0
    assert field_nets.heat_loss(false, heat, hidden).item() < 0.1


def test_a_pack_holds_what_its_manifest_says(tmp_path, monkeypatch):
    monkeypatch.setenv(sign.KEY_VARIABLE, str(tmp_path / "signing.key"))  # not the one of this machine
    monkeypatch.setattr(sign, "PUBLIC_KEYS", tmp_path)
    net = stirred(rim_net.RimNet(rim_net.TIERS["nano"]))
    example = torch.rand(1, 32, 64, 64)
    entry = pack.export_tier(tmp_path, "rim", "nano", net, example)
    entry["accuracy"] = {"metric": "none: \"untrained\"", "value": 0.5, "set": "none"}
    pack.write_manifest(tmp_path, "rim", 3, [entry], {"recipe": "r", "commit": "c", "seed": 1, "data": "d"})
    manifest = tomllib.loads((tmp_path / "manifest.toml").read_text())
    tier = manifest["tier"][0]
    assert manifest["version"] == 3 and tier["input_shape"] == [1, 32, 64, 64] and tier["output_shape"] == [1, 16, 3]
    assert tier["accuracy"]["metric"] == "none: \"untrained\""
    assert hashlib.sha256((tmp_path / tier["file"]).read_bytes()).hexdigest() == tier["sha256"]
    golden = np.frombuffer((tmp_path / tier["golden"]).read_bytes(), "<f4")
    assert len(golden) == 32 * 64 * 64 + 48
    with torch.no_grad():
        assert np.allclose(golden[-48:], net(example).numpy().ravel(), atol=1e-4)


def test_a_budget_ends_with_its_steps_or_its_time_and_the_rate_with_it():
    assert Budget(10).spent(5, 1e9) == 0.5 and Budget(1000, 60).spent(5, 30) == 0.5
    assert learning_rate(500, 0.0, 1e-3) > 9e-4 and learning_rate(500, 1.0, 1e-3) < 2e-6


def test_fitting_brings_the_loss_down_and_keeps_the_average():
    torch.manual_seed(0)
    target = torch.randn(64, 3)
    inputs = target @ torch.randn(3, 8)
    loss = lambda net: torch.nn.functional.mse_loss(net(inputs), target)
    start = torch.nn.Linear(8, 3)
    before = loss(start).item()
    *early, (mean, steps) = fit(start, loss, Budget(400), 1e-2)
    assert [steps for _, steps in early][:3] == [1, 21, 41]
    assert steps == 400 and loss(mean).item() < 0.2 * before and not mean.training
