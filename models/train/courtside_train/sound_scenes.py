"""Owns the sound lane's training scenes: what sounds when in a hall, through which room, microphone and codec. Trains nothing.

A scene is [`LENGTH`] seconds. It is labelled in blocks of 100 ms: 1 where a kind sounds in at least half of the
block, 0 where it does not sound at all, NaN where nobody could tell (edges, a room's echo, too faint).
"""

import subprocess
from dataclasses import dataclass

import numpy as np

from . import mel
from . import sound_voices as voices
from .mel import RATE
from .sound_voices import Rng

KINDS = ("whistle", "buzzer", "cheer", "applause", "bounce")
LENGTH = 10.0
BLOCK = RATE // 10
BLOCKS = int(LENGTH * 10)
ECHO_BLOCKS = 4  # so long after a sound its echo is neither the sound nor its absence
FAINT_DB = -13.0  # a kind that is so much fainter than all else, where it sounds, cannot be told
RATES = (44_100, 48_000, 32_000)
KBPS = (24, 32, 48, 64, 96, 128)


@dataclass
class Scene:
    """One scene while it is put together: f32 samples `[n]` of each kind and of all else."""

    kinds: dict[str, np.ndarray]
    sounding: dict[str, np.ndarray]
    other: np.ndarray


def empty() -> Scene:
    count = BLOCKS * BLOCK
    fresh = lambda dtype: {kind: np.zeros(count, dtype) for kind in KINDS}
    return Scene(fresh(np.float32), fresh(bool), np.zeros(count, np.float32))


def lay(track: np.ndarray, sound: np.ndarray, at: int, gain: float) -> slice:
    """Adds a sound from sample `at` on; what is beyond the end is cut off. Returns where it lies."""
    place = slice(at, min(len(track), at + len(sound)))
    track[place] += gain * sound[: place.stop - at]
    return place


def decibels(db: float) -> float:
    return 10 ** (db / 20)


def add_kind(scene: Scene, kind: str, rng: Rng, gain: float) -> None:
    """One sound of a kind at a random place."""
    count = len(scene.other)
    at = int(rng.uniform(-0.05, 0.97) * count)
    if kind == "whistle":
        sound, sounding = voices.whistles(rng)
    else:
        sound = {"buzzer": voices.buzzer, "cheer": voices.cheer, "applause": voices.applause, "bounce": voices.bounce}[kind](rng)
        loud = np.abs(sound) if kind != "bounce" else np.abs(sound[: int(0.06 * RATE)])
        sounding = np.zeros(len(sound), bool)
        sounding[: len(loud)] = True
        if kind in ("cheer", "applause"):  # it grows out of the bed
            level = np.convolve(loud, np.full(1600, 1 / 1600), "same")
            sounding = level > 0.35 * level.max()
    at = max(0, at)
    place = lay(scene.kinds[kind], sound, at, gain)
    scene.sounding[kind][place] |= sounding[: place.stop - place.start]


def add_dribble(scene: Scene, rng: Rng, gain: float) -> None:
    """A ball that bounces again and again."""
    at, every = rng.uniform(0, LENGTH), rng.uniform(0.25, 0.9)
    for _ in range(rng.integers(1, 12)):
        if at >= LENGTH - 0.1:
            return
        sound = voices.bounce(rng)
        place = lay(scene.kinds["bounce"], sound, int(at * RATE), gain * rng.uniform(0.5, 1))
        scene.sounding["bounce"][place.start : place.start + int(0.06 * RATE)] = True
        at += every * rng.uniform(0.8, 1.2)


