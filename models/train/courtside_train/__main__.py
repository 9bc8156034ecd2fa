"""The command `python -m courtside_train`: data, train, judge, pack, quantize, sign, all. Composes; decides nothing itself."""

import argparse
import json
import math
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import torch

from . import pack, quantize, recipes, shelf, sign
from .court import CACHE
from .field_nets import BallNet
from .fit import Budget, fit
from .recipes import Recipe

REPOSITORY = Path(__file__).resolve().parents[3]
PACKS = REPOSITORY / "models/packs"


def commit() -> str:
    """The commit of the trainer; with `-dirty` behind it when the files are not those of the commit."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def checkpoint(recipe: Recipe) -> Path:
    return CACHE / "trained" / f"{recipe.pack}-{recipe.tier}.pt"


def make_data(recipe: Recipe) -> None:
    for kind in recipe.sets:
        for seeds in (recipe.judging_seeds, recipe.training_seeds_of(kind)):
            shelf.fill(kind, seeds)


def keep(recipe: Recipe, net: torch.nn.Module, facts: dict) -> None:
    """Replaces the checkpoint in one move, so that a broken-off training leaves a whole one."""
    path = checkpoint(recipe)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": net.state_dict(), "facts": facts}, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train(recipe: Recipe, given: argparse.Namespace) -> None:
    """Trains one tier; `--resume` starts with its kept weights, so that steps add up, `--from-pack` with a tier of the pack's."""
    print(f"training {recipe.pack} {recipe.tier}", flush=True)
    torch.manual_seed(recipe.seed)
    net, before, origin = recipes.build(recipe), 0, ""
    if given.from_pack:
        folder, tier = PACKS / recipe.pack, given.from_pack if given.from_pack is not True else recipe.tier
        recipes.take_over(recipe, net, folder / f"{tier}.f32.onnx")
        origin = f" on from {tier} of version {next_version(folder / sign.MANIFEST) - 1}"
    elif given.resume and checkpoint(recipe).exists():
        net, facts = trained(recipe)
        before, origin = facts["steps"], facts.get("origin", "")
    budget = Budget(recipe.steps, 60 * given.minutes)
    facts = {"commit": commit(), "seed": recipe.seed, "seeds": len(recipe.training_seeds), "batch": recipe.batch}
    facts["origin"] = origin
    for mean, steps in fit(net, recipes.loss_of(recipe, before), budget, given.peak or recipe.peak):
        keep(recipe, mean, facts | {"steps": before + steps})
    calibrate(recipe)


def calibrate(recipe: Recipe) -> None:
    net, facts = trained(recipe)
    recipes.calibrate(recipe, net)
    keep(recipe, net, facts)


def trained(recipe: Recipe) -> tuple[torch.nn.Module, dict]:
    """The trained network, ready to run, and the facts of its training."""
    kept = torch.load(checkpoint(recipe))
    net = recipes.build(recipe)
    net.load_state_dict(kept["weights"])
    return net.eval(), kept["facts"]


def judge(recipe: Recipe) -> dict:
    measured = recipes.judge(recipe, trained(recipe)[0])
    print(f"{recipe.pack} {recipe.tier}: {json.dumps(measured, indent=1)}", flush=True)
    checkpoint(recipe).with_suffix(".json").write_text(json.dumps(measured))
    return measured


def next_version(manifest: Path) -> int:
    return tomllib.loads(manifest.read_text())["version"] + 1 if manifest.exists() else 1


def write_pack(name: str, chosen: list[Recipe]) -> None:
    """Writes one pack with every tier that has been trained and judged, cheapest first."""
    folder = PACKS / name
    folder.mkdir(parents=True, exist_ok=True)
    tiers, done, facts = [], [], {}
    for recipe in chosen:
        if recipe.pack != name or not checkpoint(recipe).exists():
            continue
        net, facts = trained(recipe)
        if isinstance(net, BallNet):
            net = net.fold()
        done.append(f"{facts['steps']} steps of {facts['batch']}{facts.get('origin', '')}")
        entry = pack.export_tier(folder, name, recipe.tier, net, recipes.example(recipe))
        measured = json.loads(checkpoint(recipe).with_suffix(".json").read_text())
        tiers.append(with_int8(folder, recipe, entry | {"accuracy": recipes.headline(recipe, measured)}))
    if not tiers:
        return
    what = "; ".join(f"{tier['name']}: {steps}" for tier, steps in zip(tiers, done))
    data = next(f"{recipe.made_by} dataset {recipe.data}" for recipe in chosen if recipe.pack == name)
    training = {
        "recipe": f"models/train/courtside_train/recipes.py; {what}",
        "commit": facts["commit"],
        "seed": facts["seed"],
        "data": f"{data} --first-seed 0 --seeds {facts['seeds']}",
    }
    pack.write_manifest(folder, name, next_version(folder / "manifest.toml"), tiers, training)
    print(f"wrote {folder}", flush=True)


