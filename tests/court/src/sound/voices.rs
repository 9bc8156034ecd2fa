//! Single sounds, added to the samples from their first one on: referees, the table, the ball,
//! shoes, voices and music. Knows no game.

use std::f32::consts::TAU;

use super::{RATE, seconds};
use crate::random::Random;

/// How a hall's referees whistle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whistle {
    /// A pea in it trills: pitch in Hz, trills a second.
    Pea(f32, f32),
    /// Three chambers without a pea beat: their pitches in Hz.
    Chambers([f32; 3]),
}

/// What the table sounds at the end of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Buzzer {
    /// A rough chord over this pitch in Hz.
    Chord(f32),
    /// An air horn: rounder, slower to speak.
    Horn(f32),
    /// A board's electronic tone, chopped so often a second.
    Tone(f32, f32),
}

pub(super) fn thump(
    samples: &mut [f32],
    (strength, pitch, decay): (f32, f32, f32),
    random: &mut Random,
) {
    let count = (decay * 5.0 * RATE as f32) as usize;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let click = (random.unit() * 2.0 - 1.0) * (-t * 400.0).exp();
        let body = (TAU * pitch * t * (1.0 + 0.4 * (-t * 60.0).exp())).sin() * (-t / decay).exp();
        *sample += strength * (body + 0.5 * click);
    }
}

pub(super) fn ring(samples: &mut [f32], (strength, pitch): (f32, f32)) {
    for (index, sample) in samples.iter_mut().take(RATE as usize / 2).enumerate() {
        let t = seconds(index);
        let tone = (TAU * pitch * t).sin() + 0.6 * (TAU * pitch * 2.76 * t).sin();
        *sample += strength * tone * (-t * 14.0).exp();
    }
}

pub(super) fn swish(samples: &mut [f32], random: &mut Random) {
    let mut low = 0.0;
    for (index, sample) in samples.iter_mut().take(RATE as usize / 4).enumerate() {
        let t = seconds(index);
        let white = random.unit() * 2.0 - 1.0;
        low += 0.3 * (white - low);
        *sample += 0.16 * (white - low) * (t * 25.0).min(1.0) * (-t * 16.0).exp();
    }
}

/// A blow of `long` seconds.
pub(super) fn whistle(samples: &mut [f32], (kind, strength, long): (Whistle, f32, f32)) {
    let mut phases = [0.0f32; 3];
    let count = (long * RATE as f32) as usize;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let shape = (t * 90.0).min(1.0) * ((long - t) * 30.0).clamp(0.0, 1.0);
        // The breath takes a moment to reach its pitch.
        let blown = 1.0 - 0.04 * (-t * 30.0).exp();
        let mut turn = |voice: usize, pitch: f32| {
            phases[voice] = (phases[voice] + pitch * blown / RATE as f32).fract();
            (TAU * phases[voice]).sin()
        };
        let tone = match kind {
            Whistle::Pea(pitch, rate) => {
                let trill = (TAU * rate * t).sin();
                let tone = turn(0, pitch * (1.0 + 0.035 * trill));
                (tone + 0.25 * turn(1, 2.0 * pitch * (1.0 + 0.035 * trill))) * (0.75 + 0.25 * trill)
            }
            Whistle::Chambers([a, b, c]) => 0.45 * (turn(0, a) + turn(1, b) + 0.7 * turn(2, c)),
        };
        *sample += strength * tone * shape;
    }
}

/// The table's signal, `long` seconds of it.
pub(super) fn buzzer(samples: &mut [f32], (kind, strength, long): (Buzzer, f32, f32)) {
    let count = (long * RATE as f32) as usize;
    let mut round = 0.0f32;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let saw = |f: f32| 2.0 * (f * t).fract() - 1.0;
        let end = ((long - t) * 40.0).clamp(0.0, 1.0);
        let (tone, start) = match kind {
            Buzzer::Chord(pitch) => {
                (saw(pitch) + 0.7 * saw(pitch * 1.26) + 0.4 * saw(pitch * 2.01), t * 120.0)
            }
            Buzzer::Horn(pitch) => {
                round += 0.25 * (saw(pitch) + saw(pitch * 1.006) - round);
                (1.4 * round, t * 12.0)
            }
            Buzzer::Tone(pitch, chops) => {
                let on = if chops > 0.0 && (t * chops).fract() > 0.5 { 0.2 } else { 1.0 };
                (1.4 * saw(pitch).signum() * on, t * 200.0)
            }
        };
        *sample += 0.5 * strength * tone * start.min(1.0) * end;
    }
}

