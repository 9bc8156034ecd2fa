"""Owns what the sound lane hears: log-mel spectra, as `models/src/mel.rs` computes them. Knows no labels.

16 kHz mono; windows of 25 ms every 10 ms; 64 bands from 125 to 7500 Hz; ln(magnitude + 0.001). These are the spectra
of YAMNet, so that foreign networks for sound can be taken over.
"""

import numpy as np

RATE = 16_000
WINDOW, HOP, FFT = 400, 160, 512
BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 125.0, 7500.0
FLOOR = 0.001


def mel_of(hertz: np.ndarray | float) -> np.ndarray:
    """Pitch in mel, HTK's formula."""
    return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)


def filters() -> np.ndarray:
    """Weights f32 `[257, 64]`: what each bin of the spectrum gives to each band."""
    bins = mel_of(np.arange(FFT // 2 + 1) * RATE / FFT)[:, None]
    edges = np.linspace(mel_of(LOWEST_HZ), mel_of(HIGHEST_HZ), BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clip(0)
    weights[0] = 0
    return weights.astype(np.float32)


_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_FILTERS = filters()


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Spectra f32 `[frames, 64]` of samples f32 `[n]` in -1..1; frame `i` has seen `samples[160 i : 160 i + 400]`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * _HANN, FFT)).astype(np.float32)
    return np.log(spectrum @ _FILTERS + FLOOR)
