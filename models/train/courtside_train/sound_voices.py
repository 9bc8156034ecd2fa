"""Owns single sounds of a hall, dry and close: referees, tables, crowds, balls, and what is mistaken for them.

Every function returns f32 samples at 16 kHz whose loudest is about 1; how loud it is in a scene is the scene's
business. Nothing here is a recording.
"""

import numpy as np

from .mel import RATE

TAU = 2 * np.pi
Rng = np.random.Generator


def seconds(length: float) -> np.ndarray:
    """Times f64 `[n]` of so many seconds of samples."""
    return np.arange(max(1, int(length * RATE))) / RATE


def loudest_one(samples: np.ndarray) -> np.ndarray:
    """The same sound with a peak of 1."""
    return (samples / (np.abs(samples).max() + 1e-9)).astype(np.float32)


def shaped(samples: np.ndarray, gain_of_hertz) -> np.ndarray:
    """Filters by multiplying the spectrum with `gain_of_hertz` (f64 Hz array in, gains out)."""
    size = 1 << int(np.ceil(np.log2(len(samples) + 512)))
    spectrum = np.fft.rfft(samples, size)
    gains = gain_of_hertz(np.fft.rfftfreq(size, 1 / RATE))
    return np.fft.irfft(spectrum * gains, size)[: len(samples)]


def band(low: float, high: float):
    """Gains of a soft band from `low` to `high` Hz, 12 dB an octave outside."""
    return lambda hertz: 1 / np.sqrt((1 + (low / (hertz + 1)) ** 4) * (1 + (hertz / high) ** 4))


def swinging(rng: Rng, count: int, every: float, spread: float) -> np.ndarray:
    """A smooth random curve f64 `[count]` around 0, with a new value each `every` seconds."""
    knots = rng.normal(0, spread, max(2, int(count / RATE / every) + 2))
    return np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)


def fade(count: int, attack: float, release: float) -> np.ndarray:
    """An envelope f64 `[count]` that rises and falls in so many seconds."""
    t = np.arange(count) / RATE
    return np.minimum(1, t / attack) * np.minimum(1, (t[-1] - t) / release + 1e-3)


def phase_of(pitch: np.ndarray) -> np.ndarray:
    """Phase in turns of a tone whose pitch in Hz is given for each sample."""
    return np.cumsum(pitch) / RATE


def whistle(rng: Rng) -> np.ndarray:
    """A referee's whistle: with a pea that trills, without one and two or three chambers that beat, or electronic."""
    length = float(np.exp(rng.uniform(np.log(0.25), np.log(1.6))))
    t, kind = seconds(length), rng.random()
    attack, release = rng.uniform(0.006, 0.05), rng.uniform(0.015, 0.08)
    blown = 1 + rng.uniform(-0.06, 0.01) * np.exp(-t / rng.uniform(0.02, 0.08)) + swinging(rng, len(t), 0.12, 0.006)
    if kind < 0.45:
        pitch, rate, depth = rng.uniform(2000, 4200), rng.uniform(14, 48), rng.uniform(0.008, 0.06)
        trill = np.sin(TAU * (rate * t + 0.4 * np.sin(TAU * rng.uniform(1, 4) * t)))
        tone = np.sin(TAU * phase_of(pitch * blown * (1 + depth * trill)))
        tone += rng.uniform(0, 0.4) * np.sin(2 * TAU * phase_of(pitch * blown * (1 + depth * trill)))
        tone *= 1 - rng.uniform(0.1, 0.9) * (0.5 + 0.5 * np.sin(TAU * rate * t + rng.uniform(0, TAU)))
    elif kind < 0.88:
        pitch, tone = rng.uniform(2300, 3900), np.zeros(len(t))
        for ratio in [1, rng.uniform(1.02, 1.1), rng.uniform(1.1, 1.24)][: rng.integers(2, 4)]:
            tone += rng.uniform(0.5, 1) * np.sin(TAU * phase_of(pitch * ratio * blown) + rng.uniform(0, TAU))
        tone += 0.15 * tone * tone * np.sign(tone)
    else:
        pitch, other = rng.uniform(2000, 4000), rng.uniform(0.75, 1.3)
        switched = (t * rng.uniform(6, 25)) % 1 < 0.5
        tone = np.sin(TAU * phase_of(pitch * np.where(switched, 1, other)))
    breath = shaped(rng.normal(0, 1, len(t)), band(1500, 6500)) * rng.uniform(0.01, 0.25)
    return loudest_one((tone + breath) * fade(len(t), attack, release))


