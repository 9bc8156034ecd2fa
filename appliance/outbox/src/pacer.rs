//! When the next segment of a clip may go, and how long it may be: as much as the link carries
//! beside the events, and no queue on the way that an event would have to stand in.
//!
//! ```text
//!             no faster, or a queue             every few seconds
//! Starting ─────────────────────► Draining ──► Cruising ──► Probing ──► Judging
//!    ▲  ▲                           ▲  ▲  ▲       │  ▲ └──── no more ◄─────┤
//!    │  └── it carries more ────────│──│──│───────│──┘─────────────────────┘
//!    │                              │  │  └───────┤ a queue
//!    └ not used for ten seconds     │  │          ▼ no event for a minute
//!                                   │  └──── an event ─── Filling
//!                                   └────────── a queue ─────┘
//! ```
//!
//! What is known of the link comes from the answers to segments alone ([`link`]): the rate is the
//! highest of the last seconds, the way is the shortest of the last minutes. An answer that takes
//! longer than that stood in a queue. A queue that is there when nothing of ours flies is somebody
//! else's, and becomes part of the way: a box yields, but not for ever.

mod link;
mod mode;

use core::time::Duration;

use wire::time::Monotonic;

use link::{Flights, Rate, Sample, Way};
use mode::{After, Mode};

/// Between two looks for a higher rate.
const PROBE_EVERY: Duration = Duration::from_secs(3);
/// A probe is as long as the way and so many segments: fewer tell too little of the rate.
const PROBE_SEGMENTS: u32 = 4;
/// A probe that found so much more, in percent, found another link.
const FASTER: u64 = 110;
/// A round that found less than this, in percent of the one before, ends the start.
const GROWN: u64 = 125;
/// So many such rounds.
const FLAT_ROUNDS: u8 = 2;
/// The answer to the only event of a while may have stood behind something by chance.
const EVENT_QUEUE_MAX: Duration = Duration::from_millis(60);
/// And counts only when segments stand in a queue as well.
const OUR_QUEUE_MIN: Duration = Duration::from_millis(10);
/// Longest time that nothing is sent for the sake of a queue.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// After such a time without an event nobody waits for one, and the link is filled.
const QUIET_AFTER: Duration = Duration::from_secs(60);
/// What was known of a link that was not used for so long is a guess.
const STALE_AFTER: Duration = Duration::from_secs(10);
/// A timer that is late may be made up for.
const LATE_MAX: Duration = Duration::from_millis(10);
/// The first guess at a link, in bytes a second: 1 Mbit/s.
const RATE_GUESS: u64 = 125_000;
/// And at its way.
const WAY_GUESS: Duration = Duration::from_millis(50);
/// Slower than this no link is taken for, in bytes a second.
const RATE_MIN: u64 = 2_000;

/// Sizes that the broker and the operator set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Shortest and longest segment in bytes.
    pub segment_bytes: (u32, u32),
    /// Most segments that the broker has not answered.
    pub window: u16,
    /// Most bytes of them.
    pub flying_bytes_max: u64,
    /// Most bytes a second, whatever the link carries.
    pub ceiling: Option<u32>,
}

/// From the departure of a segment to its answer, and all answers in between.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// Ends with the answer to a segment that left when so much had been delivered.
    until: u64,
    queue: Option<Duration>,
    rate: u64,
}

/// The pace of one connection's segments. See the module.
#[derive(Debug)]
pub struct Pacer {
    terms: Terms,
    mode: Mode,
    flights: Flights,
    rate: Rate,
    way: Way,
    event_way: Way,
    round: Round,
    next_at: Monotonic,
    last_event: Monotonic,
}

/// What the pacer knows of its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it carries, in bytes of segments a second.
    pub rate: u64,
    /// The shortest time from a segment's departure to its answer.
    pub round_trip: Duration,
}

impl Pacer {
    /// A pacer that knows nothing of its link.
    pub fn new(now: Monotonic, terms: Terms) -> Self {
        Self {
            terms,
            mode: Mode::START,
            flights: Flights::default(),
            rate: Rate::default(),
            way: Way::default(),
            event_way: Way::default(),
            round: Round { until: 0, queue: None, rate: 0 },
            next_at: now,
            last_event: now,
        }
    }

