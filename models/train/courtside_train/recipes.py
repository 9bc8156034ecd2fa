"""Owns what is trained with what: one recipe for each tier of each pack, and how to draw, lose and judge for it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from . import calibrate as calibration
from . import board_judge, board_net, field_judge, field_nets, field_samples, revive, rim_judge, rim_net, rim_windows, shelf, sound_judge, sound_net, sound_scenes
from .calibrate import best_threshold, move_threshold
from .court import JUDGING_SEEDS, LOOK_SIZE, RIM_FRAMES, TRAINING_SEEDS
from .raster import letterbox


QUIET_SHARE = 0.5  # clips without a shot for each clip of any play: most of what a box sees is no shot
CALIBRATED = 60  # training sequences that a heatmap network is calibrated on
PIECED = 1000  # seeds of each range that single inputs are taken from
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)  # confidences at which whole-picture lanes are judged


@dataclass(frozen=True)
class Recipe:
    """How one tier is trained. `seeds` training seeds and `judged` judging seeds are rendered for it."""

    pack: str
    tier: str
    steps: int
    batch: int
    peak: float
    seeds: int
    judged: int
    seed: int = 1

    @property
    def data(self) -> str:
        """What is judged on, and trained on unless there is more."""
        return {"rim": "rim", "ball": "field", "hoop": "look", "sound": "sound", "board": "board"}[self.pack]

    @property
    def sets(self) -> tuple[str, ...]:
        """Everything that is trained on."""
        return ("rim", "quiet") if self.pack == "rim" else (self.data,)

    @property
    def made_by(self) -> str:
        """What makes the data: the game generator, or this package."""
        return {"sound": "sound_scenes", "board": "board_scenes"}.get(self.pack, "court")

    @property
    def training_seeds(self) -> range:
        return TRAINING_SEEDS[: self.seeds]

    def training_seeds_of(self, kind: str) -> range:
        """The training seeds of one of [`Recipe.sets`]."""
        return TRAINING_SEEDS[: int(self.seeds * QUIET_SHARE)] if kind == "quiet" else self.training_seeds

    @property
    def judging_seeds(self) -> range:
        return JUDGING_SEEDS[: self.judged]

    def quick(self) -> "Recipe":
        """A tenth of the work: shows that everything runs, gives a poor network."""
        return replace(self, steps=self.steps // 10, seeds=max(250, self.seeds // 10), judged=250)


# Within a pack from the cheapest tier to the most accurate: the manifest keeps this order.
RECIPES = [
    Recipe("rim", "nano", steps=16000, batch=32, peak=2e-3, seeds=8000, judged=500),
    Recipe("rim", "small", steps=26000, batch=32, peak=2e-3, seeds=8000, judged=500),
    Recipe("rim", "full", steps=26000, batch=32, peak=2e-3, seeds=8000, judged=500),
    Recipe("hoop", "full", steps=8000, batch=16, peak=2e-3, seeds=12000, judged=500),
    Recipe("ball", "nano", steps=6000, batch=16, peak=2e-3, seeds=1500, judged=100),
    Recipe("ball", "full", steps=4000, batch=16, peak=2e-3, seeds=1500, judged=100),
    Recipe("sound", "nano", steps=6000, batch=64, peak=3e-3, seeds=2000, judged=250),
    Recipe("sound", "full", steps=6000, batch=64, peak=3e-3, seeds=2000, judged=250),
    Recipe("board", "nano", steps=6000, batch=64, peak=3e-3, seeds=2500, judged=250),
    Recipe("board", "full", steps=8000, batch=64, peak=3e-3, seeds=2500, judged=250),
]


def recipe_of(pack: str, tier: str) -> Recipe:
    """The recipe for one tier of one pack."""
    return next(recipe for recipe in RECIPES if (recipe.pack, recipe.tier) == (pack, tier))


def build(recipe: Recipe) -> torch.nn.Module:
    """The untrained network."""
    if recipe.pack == "rim":
        return rim_net.RimNet(rim_net.TIERS[recipe.tier])
    if recipe.pack == "board":
        return board_net.BoardNet(board_net.TIERS[recipe.tier])
    if recipe.pack == "sound":
        return sound_net.SoundNet(sound_net.TIERS[recipe.tier])
    if recipe.pack == "ball":
        return field_nets.BallNet(field_nets.BALL_TIERS[recipe.tier])
    return field_nets.HoopNet(field_nets.HOOP_TIERS[recipe.tier])


def take_over(recipe: Recipe, net: torch.nn.Module, network: Path) -> None:
    """Fills `net` with an exported network of its kind; a rim network that did not look near yet gives all the rest."""
    looks_near = recipe.pack == "rim" and net.near is not None
    whole = len(revive.weights_of(network)[1]) == sum(isinstance(m, revive.CONVOLUTIONS) for m in net.modules())
    with net.far_only() if looks_near and not whole else nullcontext():
        revive.revive(net, network, loss_of(recipe, 0))


def loss_of(recipe: Recipe, done: int) -> Callable[[torch.nn.Module], torch.Tensor]:
    """Draws a batch of the recipe's training data and returns its loss; `done` steps were made before."""
    rng = np.random.default_rng([recipe.seed, done])
    if recipe.pack == "rim":
        clips = [group for kind in recipe.sets for group in shelf.open_rim(recipe.training_seeds_of(kind), kind)]
        drawer = rim_windows.Drawer(clips, rim_net.TIERS[recipe.tier].drawn)
        return lambda net: rim_net.rim_loss(net, drawer.batch(recipe.batch, rng))
    if recipe.pack == "board":
        boards = shelf.open_boards(recipe.training_seeds)
        return lambda net: board_net.board_loss(net, board_net.batch(boards, recipe.batch, rng))
    if recipe.pack == "sound":
        sounds = shelf.open_sounds(recipe.training_seeds)
        return lambda net: sound_net.sound_loss(net, sound_net.batch(sounds, recipe.batch, rng))
    fields = shelf.open_pictures(recipe.data, recipe.training_seeds)
    if recipe.pack == "ball":
        piece = {"nano": ((128, 192), 1.6), "full": ((160, 224), 1.0)}[recipe.tier]
        draw = lambda group, index: field_samples.ball_sample(group, index, piece, rng)
        return lambda net: field_nets.ball_loss(net, field_samples.batch_of(draw, fields, recipe.batch, rng))
    draw = lambda group, index: field_samples.hoop_sample(group, index, (224, 320), rng)
    return lambda net: field_nets.hoop_loss(net, field_samples.batch_of(draw, fields, recipe.batch, rng))