/// A shoe on the floor: short, high, gliding, rough.
pub(super) fn squeak(samples: &mut [f32], strength: f32, random: &mut Random) {
    let (pitch, glide) = (random.range(1_000.0, 4_200.0), random.range(0.75, 1.35));
    let (long, rough) = (random.range(0.04, 0.2), random.range(60.0, 220.0));
    let mut phase = 0.0f32;
    for (index, sample) in samples.iter_mut().take((long * RATE as f32) as usize).enumerate() {
        let t = seconds(index);
        phase = (phase + pitch * (1.0 + (glide - 1.0) * t / long) / RATE as f32).fract();
        let tone = (TAU * phase).sin() + 0.5 * (2.0 * TAU * phase).sin();
        let shape = (t * 150.0).min(1.0) * ((long - t) * 60.0).clamp(0.0, 1.0);
        *sample += strength * tone * (0.6 + 0.4 * (TAU * rough * t).sin()) * shape;
    }
}

/// A voice over the loudspeakers that says nothing: `long` seconds of buzzing syllables, each
/// through a resonance of its own.
pub(super) fn voice(samples: &mut [f32], (strength, long): (f32, f32), random: &mut Random) {
    let (pitch, mut left, mut spoken) = (random.range(95.0, 260.0), 0usize, true);
    let (mut phase, mut tune, mut glide, mut formant) = (0.0f32, pitch, 1.0f32, 700.0);
    let (mut low, mut band) = (0.0f32, 0.0f32);
    for sample in samples.iter_mut().take((long * RATE as f32) as usize) {
        if left == 0 {
            spoken = !spoken || random.chance(0.75);
            left = (random.range(0.07, 0.3) * RATE as f32) as usize;
            tune = pitch * random.range(0.85, 1.2);
            // Up to a fourth a second, up or down: nobody holds a note while speaking.
            glide = 1.0 + random.range(-0.35, 0.35) / RATE as f32;
            formant = random.range(350.0, 2_200.0);
        }
        left -= 1;
        tune *= glide;
        phase = (phase + tune / RATE as f32).fract();
        let source = if spoken { 2.0 * phase - 1.0 } else { 0.0 };
        // A state-variable filter rings at the formant.
        let sharp = 2.0 * (TAU * formant / (2.0 * RATE as f32)).sin();
        low += sharp * band;
        band += sharp * (source - low - 0.25 * band);
        *sample += strength * (0.5 * band + 0.4 * low);
    }
}

/// Music over the loudspeakers: a bass drum and broken chords at a steady beat.
pub(super) fn music(samples: &mut [f32], (strength, long): (f32, f32), random: &mut Random) {
    let beat = (60.0 / random.range(80.0, 160.0) / 2.0 * RATE as f32) as usize;
    let root = random.range(110.0, 240.0);
    let mut note = root;
    for (index, sample) in samples.iter_mut().take((long * RATE as f32) as usize).enumerate() {
        if index.is_multiple_of(beat) {
            note = root * random.pick(&[1.0, 1.26, 1.498, 2.0, 2.52, 2.996, 4.0]);
        }
        let t = seconds(index % beat);
        let drum = (TAU * 55.0 * t).sin() * (-t * 25.0).exp();
        let tone = (TAU * note * seconds(index)).sin().signum() * (-t * 6.0).exp();
        *sample += strength * (drum + 0.35 * tone);
    }
}

/// Clapping hands, `long` seconds of them: clicks of a few ms at random times.
pub(super) fn applause(samples: &mut [f32], (strength, long): (f32, f32), random: &mut Random) {
    let a_second = random.range(40.0, 250.0);
    let (mut ring, mut band) = (0.0f32, 0.0f32);
    for (index, sample) in samples.iter_mut().take((long * RATE as f32) as usize).enumerate() {
        let t = seconds(index);
        if random.chance(a_second / RATE as f32) {
            ring += random.range(0.3, 1.0);
        }
        ring *= 0.985;
        let click = ring * (random.unit() * 2.0 - 1.0);
        band += 0.2 * (click - band);
        let shape = (t * 3.0).min(1.0) * ((long - t) * 1.5).clamp(0.0, 1.0);
        *sample += strength * (click - band) * shape;
    }
}
