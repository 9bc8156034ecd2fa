//! What acknowledgements tell of the link: how much it carries, how long its way is, and how
//! much longer the way has become.
//!
//! A sample of the rate compares what was delivered between a segment's departure and its answer
//! with the longer of two times: that in which it was sent, and that in which it was answered.
//! So neither answers that come in a bunch nor segments that left in one look like a faster link
//! (delivery-rate estimation as in BBR).

use alloc::collections::VecDeque;
use core::time::Duration;

use wire::time::Monotonic;

/// How long the highest rate counts. Several looks for a higher one fall into it.
const RATE_FOR: Duration = Duration::from_secs(10);
/// How long the shortest way counts, in two halves.
const WAY_HALF: Duration = Duration::from_secs(300);

/// A segment on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    offset: u64,
    bytes: u32,
    sent_at: Monotonic,
    /// When the segment left that the newest answer had answered.
    first_sent: Monotonic,
    delivered: u64,
    delivered_at: Monotonic,
}

/// What one answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) round_trip: Duration,
    pub(super) bytes: u32,
    /// Bytes that had been delivered when it was sent.
    pub(super) delivered_before: u64,
}

/// Segments on their way, and what was delivered.
#[derive(Debug, Default)]
pub(super) struct Flights {
    flying: VecDeque<Flight>,
    bytes: u64,
    delivered: u64,
    delivered_at: Monotonic,
    first_sent: Monotonic,
}

impl Flights {
    pub(super) fn push(&mut self, now: Monotonic, (offset, bytes): (u64, u32)) {
        if self.flying.is_empty() {
            self.first_sent = now;
            self.delivered_at = now;
        }
        self.bytes += u64::from(bytes);
        self.flying.push_back(Flight {
            offset,
            bytes,
            sent_at: now,
            first_sent: self.first_sent,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
        });
    }

    /// The segment at `offset` was answered; `None` for one that does not fly.
    pub(super) fn land(&mut self, now: Monotonic, offset: u64) -> Option<Sample> {
        let index = self.flying.iter().position(|flight| flight.offset == offset)?;
        let flight = self.flying.remove(index)?;
        self.bytes -= u64::from(flight.bytes);
        self.delivered += u64::from(flight.bytes);
        self.delivered_at = now;
        self.first_sent = flight.sent_at;
        let sending = flight.sent_at.since(flight.first_sent);
        let answering = now.since(flight.delivered_at);
        let micros = sending.max(answering).as_micros().max(1) as u64;
        Some(Sample {
            rate: (self.delivered - flight.delivered).saturating_mul(1_000_000) / micros,
            round_trip: now.since(flight.sent_at),
            bytes: flight.bytes,
            delivered_before: flight.delivered,
        })
    }

    pub(super) fn clear(&mut self) {
        self.flying.clear();
        self.bytes = 0;
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.flying.len()
    }

    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// When the newest answer came.
    pub(super) const fn answered_at(&self) -> Monotonic {
        self.delivered_at
    }
}

/// The highest rate of the last seconds, in bytes a second: what the link carries. Most samples
/// are of a link that was not full, and tell less than it carries.
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<(Monotonic, u64)>);

impl Rate {
    /// Keeps the samples that are higher than all later ones: a handful.
    pub(super) fn add(&mut self, now: Monotonic, rate: u64) {
        while self.0.back().is_some_and(|(_, older)| *older <= rate) {
            self.0.pop_back();
        }
        self.0.push_back((now, rate));
        // The last one stays, however old: it is all that is known.
        while self.0.len() > 1 && self.0.front().is_some_and(|(at, _)| now.since(*at) > RATE_FOR) {
            self.0.pop_front();
        }
    }

    /// What was known does not count any more.
    pub(super) fn set(&mut self, now: Monotonic, rate: u64) {
        self.0.clear();
        self.0.push_back((now, rate));
    }

    pub(super) fn get(&self) -> Option<u64> {
        self.0.front().map(|(_, rate)| *rate)
    }
}

/// The shortest round trip of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Of the present half, and of the one before.
    halves: [Option<Duration>; 2],
    since: Monotonic,
}

impl Way {
    pub(super) fn add(&mut self, now: Monotonic, way: Duration) {
        if now.since(self.since) >= WAY_HALF {
            self.halves = [None, self.halves[0]];
            self.since = now;
        }
        let shortest = self.halves[0].map_or(way, |known| known.min(way));
        self.halves[0] = Some(shortest);
    }

    /// What was known does not count any more.
    pub(super) const fn set(&mut self, now: Monotonic, way: Duration) {
        self.halves = [Some(way), None];
        self.since = now;
    }

    pub(super) fn get(&self) -> Option<Duration> {
        self.halves.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Monotonic {
        Monotonic::from_millis(ms)
    }

    #[test]
    fn rate_of_a_full_link_is_what_lies_between_two_answers() {
        let mut flights = Flights::default();
        for n in 0..4 {
            flights.push(ms(0), (n, 1000));
        }
        // The way takes 50 ms, each segment 10.
        assert_eq!(flights.land(ms(60), 0).expect("it flew").rate, 16_666);
        flights.push(ms(60), (4, 1000));
        for n in 1..4 {
            flights.land(ms(60 + 10 * n), n).expect("it flew");
        }
        let sample = flights.land(ms(120), 4).expect("it flew");
        assert_eq!((sample.rate, sample.round_trip.as_millis()), (66_666, 60));
        assert_eq!(flights.bytes(), 0);
    }

    #[test]
    fn answers_in_a_bunch_are_no_faster_link() {
        let mut flights = Flights::default();
        for n in 0..10 {
            flights.push(ms(10 * n), (n, 1000));
        }
        let rates = (0..10).map(|n| flights.land(ms(300), n).expect("it flew").rate);
        assert!(rates.max().expect("ten") <= 1000 * 1000 / 10, "sent at 100 kB/s");
    }

    #[test]
    fn unknown_answer_tells_nothing() {
        assert_eq!(Flights::default().land(ms(1), 7), None);
    }

    #[test]
    fn highest_rate_counts_for_ten_seconds_and_the_last_one_for_ever() {
        let mut rate = Rate::default();
        rate.add(ms(0), 100);
        rate.add(ms(5_000), 80);
        assert_eq!(rate.get(), Some(100));
        rate.add(ms(10_001), 60);
        assert_eq!(rate.get(), Some(80));
        rate.add(ms(99_000), 10);
        assert_eq!(rate.get(), Some(10));
    }

    #[test]
    fn shortest_way_is_forgotten_after_five_to_ten_minutes() {
        let mut way = Way::default();
        way.add(ms(0), Duration::from_millis(50));
        way.add(ms(299_000), Duration::from_millis(90));
        way.add(ms(301_000), Duration::from_millis(90));
        assert_eq!(way.get(), Some(Duration::from_millis(50)));
        way.add(ms(602_000), Duration::from_millis(90));
        assert_eq!(way.get(), Some(Duration::from_millis(90)));
    }
}
