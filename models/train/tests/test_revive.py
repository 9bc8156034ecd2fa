"""An exported network can be trained on."""

import copy

import pytest
import torch

from courtside_train import field_nets, recipes, rim_net
from courtside_train.revive import copy_weight, revive


def stirred(net: torch.nn.Module) -> torch.nn.Module:
    """Normalisations as after a training: of other statistics than the batches that follow."""
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    return net.eval()


CASES = {
    "ball": (lambda: field_nets.BallNet(field_nets.BALL_TIERS["nano"]), (4, 5, 64, 96)),
    "rim": (lambda: rim_net.RimNet(rim_net.TIERS["small"]), (4, 32, 64, 64)),
    "rim that looks near": (lambda: rim_net.RimNet(rim_net.TIERS["full"]), (4, 32, 128, 128)),
    "hoop": (lambda: field_nets.HoopNet(field_nets.HOOP_TIERS["full"]), (4, 1, 64, 96)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_revived_network_answers_as_the_exported_one(case, tmp_path):
    torch.manual_seed(2)
    build, shape = CASES[case]
    net, example = stirred(build()), torch.rand(shape)
    shipped = copy.deepcopy(net).fold() if case == "ball" else net
    torch.onnx.export(shipped, (example,), str(tmp_path / "net.onnx"), dynamo=False, opset_version=17)
    again = revive(build(), tmp_path / "net.onnx", lambda net: net(torch.rand(shape)))
    with torch.no_grad():
        assert torch.allclose(again(example), net(example), atol=1e-3)
        # In training a normalisation takes the batch's own statistics.
        training = again.train()(torch.rand(shape))
        assert training.isfinite().all()
        norm = next(m for m in again.modules() if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)))
        assert (norm.running_var > 1e-6).all() and not torch.allclose(norm.running_var, torch.ones(()))


def test_a_network_that_did_not_look_near_yet_gives_the_rest_and_its_answers(tmp_path, monkeypatch):
    far, example = stirred(rim_net.RimNet(rim_net.TIERS["small"])), torch.rand(1, 32, 128, 128)
    torch.onnx.export(far, (torch.rand(1, 32, 64, 64),), str(tmp_path / "net.onnx"), dynamo=False, opset_version=17)
    monkeypatch.setattr(recipes, "loss_of", lambda recipe, done: lambda net: net(torch.rand(4, 32, 128, 128)))
    net = rim_net.RimNet(rim_net.TIERS["full"])
    recipes.take_over(recipes.recipe_of("rim", "full"), net, tmp_path / "net.onnx")
    with torch.no_grad():
        assert torch.allclose(net(example), far(example), atol=1e-3)


def test_channels_that_are_new_begin_at_zero():
    target = torch.ones(2, 3, 3, 3)
    copy_weight(target, torch.full((2, 2, 3, 3), 5.0))
    assert (target[:, :2] == 5).all() and (target[:, 2] == 0).all()


def test_another_network_is_refused(tmp_path):
    build, shape = CASES["hoop"]
    torch.onnx.export(build().eval(), (torch.rand(shape),), str(tmp_path / "net.onnx"), dynamo=False, opset_version=17)
    rim, rim_shape = CASES["rim"]
    with pytest.raises(ValueError, match="another network"):
        revive(rim(), tmp_path / "net.onnx", lambda net: net(torch.rand(rim_shape)))