def judge(recipe: Recipe, net: torch.nn.Module) -> dict:
    """Measures on the recipe's judging seeds."""
    if recipe.pack == "rim":
        clips, quiet = (shelf.open_rim(recipe.judging_seeds, kind) for kind in recipe.sets)
        return rim_judge.judge(net, clips) | {"quiet": rim_judge.judge_quiet(net, quiet)}
    if recipe.pack == "board":
        return board_judge.judge(net, shelf.open_boards(recipe.judging_seeds))
    if recipe.pack == "sound":
        return sound_judge.judge(net, shelf.open_sounds(recipe.judging_seeds))
    return field_judge_of(recipe)(net, shelf.open_pictures(recipe.data, recipe.judging_seeds), THRESHOLDS)


def field_judge_of(recipe: Recipe) -> Callable[..., dict]:
    """The judge of a lane that sees whole pictures."""
    return field_judge.judge_ball if recipe.pack == "ball" else field_judge.judge_hoop


def calibrate(recipe: Recipe, net: torch.nn.Module) -> None:
    """Moves a heatmap network's best threshold on training pictures to where the box expects it."""
    if recipe.pack not in ("ball", "hoop"):
        return
    fields = shelf.open_pictures(recipe.data, recipe.training_seeds[:CALIBRATED])
    best = best_threshold(field_judge_of(recipe)(net, fields, calibration.THRESHOLDS))
    last = net.heat if recipe.pack == "ball" else net.told
    move_threshold(last.bias, 0, best)
    print(f"  {recipe.pack} {recipe.tier}: best threshold {best}, now {calibration.EXPECTED}", flush=True)


