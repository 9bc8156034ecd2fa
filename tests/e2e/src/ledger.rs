//! What a subscriber knows after everything it heard: events by their ids, latencies, clips.

use std::collections::{BTreeMap, HashSet};

use wire::board::BoardReading;
use wire::clip::ClipRecord;
use wire::envelope::{Body, Envelope, Notice};
use wire::event::{GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Name, Seq};
use wire::time::WallTime;

use crate::clock::millis_between;
use crate::score::{Moment, is_shot};

/// What a message meant to the ledger.
#[derive(Clone, Debug)]
pub enum News {
    /// An event was heard for the first time.
    Event(GameEvent, Latency),
    /// A later revision of a known event.
    Revision(GameEvent),
    /// A clip was announced.
    Clip(ClipRecord),
    /// Something was lost or is degraded.
    Notice(Notice),
    /// The scoreboard says something new.
    Board(BoardReading),
    /// The message was heard before.
    Duplicate,
}

/// How long after the box had the picture the subscriber had the event.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// When it was heard.
    pub heard: WallTime,
    /// From the arrival of the frame that decided, in ms.
    pub decided_ms: f64,
    /// From the arrival of the frame of the moment itself, in ms.
    pub moment_ms: f64,
}

/// Everything heard so far.
#[derive(Debug, Default)]
pub struct Ledger {
    heard: HashSet<(Name, BootId, Seq)>,
    /// Messages that came again.
    pub duplicates: u64,
    /// The newest revision of each event.
    pub events: BTreeMap<EventId, GameEvent>,
    /// Latencies of the first publications of live shots.
    pub latencies: Vec<Latency>,
    /// Clips by their id.
    pub clips: BTreeMap<ClipId, ClipRecord>,
}

impl Ledger {
    /// Enters one message that was heard at `heard`.
    pub fn enter(&mut self, envelope: Envelope, heard: WallTime) -> News {
        if !self.heard.insert((envelope.dev, envelope.boot, envelope.seq)) {
            self.duplicates += 1;
            return News::Duplicate;
        }
        match envelope.body {
            Body::Game(event) => self.enter_event(event, heard),
            Body::Clip(record) => {
                self.clips.insert(record.id, record.clone());
                News::Clip(record)
            }
            Body::Notice(notice) => News::Notice(notice),
            Body::Board(reading) => News::Board(reading),
        }
    }

    fn enter_event(&mut self, event: GameEvent, heard: WallTime) -> News {
        let known = self.events.get(&event.id).map(|known| known.revision);
        if known.is_none_or(|known| known < event.revision) {
            self.events.insert(event.id, event.clone());
        }
        if known.is_some() || event.revision > 0 {
            return News::Revision(event);
        }
        let latency = Latency {
            heard,
            decided_ms: millis_between(event.decided_arrived, heard),
            moment_ms: millis_between(event.at_arrived, heard),
        };
        if is_shot(event.kind) {
            self.latencies.push(latency);
        }
        News::Event(event, latency)
    }

    /// The shots that stand: published and not retracted.
    pub fn shots(&self) -> Vec<Moment> {
        let standing = self.events.values().filter(|event| event.stage != Stage::Retracted);
        let shots = standing.filter(|event| is_shot(event.kind));
        shots.map(|event| Moment { kind: event.kind, t: event.at.as_secs_f64() }).collect()
    }

    /// Events that were published and retracted later.
    pub fn retracted(&self) -> usize {
        self.events.values().filter(|event| event.stage == Stage::Retracted).count()
    }
}

/// The value below which `share` of the values lie; `None` without values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    // Nearest rank: a p95 of few values is an observed value, not an interpolated one.
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(last)).copied()
}

#[cfg(test)]
mod tests {
    use wire::event::EventKind;
    use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic};
    use wire::units::Permille;

    use super::*;

    fn envelope(seq: u64, number: u32, revision: u8, stage: Stage) -> Envelope {
        let at = MediaTime::from_millis(2_000);
        let event = GameEvent {
            id: EventId { boot: BootId(1), number },
            revision,
            stage,
            kind: EventKind::MadeShot,
            source: "court-1".parse().expect("a name"),
            hoop: None,
            at,
            interval: MediaInterval { start: at, end: at },
            decided_at: at,
            at_arrived: WallTime(1_000_000),
            decided_arrived: WallTime(1_300_000),
            confidence: Permille(900),
            cues: Default::default(),
        };
        Envelope {
            v: 1,
            dev: "court-1".parse().expect("a name"),
            boot: BootId(1),
            seq: Seq(seq),
            ts_us: WallTime(0),
            mono_us: Monotonic(0),
            clock: ClockQuality::Unknown,
            body: Body::Game(event),
        }
    }

    #[test]
    fn latencies_are_of_the_first_publication() {
        let mut ledger = Ledger::default();
        let first = ledger.enter(envelope(1, 1, 0, Stage::Provisional), WallTime(1_400_000));
        let News::Event(_, latency) = first else { panic!("an event: {first:?}") };
        assert!((latency.decided_ms - 100.0).abs() < 1e-9);
        assert!((latency.moment_ms - 400.0).abs() < 1e-9);
        let later = ledger.enter(envelope(2, 1, 1, Stage::Confirmed), WallTime(9_000_000));
        assert!(matches!(later, News::Revision(_)), "{later:?}");
        assert_eq!(ledger.latencies.len(), 1);
        assert_eq!(ledger.shots().len(), 1);
    }

    #[test]
    fn retracted_shot_does_not_stand_whatever_the_order_of_arrival() {
        for order in [[1, 2], [2, 1]] {
            let mut ledger = Ledger::default();
            for seq in order {
                let (revision, stage) =
                    if seq == 1 { (0, Stage::Provisional) } else { (1, Stage::Retracted) };
                ledger.enter(envelope(seq, 1, revision, stage), WallTime(0));
            }
            assert_eq!((ledger.shots().len(), ledger.retracted()), (0, 1), "{order:?}");
        }
    }

    #[test]
    fn same_sequence_number_is_a_duplicate() {
        let mut ledger = Ledger::default();
        ledger.enter(envelope(1, 1, 0, Stage::Provisional), WallTime(0));
        let again = ledger.enter(envelope(1, 1, 0, Stage::Provisional), WallTime(0));
        assert!(matches!(again, News::Duplicate), "{again:?}");
        assert_eq!((ledger.duplicates, ledger.events.len()), (1, 1));
    }

    #[test]
    fn quantiles_are_observed_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), Some(10.0));
        assert_eq!(quantile(&values, 0.95), Some(19.0));
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