def add_others(scene: Scene, rng: Rng, bed: float) -> None:
    """What a hall sounds like without anything that matters, and what is mistaken for what matters."""
    count = len(scene.other)
    scene.other += bed * voices.murmur(rng, LENGTH)
    for _ in range(rng.choice([0, 1, 1, 2, 4, 7])):
        voice = voices.syllables(rng, rng.uniform(1, LENGTH), np.exp(rng.uniform(np.log(80), np.log(450))))
        lay(scene.other, voice, rng.integers(0, count), bed * decibels(rng.uniform(-12, 18)))
    if rng.random() < 0.35:
        lay(scene.other, voices.music(rng, rng.uniform(2, LENGTH)), rng.integers(0, count // 2), bed * decibels(rng.uniform(-8, 14)))
    mistaken = (voices.squeak, voices.squeak, voices.scream, voices.fan_whistle, voices.beep, voices.clang, voices.swish)
    mistaken += (voices.clicks, voices.chorus)
    for _ in range(rng.poisson(rng.choice([0.5, 3, 8]))):
        sound = mistaken[rng.integers(len(mistaken))](rng)
        lay(scene.other, sound, rng.integers(0, count), bed * decibels(rng.uniform(-6, 22)))


def room(rng: Rng) -> np.ndarray:
    """What a hall makes of a click, f32: the click, early echoes, a tail of 0.1 to 2.5 s."""
    tail = float(np.exp(rng.uniform(np.log(0.1), np.log(2.5))))
    t = voices.seconds(min(tail, 1.5))
    echo = rng.normal(0, 1, len(t)) * np.exp(-6.9 * t / tail)
    echo = voices.shaped(echo, voices.band(100, rng.uniform(1500, 6500)))
    echo[: int(rng.uniform(0.002, 0.03) * RATE)] = 0
    echo *= rng.uniform(0.05, 1.2) / np.sqrt((echo**2).sum() + 1e-9)
    echo[0] += 1
    return echo.astype(np.float32)


def convolved(samples: np.ndarray, echo: np.ndarray) -> np.ndarray:
    """A sound in a room; what comes after the end is lost."""
    size = 1 << int(np.ceil(np.log2(len(samples) + len(echo))))
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)[: len(samples)].astype(np.float32)


def microphone(samples: np.ndarray, rng: Rng) -> np.ndarray:
    """Through a microphone and its recorder: its band, its noise, its gain control, its limits."""
    tilt, low, high = rng.uniform(-0.5, 0.5), rng.uniform(30, 350), rng.uniform(3200, 9000)
    heard = voices.shaped(samples, lambda hertz: voices.band(low, high)(hertz) * ((hertz + 100) / 1000) ** tilt)
    if rng.random() < 0.4:  # what is loud turns the gain down
        level = np.sqrt(np.convolve(heard**2, np.full(3200, 1 / 3200), "same") + 1e-8)
        heard = heard / (level + 0.05) ** rng.uniform(0.2, 0.8)
    heard = heard / (np.abs(heard).max() + 1e-9) * decibels(rng.uniform(-32, 6))
    heard = heard + decibels(rng.uniform(-80, -45)) * rng.normal(0, 1, len(heard))
    return (np.tanh(heard) if rng.random() < 0.5 else heard.clip(-1, 1)).astype(np.float32)


def level_of(samples: np.ndarray) -> np.ndarray:
    """Power of each block, f32 `[100]`."""
    return (samples.reshape(BLOCKS, BLOCK) ** 2).mean(1) + 1e-9


def labels_of(scene: Scene, told: np.ndarray) -> np.ndarray:
    """Labels f32 `[100, 5]`; `told`: power f32 `[5, 100]` of each kind, in the room, and last of all else."""
    labels = np.zeros((BLOCKS, len(KINDS)), np.float32)
    for index, kind in enumerate(KINDS):
        share = scene.sounding[kind].reshape(BLOCKS, BLOCK).mean(1)
        least = 0.2 if kind == "bounce" else 0.5
        labels[:, index] = np.where(share >= least, 1, 0)
        labels[(share > 0) & (share < least), index] = np.nan
        for after in range(1, ECHO_BLOCKS + 1):
            echo = (share[:-after] > 0) & (share[after:] == 0)
            labels[after:, index][echo & (labels[after:, index] == 0)] = np.nan
        rest = told.sum(0) - told[index]
        faint = 10 * np.log10(told[index] / rest) < FAINT_DB
        labels[faint & (share > 0), index] = np.nan
    return labels


def scene_of(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Samples f32 `[160000]` and labels f32 `[100, 5]` of one scene, before the codec."""
    scene, bed = empty(), decibels(rng.uniform(-40, -12))
    add_others(scene, rng, bed)
    above = {"whistle": (-2, 30), "buzzer": (0, 26), "cheer": (4, 24), "applause": (4, 22), "bounce": (4, 24)}
    quiet = rng.random() < 0.25  # nothing that matters happens
    for kind, (least, most) in above.items():
        many = 0 if quiet else rng.choice([0, 0, 1, 1, 2, 3] if kind in ("whistle", "buzzer") else [0, 0, 1, 2])
        for _ in range(many):
            gain = bed * decibels(rng.uniform(least, most))
            add_dribble(scene, rng, gain) if kind == "bounce" else add_kind(scene, kind, rng, gain)
    echo = room(rng)
    wet = np.stack([*(convolved(scene.kinds[kind], echo) for kind in KINDS), convolved(scene.other, echo)])
    labels = labels_of(scene, np.stack([level_of(track) for track in wet]))
    return microphone(wet.sum(0), rng), labels


def through_aac(samples: np.ndarray, rng: Rng) -> np.ndarray:
    """Encodes and decodes f32 samples `[n]` with ffmpeg's AAC, as a camera does, at a random rate."""
    rate, kbps = int(rng.choice(RATES)), int(rng.choice(KBPS))
    run = lambda arguments, given: subprocess.run(
        ["ffmpeg", "-v", "error", "-threads", "1", *arguments], input=given, stdout=subprocess.PIPE, check=True
    ).stdout
    raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    stream = run([*raw, "-i", "-", "-ar", str(rate), "-c:a", "aac", "-b:a", f"{kbps}k", "-f", "adts", "-"], samples.tobytes())
    heard = np.frombuffer(run(["-f", "aac", "-i", "-", *raw, "-"], stream), np.float32)
    late = int(round(1024 * RATE / rate))  # ADTS does not tell the encoder's delay
    heard = heard[late : late + len(samples)]
    return np.pad(heard, (0, len(samples) - len(heard)))


@dataclass
class Sounds:
    """Heard scenes.

    - spectra: f16 `[n, 1000, 64]`, log-mel; frames `10 b` to `10 b + 9` end in block `b`.
    - labels: f32 `[n, 100, 5]`, see the module; seeds: i64 `[n]`.
    """

    spectra: np.ndarray
    labels: np.ndarray
    seeds: np.ndarray


REEL = 25  # scenes that share one codec


def render(seeds: range) -> Sounds:
    """Scenes of so many seeds, most of them through a codec, as spectra."""
    spectra, labels = [], []
    for start in range(seeds.start, seeds.stop, REEL):
        scenes = [scene_of(np.random.default_rng([seed, 7])) for seed in range(start, min(start + REEL, seeds.stop))]
        reel, rng = np.concatenate([samples for samples, _ in scenes]), np.random.default_rng([start, 8])
        if rng.random() < 0.85:
            reel = through_aac(reel, rng)
        for index, (_, told) in enumerate(scenes):
            samples = reel[index * BLOCKS * BLOCK : (index + 1) * BLOCKS * BLOCK]
            spectra.append(mel.log_mel(np.pad(samples, (mel.WINDOW - mel.HOP, 0))).astype(np.float16))
            labels.append(told)
    return Sounds(np.stack(spectra), np.stack(labels), np.arange(seeds.start, seeds.stop))