    /// A connection is there, and says what it takes.
    pub const fn handle_connected(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// The connection is gone, and with it what flew.
    pub fn handle_disconnected(&mut self) {
        self.flights.clear();
        self.mode = Mode::START;
    }

    /// An event is on its way: segments make room from now on.
    pub fn handle_event(&mut self, now: Monotonic) {
        self.last_event = now;
        if self.mode == Mode::Filling {
            self.mode = Mode::Draining { since: now };
        }
    }

    /// The broker answered an event after `round_trip`.
    pub fn handle_event_answered(&mut self, now: Monotonic, round_trip: Duration) {
        self.event_way.add(now, round_trip);
        let queue = round_trip.saturating_sub(self.event_way.get().unwrap_or(round_trip));
        let ours = self.flights.bytes() > 0;
        if ours
            && queue > EVENT_QUEUE_MAX
            && self.round.queue.is_some_and(|ours| ours > OUR_QUEUE_MIN)
        {
            self.yield_to(now, self.round.rate);
        }
    }

    /// A segment leaves.
    pub fn handle_sent(&mut self, now: Monotonic, offset: u64, bytes: u32) {
        self.flights.push(now, (offset, bytes));
        let gap = Duration::from_micros(u64::from(bytes) * 1_000_000 / self.pace().max(1));
        let earliest = Monotonic(now.0.saturating_sub(LATE_MAX.min(gap).as_micros() as u64));
        self.next_at = self.next_at.max(earliest).plus(gap);
    }

    /// The broker answered a segment.
    pub fn handle_answered(&mut self, now: Monotonic, offset: u64) {
        let Some(sample) = self.flights.land(now, offset) else { return };
        self.way.add(now, sample.round_trip);
        let way = self.way.get().unwrap_or_default() + self.time_of(sample.bytes);
        let queue = sample.round_trip.saturating_sub(way);
        self.round.queue = Some(self.round.queue.map_or(queue, |known| known.min(queue)));
        self.round.rate = self.round.rate.max(sample.rate);
        self.rate.add(now, sample.rate.max(RATE_MIN));
        let is_over = match self.mode {
            Mode::Probing { .. } => false,
            Mode::Judging { until, .. } => self.flights.delivered() >= until,
            Mode::Starting { .. }
            | Mode::Draining { .. }
            | Mode::Cruising { .. }
            | Mode::Filling => sample.delivered_before >= self.round.until,
        };
        if is_over {
            self.end_round(now, sample);
        }
        self.end_drain(now);
    }

    /// How long the next segment may be if it may go now.
    pub fn admit(&mut self, now: Monotonic) -> Option<u32> {
        self.turn(now);
        let full = self.flights.len() >= usize::from(self.terms.window)
            || self.flights.bytes() >= self.flying_max();
        let early = self.next_at > now;
        let draining = matches!(self.mode, Mode::Draining { .. });
        (!full && !early && !draining).then(|| self.segment())
    }

    /// When [`admit`](Self::admit) may say yes without an answer having come.
    pub fn deadline(&self) -> Option<Monotonic> {
        if let Mode::Draining { since } = self.mode {
            return Some(since.plus(DRAIN_MAX));
        }
        let open = self.flights.len() < usize::from(self.terms.window)
            && self.flights.bytes() < self.flying_max();
        open.then_some(self.next_at)
    }

    /// What is known of the link; `None` before the first answer.
    pub fn link(&self) -> Option<Link> {
        Some(Link { rate: self.rate.get()?, round_trip: self.way.get()? })
    }

    /// Changes of mode that only time brings.
    fn turn(&mut self, now: Monotonic) {
        let quiet = now.since(self.last_event) >= QUIET_AFTER;
        let idle = self.flights.len() == 0 && self.rate.get().is_some();
        if idle && now.since(self.flights.answered_at()) >= STALE_AFTER {
            let guess = self.known_rate() / 2;
            self.rate.set(now, guess.max(RATE_MIN));
            self.mode = Mode::START;
        }
        match self.mode {
            Mode::Draining { since } if now.since(since) >= DRAIN_MAX => {
                self.cruise(now, After::Drain);
            }
            Mode::Cruising { .. } if quiet => self.mode = Mode::Filling,
            Mode::Cruising { probe_at, .. } if probe_at <= now => {
                let way = self.way.get().unwrap_or(WAY_GUESS);
                let until = now.plus(way + PROBE_SEGMENTS * self.time_of(self.segment()));
                self.mode = Mode::Probing { before: self.known_rate(), until };
                self.begin_round();
            }
            Mode::Probing { before, until } if until <= now => {
                let until = self.flights.delivered() + self.flights.bytes();
                self.mode = Mode::Judging { before, until };
            }
            Mode::Starting { .. }
            | Mode::Draining { .. }
            | Mode::Cruising { .. }
            | Mode::Probing { .. }
            | Mode::Judging { .. }
            | Mode::Filling => {}
        }
    }

    fn end_round(&mut self, now: Monotonic, sample: Sample) {
        let (queue, rate) = (self.round.queue.unwrap_or_default(), self.round.rate);
        self.begin_round();
        if queue > self.mode.queue_max(self.time_of(sample.bytes)) {
            return match self.mode {
                // A moment ago nothing of ours was on the way: this queue is somebody else's.
                Mode::Cruising { after: After::Drain, .. } => {
                    let way = self.way.get().unwrap_or_default() + queue;
                    self.way.set(now, way);
                    self.cruise(now, After::Round);
                }
                Mode::Starting { .. }
                | Mode::Draining { .. }
                | Mode::Cruising { .. }
                | Mode::Probing { .. }
                | Mode::Judging { .. }
                | Mode::Filling => self.yield_to(now, rate),
            };
        }
        match self.mode {
            Mode::Starting { grown, flat } => {
                self.mode = match () {
                    () if rate * 100 >= grown * GROWN => Mode::Starting { grown: rate, flat: 0 },
                    () if flat + 1 < FLAT_ROUNDS => Mode::Starting { grown, flat: flat + 1 },
                    () => Mode::Draining { since: now },
                };
            }
            Mode::Judging { before, .. } if rate * 100 >= before * FASTER => {
                self.mode = Mode::Starting { grown: rate, flat: 0 };
            }
            Mode::Judging { .. } => self.cruise(now, After::Round),
            Mode::Cruising { probe_at, .. } => {
                self.mode = Mode::Cruising { probe_at, after: After::Round };
            }
            Mode::Draining { .. } | Mode::Probing { .. } | Mode::Filling => {}
        }
    }

    const fn cruise(&mut self, now: Monotonic, after: After) {
        self.mode = Mode::Cruising { probe_at: now.plus(PROBE_EVERY), after };
    }

    /// There is a queue: what the last round delivered is what the link carries, and nothing goes
    /// until the queue is gone.
    fn yield_to(&mut self, now: Monotonic, rate: u64) {
        self.begin_round();
        if matches!(self.mode, Mode::Draining { .. }) {
            return;
        }
        self.rate.set(now, rate.max(RATE_MIN));
        self.mode = Mode::Draining { since: now };
    }

    /// So little flies that no queue of ours is left.
    fn end_drain(&mut self, now: Monotonic) {
        let Mode::Draining { .. } = self.mode else { return };
        let few = self.flights.len() <= 1 || self.flights.bytes() <= self.product() / 2;
        if !few {
            return;
        }
        self.begin_round();
        self.next_at = self.next_at.max(now);
        self.cruise(now, After::Drain);
    }

    fn begin_round(&mut self) {
        self.round = Round { until: self.flights.delivered(), queue: None, rate: 0 };
    }

    /// Bytes a second at which segments leave now.
    fn pace(&self) -> u64 {
        self.bounded(self.known_rate().saturating_mul(self.mode.share()) / 100)
    }

    /// Not more than the operator allows.
    fn bounded(&self, rate: u64) -> u64 {
        self.terms.ceiling.map_or(rate, |ceiling| rate.min(ceiling.into()))
    }

    fn known_rate(&self) -> u64 {
        self.rate.get().unwrap_or(RATE_GUESS)
    }

    /// Bytes that the link itself holds.
    fn product(&self) -> u64 {
        let way = self.way.get().unwrap_or(WAY_GUESS);
        self.known_rate().saturating_mul(way.as_micros() as u64) / 1_000_000
    }

    fn flying_max(&self) -> u64 {
        let most = self.mode.flying_max(self.product(), self.segment().into());
        most.min(self.terms.flying_bytes_max)
    }

    fn segment(&self) -> u32 {
        let (least, most) = self.terms.segment_bytes;
        let micros = self.mode.segment_time().as_micros() as u64;
        let bytes = self.bounded(self.known_rate()).saturating_mul(micros) / 1_000_000;
        u32::try_from(bytes).unwrap_or(u32::MAX).max(least).min(most.max(1))
    }

    /// Time that so many bytes take on the link.
    fn time_of(&self, bytes: u32) -> Duration {
        Duration::from_micros(u64::from(bytes) * 1_000_000 / self.known_rate().max(1))
    }
}