def with_int8(folder: Path, recipe: Recipe, entry: dict) -> dict:
    """A tier's manifest entry with its int8 network, if that is worth shipping."""
    pieces = recipes.pieces(recipe, quantize.RANGED + quantize.COMPARED)
    accuracy_of = lambda net: recipes.headline(recipe, recipes.judge(recipe, net))["value"]
    return pack.add_int8(folder, entry, pieces, accuracy_of)


def quantize_pack(name: str, chosen: list[Recipe], dry: bool) -> None:
    """Gives the networks of a pack that exists their int8 form, as its next version; `dry` only tells what they would be worth.

    Training needs checkpoints, this does not.
    """
    folder = PACKS / name
    if dry:
        folder = Path(shutil.copytree(folder, Path(tempfile.mkdtemp()) / name))
    manifest = tomllib.loads((folder / sign.MANIFEST).read_text())
    of = {recipe.tier: recipe for recipe in chosen if recipe.pack == name}
    change = lambda tier: with_int8(folder, of[tier["name"]], tier) if tier["name"] in of else tier
    tiers = [change(tier) for tier in manifest["tier"]]
    if dry:
        return shutil.rmtree(folder.parent)
    if tiers != manifest["tier"]:
        pack.write_manifest(folder, name, manifest["version"] + 1, tiers, manifest["training"])
        print(f"wrote {folder}", flush=True)


def sign_packs(only: list[str]) -> None:
    """Signs packs by name or folder; every pack of the repository if none is named."""
    chosen = [PACKS / name if (PACKS / name).is_dir() else Path(name) for name in only]
    for folder in chosen or sorted(path.parent for path in PACKS.glob(f"*/{sign.MANIFEST}")):
        sign.sign(folder)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="courtside_train", description=__doc__)
    parser.add_argument("command", choices=["data", "train", "calibrate", "judge", "pack", "quantize", "sign", "all"])
    parser.add_argument("only", nargs="*", help="packs or tiers to work on, such as `rim` or `ball/nano`; all if none; to sign, also folders")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data and steps, to see everything run")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="train on from the kept weights")
    start.add_argument(
        "--from-pack", nargs="?", const=True, metavar="TIER", help="train on from the networks in models/packs, of the same tier or another one"
    )
    parser.add_argument("--dry-run", action="store_true", help="quantize only tells what int8 would be worth, and changes no pack")
    parser.add_argument("--minutes", type=float, default=math.inf, help="train each tier no longer than this")
    parser.add_argument("--peak", type=float, help="highest learning rate, lower than the recipe's when training on")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch; small networks gain little")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.command == "sign":
        return sign_packs(given.only)
    torch.set_num_threads(given.threads)
    every = [recipe.quick() if given.quick else recipe for recipe in recipes.RECIPES]
    names = lambda recipe: {recipe.pack, f"{recipe.pack}/{recipe.tier}"}
    chosen = [recipe for recipe in every if not given.only or names(recipe) & set(given.only)]
    for recipe in chosen:
        if given.command in ("data", "all"):
            make_data(recipe)
        if given.command in ("train", "all"):
            train(recipe, given)
        if given.command == "calibrate":
            calibrate(recipe)
        if given.command in ("judge", "all"):
            judge(recipe)
    if given.command == "quantize":
        for name in sorted({recipe.pack for recipe in chosen}):
            quantize_pack(name, chosen, given.dry_run)
    if given.command in ("pack", "all"):
        for name in sorted({recipe.pack for recipe in chosen}):
            write_pack(name, every)


if __name__ == "__main__":
    main()