def whistles(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """One to three blows in a row, and where (bool `[n]`) they sound."""
    parts, sounding = [], []
    for index in range(rng.choice([1, 1, 1, 2, 3])):
        if index:
            gap = np.zeros(int(rng.uniform(0.05, 0.3) * RATE), np.float32)
            parts.append(gap)
            sounding.append(np.zeros(len(gap), bool))
        blow = whistle(rng) if index == 0 or rng.random() < 0.2 else parts[0] * rng.uniform(0.6, 1)
        parts.append(blow)
        sounding.append(np.ones(len(blow), bool))
    return np.concatenate(parts), np.concatenate(sounding)


def buzzer(rng: Rng) -> np.ndarray:
    """The table's horn: a rough chord of saws or pulses, an air horn, or an electronic tone; held."""
    length = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    t = seconds(length)
    pitch = float(np.exp(rng.uniform(np.log(90), np.log(1500))))
    tone = np.zeros(len(t))
    chord = [1, rng.uniform(1.002, 1.03), rng.choice([1.19, 1.26, 1.335, 1.5]), rng.uniform(1.9, 2.1)]
    if rng.random() < 0.35:  # two horns that are not quite in tune
        chord = [1, rng.uniform(1.002, 1.02)]
        pitch = float(np.exp(rng.uniform(np.log(120), np.log(600))))
    else:
        chord = rng.permutation(chord)[: rng.choice([1, 2, 3, 4], p=[0.35, 0.3, 0.2, 0.15])]
    for ratio in chord:
        turns = (pitch * ratio * t + rng.random()) % 1
        width = rng.uniform(0.15, 0.5)
        tone += rng.uniform(0.4, 1) * (2 * turns - 1 if rng.random() < 0.5 else np.where(turns < width, 1.0, -1.0))
    if rng.random() < 0.35:
        tone *= 1 - rng.uniform(0.3, 1) * ((t * rng.uniform(8, 120)) % 1 < 0.5)
    if rng.random() < 0.4:
        tone = np.tanh(tone * rng.uniform(1, 5))
    low = rng.uniform(80, 500)
    tone = shaped(tone, band(low, rng.uniform(max(700, 1.5 * pitch), 7500)))
    return loudest_one(tone * fade(len(t), rng.uniform(0.004, 0.2), rng.uniform(0.01, 0.15)))


def cheer(rng: Rng) -> np.ndarray:
    """A crowd that swells and falls: dense voices, some shouting."""
    length = rng.uniform(1.2, 5)
    t = seconds(length)
    peak = rng.uniform(0.15, 0.5) * length
    swell = np.where(t < peak, (t / peak) ** rng.uniform(0.7, 2), np.exp(-(t - peak) / rng.uniform(0.6, 2.5)))
    noise = shaped(rng.normal(0, 1, len(t)), band(rng.uniform(300, 700), rng.uniform(1500, 4000)))
    formant = rng.uniform(700, 1400)
    noise += rng.uniform(0, 2) * shaped(noise, band(formant * 0.85, formant * 1.15))
    noise = loudest_one(noise) * (1 + 0.3 * swinging(rng, len(t), 0.05, 1))
    for _ in range(rng.integers(0, 6)):
        shout = scream(rng)[: len(t)] * rng.uniform(0.05, 0.35)
        at = rng.integers(0, max(1, len(t) - len(shout)))
        noise[at : at + len(shout)] += shout
    return loudest_one(noise * swell)


def applause(rng: Rng) -> np.ndarray:
    """Many hands: clicks of a few ms, each in its own band."""
    length, a_second = rng.uniform(1.2, 5), float(np.exp(rng.uniform(np.log(25), np.log(400))))
    clicks = np.zeros(int(length * RATE))
    places = rng.integers(0, len(clicks), int(length * a_second))
    np.add.at(clicks, places, rng.normal(0, 1, len(places)))
    grain = rng.normal(0, 1, int(0.004 * RATE)) * np.exp(-np.arange(int(0.004 * RATE)) / (0.001 * RATE))
    sound = np.convolve(clicks, grain)[: len(clicks)]
    sound = shaped(sound, band(rng.uniform(500, 1200), rng.uniform(2500, 6000)))
    return loudest_one(sound * fade(len(sound), rng.uniform(0.1, 0.8), rng.uniform(0.2, 1.5)))


def bounce(rng: Rng) -> np.ndarray:
    """A ball on a floor: a thump, a slap, the ball's own ring."""
    t = seconds(0.25)
    pitch = rng.uniform(60, 170)
    thump = np.sin(TAU * pitch * t * (1 + 0.4 * np.exp(-t * 60))) * np.exp(-t / rng.uniform(0.02, 0.07))
    slap = shaped(rng.normal(0, 1, len(t)), band(rng.uniform(400, 1200), rng.uniform(1500, 5000)))
    ring = np.sin(TAU * rng.uniform(700, 1100) * t) * np.exp(-t / rng.uniform(0.02, 0.06))
    sound = thump + rng.uniform(0.1, 0.9) * slap * np.exp(-t / rng.uniform(0.003, 0.012)) + rng.uniform(0, 0.3) * ring
    return loudest_one(sound)


def syllables(rng: Rng, length: float, pitch: float) -> np.ndarray:
    """A voice that says nothing: buzzing syllables with formants, pauses between; some voices do not glide."""
    alive = rng.choice([0, 0.3, 1, 1])
    sound = np.zeros(int(length * RATE))
    at = 0
    while at < len(sound) - 800:
        t = seconds(rng.uniform(0.08, 0.32))
        tune = pitch * (1 + rng.normal(0, 0.12) + alive * rng.normal(0, 0.1) * t / t[-1])
        source = 2 * (phase_of(tune + np.zeros(len(t))) % 1) - 1 + rng.normal(0, 0.15, len(t))
        low, high = rng.uniform(280, 850), rng.uniform(900, 2500)
        heard = shaped(source, band(low * 0.8, low * 1.25)) + rng.uniform(0.2, 0.8) * shaped(source, band(high * 0.9, high * 1.1))
        if rng.random() < 0.3:
            heard += 0.5 * shaped(rng.normal(0, 1, len(t)), band(3000, 7000)) * (t < 0.08)
        heard = heard * fade(len(t), 0.02, 0.05)
        end = min(len(sound), at + len(t))
        sound[at:end] += heard[: end - at]
        at = end + int(rng.choice([0, 0, 0.05, 0.4]) * RATE * rng.random())
    return loudest_one(sound)


def scream(rng: Rng) -> np.ndarray:
    """A child's or player's shout: a high voice with few, strong harmonics that glides."""
    t = seconds(rng.uniform(0.2, 1.2))
    glide = np.interp(t / t[-1], [0, 0.3, 1], [rng.uniform(0.75, 1), 1, rng.uniform(0.6, 1)])
    pitch = rng.uniform(350, 1300) * glide * (1 + rng.uniform(0, 0.03) * np.sin(TAU * rng.uniform(4, 9) * t))
    tone = sum(np.sin(TAU * k * phase_of(pitch)) / k ** rng.uniform(0.4, 1.6) for k in range(1, 6))
    return loudest_one((tone + 0.2 * rng.normal(0, 1, len(t))) * fade(len(t), 0.05, 0.15))


def squeak(rng: Rng) -> np.ndarray:
    """A shoe on a floor: a short, gliding, high tone with overtones."""
    t = seconds(rng.uniform(0.03, 0.24))
    glide = np.linspace(1, rng.uniform(0.75, 1.4), len(t)) + swinging(rng, len(t), 0.02, 0.03)
    turns = phase_of(rng.uniform(900, 4500) * glide)
    tone = np.sin(TAU * turns) + rng.uniform(0.1, 0.9) * np.sin(2 * TAU * turns) + rng.uniform(0, 0.6) * np.sin(3 * TAU * turns)
    rough = 1 - rng.uniform(0, 0.9) * (0.5 + 0.5 * np.sin(TAU * rng.uniform(50, 250) * t))
    return loudest_one((tone * rough + 0.15 * rng.normal(0, 1, len(t))) * fade(len(t), 0.008, 0.02))


def fan_whistle(rng: Rng) -> np.ndarray:
    """Fingers in a mouth, or a bird: one pure tone that glides far."""
    t = seconds(rng.uniform(0.15, 0.9))
    knots = rng.uniform(0.6, 1.5, rng.integers(2, 5))
    knots[-1] = knots[0] * rng.choice([rng.uniform(0.5, 0.8), rng.uniform(1.25, 1.8)])
    glide = np.interp(t, np.linspace(0, t[-1], len(knots)), knots)
    return loudest_one(np.sin(TAU * phase_of(rng.uniform(1300, 3000) * glide)) * fade(len(t), 0.03, 0.05))


def beep(rng: Rng) -> np.ndarray:
    """A telephone, a lorry that backs up, a scoreboard's key: short pure tones."""
    t = seconds(rng.uniform(0.03, 0.14))
    tone = np.sin(TAU * rng.uniform(500, 4500) * t) * fade(len(t), 0.004, 0.006)
    gap = np.zeros(int(rng.uniform(0.03, 0.4) * RATE))
    return loudest_one(np.concatenate([tone, gap] * rng.integers(1, 6)))


def clicks(rng: Rng) -> np.ndarray:
    """Keys, sticks, a drum, steps: short knocks one after the other, steady or not."""
    sound = np.zeros(int(rng.uniform(0.5, 6) * RATE))
    every, steady = rng.uniform(0.07, 0.5), rng.random() < 0.5
    t = seconds(0.12)
    low, high, decay = rng.uniform(80, 1500), rng.uniform(2000, 7500), rng.uniform(0.004, 0.05)
    at = 0.0
    while at < len(sound) / RATE - 0.13:
        knock = shaped(rng.normal(0, 1, len(t)), band(low, high)) * np.exp(-t / decay) * rng.uniform(0.4, 1)
        start = int(at * RATE)
        sound[start : start + len(t)] += knock
        at += every if steady else every * rng.exponential(1) + 0.03
    return loudest_one(sound)


def chorus(rng: Rng) -> np.ndarray:
    """Many people who sing or call, each gliding in a way of their own."""
    t = seconds(rng.uniform(0.8, 4))
    sound = np.zeros(len(t))
    around = rng.uniform(150, 600)
    for _ in range(rng.integers(3, 12)):
        knots = around * np.exp(rng.normal(0, 0.12, 6)) * rng.choice([0.5, 1, 1, 2])
        pitch = np.interp(t, np.linspace(0, t[-1], 6), knots) * (1 + 0.015 * np.sin(TAU * rng.uniform(4, 7) * t))
        source = 2 * (phase_of(pitch) % 1) - 1
        sound += shaped(source, band(rng.uniform(300, 600), rng.uniform(900, 3000))) * rng.uniform(0.3, 1)
    return loudest_one(sound * fade(len(t), 0.15, 0.3))


def clang(rng: Rng) -> np.ndarray:
    """A ball on the ring or the board: a metal ring or a wooden knock."""
    t = seconds(0.5)
    pitch = rng.uniform(180, 700)
    tone = sum(rng.uniform(0.2, 1) * np.sin(TAU * pitch * r * t) * np.exp(-t * rng.uniform(8, 40)) for r in (1, 2.76, 5.4))
    return loudest_one(tone + rng.normal(0, 0.5, len(t)) * np.exp(-t * 300))


def swish(rng: Rng) -> np.ndarray:
    """A net."""
    t = seconds(rng.uniform(0.1, 0.3))
    return loudest_one(shaped(rng.normal(0, 1, len(t)), band(1500, 6000)) * np.exp(-t * 14) * np.minimum(1, t * 30))


def music(rng: Rng, length: float) -> np.ndarray:
    """Music in the breaks: chords, a tune and a drum at a steady beat."""
    sound = np.zeros(int(length * RATE))
    beat = 60 / rng.uniform(70, 175) / rng.choice([1, 2])
    root, scale = rng.uniform(60, 240), np.array([1, 1.122, 1.26, 1.335, 1.498, 1.682, 1.888])
    square, at = rng.random() < 0.5, 0.0
    while at < length:
        held = beat * rng.choice([0.5, 1, 1, 2])
        t = seconds(min(held, length - at))
        note = root * rng.choice(scale) * rng.choice([1, 2, 2, 4, 8])
        turns = note * t
        tone = np.sign(np.sin(TAU * turns)) if square else sum(np.sin(TAU * k * turns) / k for k in range(1, 6))
        start = int(at * RATE)
        part = sound[start : start + len(t)]
        part += (tone * fade(len(t), 0.01, 0.05) * np.exp(-t * rng.uniform(0, 6)) * 0.5)[: len(part)]
        if rng.random() < 0.7:
            hit = seconds(0.12)
            drum = np.sin(TAU * rng.uniform(45, 90) * hit) * np.exp(-hit * 30) + 0.3 * rng.normal(0, 1, len(hit)) * np.exp(-hit * 60)
            part = sound[start : start + len(hit)]
            part += drum[: len(part)]
        at += held
    return loudest_one(sound)


def murmur(rng: Rng, length: float) -> np.ndarray:
    """A hall's bed: many voices, air, a fan; it comes and goes a little."""
    count = int(length * RATE)
    tilt, low, high = rng.uniform(0.2, 1.4), rng.uniform(60, 400), rng.uniform(1200, 6000)
    noise = shaped(rng.normal(0, 1, count), lambda hertz: band(low, high)(hertz) / (1 + hertz / 300) ** tilt)
    noise = noise * np.exp(swinging(rng, count, rng.uniform(0.1, 1.5), rng.uniform(0.05, 0.4)))
    return loudest_one(noise)
