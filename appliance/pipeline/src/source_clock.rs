//! One source's clock beside the box's: what is known of it, and box times of its media times.
//!
//! Owns a [`Drift`] for each track, the epoch they belong to, and the map of the epoch before, so that
//! what is still on its way when a new one begins keeps its time. Pictures are not resampled and
//! media times are not changed: what is corrected is the box time that a media time is given, without
//! the network's jitter and with the drift, up to [`CORRECTED_PPM`]. Reads no clock.

use std::sync::{Mutex, PoisonError};

use ingest::access_unit::{AccessUnit, Track};
use wire::time::{MediaTime, Monotonic};

use crate::drift::{Drift, Line};

/// Drift that is corrected. Crystals of cameras stay under 100; beyond this it is no clock that
/// drifts, but a source that is played at another speed.
pub const CORRECTED_PPM: f64 = 500.0;

/// Whose clock says when a source's media comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// The sender's: it is measured.
    #[default]
    Sender,
    /// The box's, which plays a file or what it has fetched: there is nothing to measure.
    Box,
}

/// What is known of a source's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Whose clock it is.
    pub pacing: Pacing,
    /// Epochs before this one.
    pub epoch: u32,
    /// Where this epoch begins.
    pub began: MediaTime,
    /// Newest media time that was measured.
    pub at: MediaTime,
    /// How much faster than the box's clock that of the pictures runs, in parts per million, and how
    /// far that may be off.
    pub drift_ppm: Option<(f64, f64)>,
    /// The same of the sound.
    pub sound_drift_ppm: Option<(f64, f64)>,
    /// How much later than the picture of the same media time the sound comes, in µs.
    pub sound_offset_us: Option<f64>,
    map: Option<Map>,
    before: Option<Map>,
}

/// From media time to the box's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Map(Line);

/// Measures one source.
#[derive(Debug, Default)]
pub struct SourceClock {
    video: Drift,
    audio: Drift,
    reading: Reading,
}

/// A [`Reading`] that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Reading>);

impl SourceClock {
    /// From now on media comes at this clock's pace.
    pub fn pace(&mut self, pacing: Pacing) {
        self.reading.pacing = pacing;
    }

    /// What follows from `began` on does not continue what came before.
    pub fn start_epoch(&mut self, began: MediaTime) {
        (self.video, self.audio) = (Drift::default(), Drift::default());
        let Reading { pacing, epoch, map, before, .. } = self.reading;
        self.reading = Reading {
            pacing,
            epoch: epoch.saturating_add(1),
            began,
            at: began,
            before: map.or(before),
            ..Reading::default()
        };
    }

    /// Takes an access unit of the source's timeline; returns whether there is something new to read.
    pub fn handle(&mut self, unit: &AccessUnit) -> bool {
        if self.reading.pacing == Pacing::Box {
            return false;
        }
        let track = match unit.track {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        };
        if !track.handle(unit.dts, unit.arrived) {
            return false;
        }
        let at = self.reading.at.max(unit.dts);
        let delays = self.video.delay_us(at).zip(self.audio.delay_us(at));
        self.reading = Reading {
            at,
            drift_ppm: self.video.line().map(|line| line.drift_ppm()),
            sound_drift_ppm: self.audio.line().map(|line| line.drift_ppm()),
            sound_offset_us: delays.map(|(video, audio)| audio - video),
            map: self.video.line().map(|line| Map(line.limited(CORRECTED_PPM))),
            ..self.reading
        };
        true
    }

    /// What is known.
    pub fn reading(&self) -> Reading {
        self.reading
    }
}

impl Reading {
    /// Whether the pictures' clock is off by more than what is corrected.
    pub fn is_beyond(&self) -> bool {
        // Arrivals are whole microseconds: no estimate is better than one part in a million.
        self.drift_ppm.is_some_and(|(ppm, error)| ppm.abs() - error.max(1.0) > CORRECTED_PPM)
    }

    /// When a picture would have arrived if nothing had held it up on its way. `None` until that is
    /// known, half a minute into an epoch.
    pub fn box_time(&self, at: MediaTime) -> Option<Monotonic> {
        let map = if at >= self.began { self.map } else { self.before };
        map.map(|Map(line)| {
            let media = at.0 as f64 * 100.0 / 9.0;
            // Saturates, and a time before the box's start is its start.
            Monotonic((media + line.delay_us(at)) as u64)
        })
    }
}

