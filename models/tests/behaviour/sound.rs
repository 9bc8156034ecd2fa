//! The sound lane on sounds that can be made by hand, with the pack that is shipped.

use std::f32::consts::TAU;

use models::lanes::sound::{SoundLane, SoundReading};
use models::manifest::Manifest;
use models::pack::MANIFEST;
use models::spectrum::{BANDS, HOP, SILENCE, Spectrum};
use models::{Engines, Pack};
use wire::time::MediaTime;

use crate::shipped;

const HZ: f32 = 16_000.0;
const BLOCK: usize = 1_600;

fn folder() -> std::path::PathBuf {
    let named = |path: &std::path::PathBuf| path.ends_with("sound");
    shipped::folders().into_iter().find(named).expect("there is a sound pack")
}

fn lane() -> SoundLane {
    let pack = Pack::open(&folder(), &shipped::trust(), &Engines::default()).expect("it is good");
    SoundLane::load(&pack, "full").expect("the tier exists")
}

/// Hears samples from `from` ms on, a block after the other; what was said of each.
fn hear(lane: &mut SoundLane, samples: &[f32], from: i64) -> Vec<Option<SoundReading>> {
    let blocks = samples.chunks_exact(BLOCK).zip((from..).step_by(100));
    let said = |(block, ms)| lane.hear(block, MediaTime::from_millis(ms)).expect("it runs");
    blocks.map(said).collect()
}

/// `seconds` of a quiet hall: noise without any tone.
fn hall(seconds: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut low = 0.0;
    (0..(seconds * HZ) as usize)
        .map(|_| {
            low += 0.2 * (noise() - low);
            0.05 * low
        })
        .collect()
}

fn add(samples: &mut [f32], (from, to): (f32, f32), sound: impl Fn(f32) -> f32) {
    let (first, last) = ((from * HZ) as usize, (to * HZ) as usize);
    for (index, sample) in samples[first..last].iter_mut().enumerate() {
        *sample += sound(index as f32 / HZ);
    }
}

/// A whistle of three chambers.
fn whistle(t: f32) -> f32 {
    0.15 * [2_900.0, 3_080.0, 3_350.0].map(|pitch| (TAU * pitch * t).sin()).iter().sum::<f32>()
}

/// A horn of two saws.
fn horn(t: f32) -> f32 {
    0.2 * [240.0, 302.0].map(|pitch: f32| 2.0 * (pitch * t).fract() - 1.0).iter().sum::<f32>()
}

fn loudest(said: &[Option<SoundReading>], of: fn(&SoundReading) -> f32) -> f32 {
    said.iter().flatten().map(of).fold(0.0, f32::max)
}

#[test]
fn a_tone_is_in_its_band_and_silence_in_none() {
    let mut spectrum = Spectrum::default();
    let tone: Vec<f32> = (0..BLOCK).map(|i| (TAU * 1_000.0 * i as f32 / HZ).sin()).collect();
    let frames = spectrum.hear(&tone);
    assert_eq!(frames.len(), BLOCK / HOP);
    let last = frames[9];
    let loudest = (0..BANDS).max_by(|a, b| last[*a].total_cmp(&last[*b])).expect("64 bands");
    // 1 kHz is 1000 mel; bands are 40.7 mel apart from 185 mel on.
    assert!((18..=20).contains(&loudest), "band {loudest}");
    assert!(last[loudest] > 3.0 && last[50] < 0.0, "{last:?}");
    spectrum.reset();
    let silent = spectrum.hear(&[0.0; BLOCK]);
    assert!(silent.iter().flatten().all(|band| (band - SILENCE).abs() < 1e-3));
}

#[test]
fn samples_in_pieces_give_the_frames_of_the_whole() {
    let tone: Vec<f32> = (0..BLOCK).map(|i| (TAU * 0.01 * (i * i) as f32 / HZ).sin()).collect();
    let whole = Spectrum::default().hear(&tone);
    let mut spectrum = Spectrum::default();
    let pieces: Vec<_> = tone.chunks(HOP).flat_map(|piece| spectrum.hear(piece)).collect();
    assert_eq!(whole, pieces);
}

#[test]
fn a_whistle_and_a_horn_are_heard_when_they_sound_and_nothing_else_is() {
    let mut samples = hall(8.0);
    add(&mut samples, (2.0, 2.5), whistle);
    add(&mut samples, (5.0, 6.2), horn);
    let said = hear(&mut lane(), &samples, 0);
    assert!(said[..9].iter().all(Option::is_none), "the window is not full");
    let during = |from: i64, to: i64| -> Vec<Option<SoundReading>> {
        let inside = |r: &SoundReading| (from..to).contains(&(r.at.0 / 90));
        said.iter().copied().filter(|reading| reading.is_some_and(|r| inside(&r))).collect()
    };
    let (blown, horned) = (during(2_000, 2_500), during(5_000, 6_200));
    assert_eq!((blown.len(), horned.len()), (5, 12), "every block is told once");
    assert!(loudest(&blown, |r| r.whistle) > 0.8, "{blown:?}");
    assert!(loudest(&horned, |r| r.buzzer) > 0.8, "{horned:?}");
    let quiet: Vec<_> = [during(0, 1_900), during(3_000, 4_800), during(7_000, 8_000)].concat();
    assert!(loudest(&quiet, |r| r.whistle.max(r.buzzer)) < 0.5, "{quiet:?}");
}

#[test]
fn what_was_heard_before_a_jump_says_nothing_about_what_comes_after() {
    let mut lane = lane();
    let said = hear(&mut lane, &hall(1.5), 0);
    assert!(said[14].is_some());
    let said = hear(&mut lane, &hall(1.2), 60_000);
    assert!(said[..9].iter().all(Option::is_none) && said[9].is_some());
}

#[test]
fn a_manifest_of_sound_that_contradicts_itself_is_refused_with_the_key() {
    let text = std::fs::read_to_string(folder().join(MANIFEST)).expect("it is there");
    Manifest::parse(&text).expect("it is good as it is");
    for (from, to, key) in [
        ("scale = \"log-mel\"", "scale = \"luma/255\"", "input.scale"),
        ("spacing_ms = 100", "spacing_ms = 50", "input.spacing_ms"),
        ("whistle = 0", "vuvuzela = 0", "output.labels.vuvuzela"),
        ("whistle = 0", "whistle = 5", "output.labels.whistle"),
        ("input_shape = [1, 100, 64]", "input_shape = [1, 100, 40]", "input_shape"),
        ("output_shape = [1, 10, 5]", "output_shape = [1, 9, 5]", "output_shape"),
        ("post = \"sound-blocks\"", "post = \"rim-slots\"", "output.post"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Manifest::parse(&text.replace(from, to)).expect_err(to).to_string();
        assert!(error.contains(key), "{to}: {error}");
    }
}
