//! The sound of a game: crowd, ball, whistle and buzzer, in step with what happens, and what a hall
//! sounds like besides: shoes, voices, music.
//!
//! Mono, 48 kHz. A sound starts at the sample of its instant; the way of sound to the microphone
//! (up to 60 ms in a real hall) is left out, so that picture and sound agree exactly.

use std::io::{self, Write};

use crate::game::Game;
use crate::look::Place;
use crate::play::timeline::{Noise, Sound};
use crate::random::Random;
use crate::wav;

mod voices;

use voices::{Buzzer, Whistle};

/// Samples a second.
pub const RATE: u32 = 48_000;

/// What a hall and its microphone do to sound.
struct Hall {
    /// How whistle and buzzer sound, and how loud they are, 0 to 1.
    whistle: (Whistle, f32),
    buzzer: (Buzzer, f32),
    /// Loudness of crowd and floor, 0 to 1.
    crowd: f32,
    floor: f32,
    /// Squeaks of shoes a second, and how loud they are.
    shoes: (f32, f32),
    /// Loudness of what comes over the loudspeakers; 0 for none.
    loudspeakers: f32,
    /// Highest pitch that the microphone passes on, in Hz.
    bandwidth: f32,
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
        self.add_hall(&mut samples, (&hall, &mut random));
        for sound in &self.timeline.sounds {
            add(&mut samples, sound, (&hall, &mut random));
        }
        add_echo(&mut samples, hall.echo);
        soften(&mut samples, hall.bandwidth);
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
        let whistle = if random.chance(0.5) {
            Whistle::Pea(random.range(2_300.0, 4_200.0), random.range(20.0, 42.0))
        } else {
            let low = random.range(2_400.0, 3_600.0);
            Whistle::Chambers(
                [1.0, random.range(1.03, 1.1), random.range(1.12, 1.25)].map(|r| r * low),
            )
        };
        let buzzer = match random.below(3) {
            0 => Buzzer::Chord(random.range(160.0, 520.0)),
            1 => Buzzer::Horn(random.range(180.0, 420.0)),
            _ => Buzzer::Tone(random.range(300.0, 1_100.0), random.pick(&[0.0, 0.0, 11.0, 60.0])),
        };
        let indoors = self.look.hall.place != Place::Outdoor;
        Hall {
            whistle: (whistle, random.log_range(0.12, 0.6)),
            buzzer: (buzzer, random.log_range(0.2, 0.8)),
            crowd: random.range(quiet, loud),
            floor: random.range(0.15, 0.5),
            echo,
            shoes: (if indoors { random.range(0.0, 0.9) } else { 0.0 }, random.range(0.03, 0.2)),
            loudspeakers: if random.chance(0.5) { random.log_range(0.02, 0.2) } else { 0.0 },
            bandwidth: random.range(4_500.0, 16_000.0),
        }
    }

    /// What sounds in a hall whatever the game does: shoes all the time, voices and music now and
    /// then.
    fn add_hall(&self, samples: &mut [f32], (hall, random): (&Hall, &mut Random)) {
        let seconds = self.config.seconds as f32;
        let (a_second, strength) = hall.shoes;
        for _ in 0..(a_second * seconds) as usize {
            let at = (random.range(0.0, seconds) * RATE as f32) as usize;
            let loud = strength * random.log_range(0.2, 1.0);
            if let Some(rest) = samples.get_mut(at..) {
                voices::squeak(rest, loud, random);
            }
        }
        if hall.loudspeakers == 0.0 {
            return;
        }
        let mut t = random.range(0.0, 20.0);
        while t < seconds {
            let long = random.range(2.0, 9.0);
            let rest = &mut samples[(t * RATE as f32) as usize..];
            if random.chance(0.6) {
                voices::voice(rest, (hall.loudspeakers, long), random);
            } else {
                voices::music(rest, (hall.loudspeakers, long), random);
            }
            t += long + random.range(4.0, 40.0);
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
            voices::thump(rest, (strength, random.range(85.0, 120.0), 0.07), random);
        }
        Noise::Board(speed) => {
            voices::thump(rest, (0.35 * (speed / 6.0).min(1.2), 210.0, 0.09), random);
        }
        Noise::Rim(speed) => {
            let strength = 0.3 * (speed / 5.0).min(1.2);
            voices::ring(rest, (strength, random.range(480.0, 640.0)));
        }
        Noise::Swish => voices::swish(rest, random),
        Noise::Whistle => {
            let (kind, strength) = hall.whistle;
            voices::whistle(rest, (kind, strength, random.range(0.35, 0.9)));
        }
        Noise::Buzzer => {
            let (kind, strength) = hall.buzzer;
            voices::buzzer(rest, (kind, strength, random.range(0.9, 1.8)));
        }
        Noise::Cheer(strength) => {
            let loud = 3.0 * hall.crowd * strength;
            voices::applause(rest, (loud, random.range(1.0, 4.0)), random);
        }
        // The crowd's voice follows its mood.
        Noise::Anticipation | Noise::Sigh => {}
    }
}

fn seconds(index: usize) -> f32 {
    index as f32 / RATE as f32
}

/// A microphone that hears nothing above `bandwidth` Hz: one pole, 6 dB an octave.
fn soften(samples: &mut [f32], bandwidth: f32) {
    let share = 1.0 - (-std::f32::consts::TAU * bandwidth / RATE as f32).exp();
    let mut heard = 0.0;
    for sample in samples {
        heard += share * (*sample - heard);
        *sample = heard;
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