def headline(recipe: Recipe, measured: dict) -> dict:
    """The one figure of a tier for its manifest."""
    seeds = recipe.judging_seeds
    where = f"{recipe.made_by} seeds {seeds.start} to {seeds.stop - 1}, held out"
    if recipe.pack == "rim":
        value = measured["lookahead_400_ms"]["right_clips"]
        return {"metric": "share of clips told right, 400 ms of look-ahead", "value": value, "set": where}
    if recipe.pack == "board":
        metric = f"share of readings that are right, of those certain to {board_judge.SURE}"
        return {"metric": metric, "value": measured["right_of_sure"], "set": where + ", with typefaces of their own"}
    if recipe.pack == "sound":
        value = min(measured["whistle"]["recall"], measured["buzzer"]["recall"])
        return {"metric": "recall of whistles or buzzers, the worse", "value": value, "set": where}
    if recipe.pack == "ball":
        value = measured["at_0.3"]["recall"]
        return {"metric": "recall within 5 px of 512, confidence 0.3", "value": value, "set": where}
    value = measured["at_0.3"]["recall"]
    return {"metric": "recall at overlap 0.5, confidence 0.3", "value": value, "set": where}


def example(recipe: Recipe) -> torch.Tensor:
    """One real input of the network, from a judging seed."""
    return input_of(recipe, recipe.judging_seeds[:PIECED], 0, 0)


def pieces(recipe: Recipe, many: int) -> list[np.ndarray]:
    """Real inputs f32 as a box makes them, from training seeds: nothing of what a network is judged on."""
    rng = np.random.default_rng(recipe.seed)
    seeds = recipe.training_seeds[:PIECED]
    return [input_of(recipe, seeds, *rng.integers(1 << 30, size=2)).numpy() for _ in range(many)]


def input_of(recipe: Recipe, seeds: range, which: int, when: int) -> torch.Tensor:
    """One undisturbed input of the network. `which` sequence and `when` in it may be any numbers: they wrap around."""
    if recipe.pack == "rim":
        clips = chosen(shelf.open_rim(seeds), which)
        first = when % (RIM_FRAMES - rim_windows.PICTURES + 1)
        crops = rim_net.TIERS[recipe.tier].crops
        times = np.arange(first, first + rim_windows.PICTURES)
        return rim_windows.plain_crops(*clips, times, (crops, crops))[None]
    if recipe.pack == "board":
        boards, at = chosen(shelf.open_boards(seeds), which)
        return torch.from_numpy(np.asarray(boards.frames[at : at + 1, None], np.float32) / 255)
    if recipe.pack == "sound":
        sounds, at = chosen(shelf.open_sounds(seeds), which)
        first = (40 + when) % (sound_scenes.BLOCKS - sound_net.WINDOW_BLOCKS + 1)
        return torch.from_numpy(sound_net.window(sounds, at, first)[0])[None]
    fields, at = chosen(shelf.open_pictures(recipe.data, seeds), which)
    if recipe.pack == "ball":
        size = field_nets.BALL_TIERS[recipe.tier].size
        return letterbox(fields.frames[at, -field_samples.BALL_FRAMES :], size)[None]
    return letterbox(fields.frames[at, -1:], LOOK_SIZE)[None]


def chosen(groups: list, which: int) -> tuple:
    """The group and the place in it of sequence `which` of all."""
    group = groups[which % len(groups)]
    return group, which // len(groups) % len(group.frames if hasattr(group, "frames") else group.labels)