impl Shared {
    /// Shows a reading.
    pub fn show(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    /// The last one that was shown.
    pub fn get(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Feeds two minutes of a source whose clock is `ppm` fast, from a media time on, and whose sound
    /// comes 30 ms behind its pictures; every tenth picture is held up by 80 ms.
    fn feed(clock: &mut SourceClock, ppm: f64, from: MediaTime) {
        for number in 0..3_000_i64 {
            let media = from.0 + number * 3_600;
            let sent = 5e6 + (media as f64 / 0.09) / (1.0 + ppm / 1e6);
            for (track, late) in [(Track::Video, 0.0), (Track::Audio, 30_000.0)] {
                let held = if number % 10 == 0 { 80_000.0 } else { 0.0 };
                let (pts, dts) = (MediaTime(media), MediaTime(media));
                let arrived = Monotonic((sent + late + held) as u64);
                let unit =
                    AccessUnit { track, pts, dts, keyframe: true, data: Bytes::new(), arrived };
                clock.handle(&unit);
            }
        }
    }

    fn off_us(reading: &Reading, at: MediaTime, ppm: f64) -> f64 {
        let truth = 5e6 + (at.0 as f64 / 0.09) / (1.0 + ppm / 1e6);
        reading.box_time(at).expect("it is known by now").0 as f64 - truth
    }

    #[test]
    fn box_times_follow_the_drift_and_know_no_jitter() {
        for ppm in [-500.0, -50.0, 200.0, 500.0] {
            let mut clock = SourceClock::default();
            feed(&mut clock, ppm, MediaTime(0));
            let reading = clock.reading();
            let (found, error) = reading.drift_ppm.expect("it is known by now");
            assert!((found - ppm).abs() < 1.0 && error < 1.0, "{found} ± {error} for {ppm}");
            assert!(!reading.is_beyond());
            for second in [60_000, 100_000, 119_000] {
                let off = off_us(&reading, MediaTime::from_millis(second), ppm);
                assert!(off.abs() < 100.0, "{off} µs at {second} ms with {ppm} ppm");
            }
            let offset = reading.sound_offset_us.expect("it is known by now");
            assert!((offset - 30_000.0).abs() < 100.0, "{offset} µs");
        }
    }

    #[test]
    fn beyond_500_ppm_it_is_told_and_corrected_no_further() {
        let mut clock = SourceClock::default();
        feed(&mut clock, 2_000.0, MediaTime(0));
        let reading = clock.reading();
        assert!(reading.is_beyond());
        let (from, to) = (MediaTime::from_millis(60_000), MediaTime::from_millis(120_000));
        let [from, to] = [from, to].map(|at| reading.box_time(at).expect("known").0 as f64);
        assert!(((to - from) / 60e6 - (1.0 - 500e-6)).abs() < 1e-6);
    }

    #[test]
    fn an_epoch_keeps_the_box_times_of_the_one_before() {
        let mut clock = SourceClock::default();
        feed(&mut clock, 100.0, MediaTime(0));
        let late = MediaTime::from_millis(119_900);
        let before = clock.reading().box_time(late);
        let began = MediaTime::from_millis(130_000);
        clock.start_epoch(began);
        let reading = clock.reading();
        assert_eq!((reading.epoch, reading.began, reading.drift_ppm), (1, began, None));
        assert_eq!((reading.box_time(late), reading.box_time(began)), (before, None));
        feed(&mut clock, -100.0, began);
        let reading = clock.reading();
        assert!(off_us(&reading, MediaTime::from_millis(240_000), -100.0).abs() < 100.0);
        assert_eq!(reading.box_time(late), before);
    }

    #[test]
    fn what_the_box_paces_is_not_measured() {
        let mut clock = SourceClock::default();
        clock.pace(Pacing::Box);
        feed(&mut clock, 100.0, MediaTime(0));
        assert_eq!(
            (clock.reading().drift_ppm, clock.reading().box_time(MediaTime(0))),
            (None, None)
        );
    }
}
