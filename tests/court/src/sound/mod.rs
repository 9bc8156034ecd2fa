//! The sound of a game: crowd, ball, whistle and buzzer, in step with what happens.
//!
//! Mono, 48 kHz. A sound starts at the sample of its instant; the way of sound to the microphone
//! (up to 60 ms in a real hall) is left out, so that picture and sound agree exactly.

use std::f32::consts::TAU;
use std::io::{self, Write};

use crate::game::Game;
use crate::look::Place;
use crate::play::timeline::{Noise, Sound};
use crate::random::Random;
use crate::wav;

/// Samples a second.
pub const RATE: u32 = 48_000;

/// What a hall and its microphone do to sound.
struct Hall {
    /// Pitches of whistle and buzzer, Hz.
    whistle: f32,
    buzzer: f32,
    /// Loudness of crowd and floor, 0 to 1.
    crowd: f32,
    floor: f32,
    /// Share of an echo.
    echo: f32,
}

impl Game {
    /// The game's whole sound, [`RATE`] samples a second, mono.
    #[must_use]
    pub fn sound(&self) -> Vec<i16> {
        let count = (self.config.seconds * f64::from(RATE)).round() as usize;
        let mut random = Random::new(self.config.seed, "sound");
        let hall = self.draw_hall(&mut random);
        let mut samples = vec![0.0f32; count];
        self.add_crowd(&mut samples, (&hall, &mut random));
        for sound in &self.timeline.sounds {
            add(&mut samples, sound, (&hall, &mut random));
        }
        add_echo(&mut samples, hall.echo);
        let gain = random.range(0.5, 0.95);
        samples.iter().map(|s| ((s * gain).tanh() * 30_000.0) as i16).collect()
    }

    /// Writes the game's sound as a WAV file.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_sound(&self, out: impl Write) -> io::Result<()> {
        wav::write(out, RATE, &self.sound())
    }

    fn draw_hall(&self, random: &mut Random) -> Hall {
        let (quiet, loud, echo) = match self.look.hall.place {
            Place::Outdoor => (0.01, 0.06, 0.05),
            Place::Gym => (0.02, 0.12, 0.35),
            Place::Arena => (0.06, 0.25, 0.3),
        };
        Hall {
            whistle: random.range(2300.0, 4200.0),
            buzzer: random.range(180.0, 520.0),
            crowd: random.range(quiet, loud),
            floor: random.range(0.15, 0.5),
            echo,
        }
    }

    /// A murmur that swells with the crowd's mood: noise in two bands, the upper one for cheers.
    fn add_crowd(&self, samples: &mut [f32], (hall, random): (&Hall, &mut Random)) {
        let block = RATE as usize / 50;
        let (mut low, mut band, mut hiss) = (0.0f32, 0.0f32, 0.0f32);
        for (index, part) in samples.chunks_mut(block).enumerate() {
            let t = index as f32 * block as f32 / RATE as f32;
            let mood = self.mood_at(t);
            let murmur = hall.crowd * (0.8 + 0.25 * (t * 0.9).sin());
            let cheer = hall.crowd * mood * 5.0;
            for sample in part {
                let white = random.unit() * 2.0 - 1.0;
                low += 0.045 * (white - low);
                band += 0.16 * (white - band);
                hiss += 0.4 * (white - hiss);
                *sample += murmur * low * 3.0 + cheer * (band - low) + 0.35 * cheer * (hiss - band);
            }
        }
    }
}

/// Adds one sound.
fn add(samples: &mut [f32], sound: &Sound, (hall, random): (&Hall, &mut Random)) {
    let start = (sound.t.max(0.0) * RATE as f32) as usize;
    let Some(rest) = samples.get_mut(start..) else { return };
    match sound.noise {
        Noise::Bounce(speed) => {
            let strength = hall.floor * (speed / 6.0).min(1.2);
            thump(rest, (strength, random.range(85.0, 120.0), 0.07), random);
        }
        Noise::Board(speed) => thump(rest, (0.35 * (speed / 6.0).min(1.2), 210.0, 0.09), random),
        Noise::Rim(speed) => {
            let strength = 0.3 * (speed / 5.0).min(1.2);
            ring(rest, (strength, random.range(480.0, 640.0)));
        }
        Noise::Swish => swish(rest, random),
        Noise::Whistle => whistle(rest, hall.whistle, random.range(0.35, 0.9)),
        Noise::Buzzer => buzzer(rest, hall.buzzer, random.range(0.9, 1.8)),
        // The crowd's voice follows its mood.
        Noise::Anticipation | Noise::Cheer(_) | Noise::Sigh => {}
    }
}

fn seconds(index: usize) -> f32 {
    index as f32 / RATE as f32
}

fn thump(samples: &mut [f32], (strength, pitch, decay): (f32, f32, f32), random: &mut Random) {
    let count = (decay * 5.0 * RATE as f32) as usize;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let click = (random.unit() * 2.0 - 1.0) * (-t * 400.0).exp();
        let body = (TAU * pitch * t * (1.0 + 0.4 * (-t * 60.0).exp())).sin() * (-t / decay).exp();
        *sample += strength * (body + 0.5 * click);
    }
}

fn ring(samples: &mut [f32], (strength, pitch): (f32, f32)) {
    for (index, sample) in samples.iter_mut().take(RATE as usize / 2).enumerate() {
        let t = seconds(index);
        let tone = (TAU * pitch * t).sin() + 0.6 * (TAU * pitch * 2.76 * t).sin();
        *sample += strength * tone * (-t * 14.0).exp();
    }
}

fn swish(samples: &mut [f32], random: &mut Random) {
    let mut low = 0.0;
    for (index, sample) in samples.iter_mut().take(RATE as usize / 4).enumerate() {
        let t = seconds(index);
        let white = random.unit() * 2.0 - 1.0;
        low += 0.3 * (white - low);
        *sample += 0.16 * (white - low) * (t * 25.0).min(1.0) * (-t * 16.0).exp();
    }
}

/// A pea whistle: a high tone that trills.
fn whistle(samples: &mut [f32], pitch: f32, long: f32) {
    let mut phase = 0.0f32;
    let count = (long * RATE as f32) as usize;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let trill = (TAU * 32.0 * t).sin();
        phase = (phase + pitch * (1.0 + 0.035 * trill) / RATE as f32).fract();
        let shape = (t * 90.0).min(1.0) * ((long - t) * 30.0).clamp(0.0, 1.0);
        let tone = (TAU * phase).sin() + 0.25 * (TAU * 2.0 * phase).sin();
        *sample += 0.5 * tone * (0.75 + 0.25 * trill) * shape;
    }
}

/// The table's buzzer: a rough chord.
fn buzzer(samples: &mut [f32], pitch: f32, long: f32) {
    let count = (long * RATE as f32) as usize;
    for (index, sample) in samples.iter_mut().take(count).enumerate() {
        let t = seconds(index);
        let saw = |f: f32| 2.0 * (f * t).fract() - 1.0;
        let shape = (t * 120.0).min(1.0) * ((long - t) * 40.0).clamp(0.0, 1.0);
        *sample +=
            0.38 * (saw(pitch) + 0.7 * saw(pitch * 1.26) + 0.4 * saw(pitch * 2.01)) * shape * 0.5;
    }
}

fn add_echo(samples: &mut [f32], share: f32) {
    for (delay, strength) in [(0.047, 0.6), (0.083, 0.45), (0.131, 0.3)] {
        let gap = (delay * RATE as f32) as usize;
        for index in gap..samples.len() {
            samples[index] += share * strength * samples[index - gap] * 0.6;
        }
    }
}
