//! Audio decoding: times to the sample, continuity, damage. Owns no media; see `media`.

use std::path::Path;

use hal::decode::{AUDIO_HZ, AudioBlock, AudioConfig, DecodeAudio as _, DecodeError};
use libav::audio::Decoder;
use libav::file::{Reader, Track};
use wire::codec::AudioCodec;
use wire::time::MEDIA_HZ;

use crate::media::{self, Studio, with_data};

const VIDEO: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn blocks(path: &Path) -> Vec<AudioBlock> {
    let reader = Reader::open(path).expect("ffmpeg made a readable file");
    let config = reader.audio().expect("the file has sound").config.clone();
    let mut decoder = Decoder::open(&config).expect("the configuration is whole");
    let units = media::units(path, Track::Audio);
    let decode = |unit: &libav::file::Unit| decoder.decode(unit.packet()).expect("sound data");
    units.iter().map(decode).collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Time of the loudest sample, in seconds.
fn click(blocks: &[AudioBlock]) -> f64 {
    let mut loudest = (0.0, 0.0);
    for block in blocks {
        for (i, sample) in block.samples.iter().enumerate() {
            if sample.abs() > loudest.0 {
                let at = block.pts.as_secs_f64() + i as f64 / f64::from(AUDIO_HZ);
                loudest = (sample.abs(), at);
            }
        }
    }
    assert!(loudest.0 > 0.3, "the click is there: {loudest:?}");
    loudest.1
}

#[test]
fn click_is_heard_at_its_time_whatever_the_rate_and_the_container() {
    let Some(studio) = Studio::open() else { return };
    for (name, rate, channels) in [
        ("a.mp4", 48_000, 2),
        ("b.mp4", 44_100, 1),
        ("c.mkv", 32_000, 2),
        ("d.ts", 48_000, 2),
        ("e.flv", 44_100, 2),
        ("f.mp4", 16_000, 1),
        ("g.mp4", 8_000, 1),
    ] {
        let options = format!("{VIDEO} -c:a aac -b:a 128k -ar {rate} -ac {channels}");
        let path = studio.game(name, 100, &options);
        let heard = click(&blocks(&path));
        // The click is 0.5 ms long; FLV and MKV count in milliseconds, the encoder smears a
        // low-rate click.
        let error_ms = (heard - media::CLICK_S - 0.000_25) * 1_000.0;
        assert!(error_ms.abs() < 1.0, "{name}: click heard {error_ms:.2} ms off");
    }
}

#[test]
fn blocks_follow_each_other_without_gap_or_overlap() {
    let Some(studio) = Studio::open() else { return };
    for rate in [44_100, 48_000, 22_050] {
        let options = format!("{VIDEO} -c:a aac -ar {rate}");
        let blocks = blocks(&studio.game("a.mp4", 250, &options));
        let sample = MEDIA_HZ as f64 / f64::from(AUDIO_HZ);
        for pair in blocks.windows(2) {
            let end = pair[0].pts.0 as f64 + pair[0].samples.len() as f64 * sample;
            let gap = pair[1].pts.0 as f64 - end;
            assert!(gap.abs() <= 1.5 * sample, "{rate} Hz: a gap of {gap} ticks");
        }
        let total: usize = blocks.iter().map(|block| block.samples.len()).sum();
        let seconds = total as f64 / f64::from(AUDIO_HZ);
        assert!((seconds - 10.0).abs() < 0.1, "{rate} Hz: {seconds} s of sound");
    }
}

#[test]
fn samples_stay_inside_the_unit_range() {
    let Some(studio) = Studio::open() else { return };
    let blocks = blocks(&studio.game("a.mp4", 50, &format!("{VIDEO} -c:a aac")));
    let inside = |block: &AudioBlock| block.samples.iter().all(|s| s.abs() <= 1.0);
    assert!(blocks.iter().all(inside));
}

#[test]
fn broken_access_unit_is_reported_and_the_next_one_decodes() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.game("a.mp4", 50, &format!("{VIDEO} -c:a aac"));
    let reader = Reader::open(&path).expect("ffmpeg made a readable file");
    let config = reader.audio().expect("the file has sound").config.clone();
    let mut decoder = Decoder::open(&config).expect("the configuration is whole");
    let units = media::units(&path, Track::Audio);
    decoder.decode(units[0].packet()).expect("sound data");
    for data in [&[][..], &[0xff; 40]] {
        let result = decoder.decode(with_data(&units[1], data));
        assert!(matches!(result, Err(DecodeError::Corrupt { pts, .. }) if pts == units[1].pts));
    }
    let block = decoder.decode(units[2].packet()).expect("sound data");
    assert!(block.is_some_and(|block| block.samples.len() > 300));
}

#[test]
fn configuration_that_makes_no_sense_is_refused() {
    for record in [vec![], vec![0xff, 0xff, 0xff]] {
        let result = Decoder::open(&AudioConfig { codec: AudioCodec::Aac, record });
        assert!(matches!(result, Err(DecodeError::Failed { .. })));
    }
}
