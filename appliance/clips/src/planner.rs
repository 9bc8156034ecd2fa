//! The planner of one source: which stretches become clips, and when each is complete.
//!
//! It owns the list of pending plans, bounded by [`PLANS_MAX`] with a counted refusal, and the
//! ids of events that were handed out lately, so that a later revision of an event does not cut
//! the same moment twice. It must not know files, GOPs or wall time.
//!
//! ```text
//! event ─► new plan ──────┐            now >= plan.end
//! event ─► joins a plan ──┴─► pending ─────────────────► next() ─► cutter
//! retraction ─► leaves its plan; a plan without events disappears
//! ```

use core::fmt;

use heapless::{Deque, Vec};
use wire::clip::{CLIP_EVENTS_MAX, ClipEvent};
use wire::event::EventKind;
use wire::ids::EventId;
use wire::time::{MediaInterval, MediaSpan, MediaTime};

/// Most plans that wait for their end. REFUSE: one more event that fits none of them is refused
/// and counted in [`Planner::refused_total`].
pub const PLANS_MAX: usize = 16;

/// How many events that were handed out in plans are remembered, to recognise later revisions.
pub const RECENT_MAX: usize = 64;

/// How much of the game around an event a clip shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pre_roll: MediaSpan,
    post_roll: MediaSpan,
    length_max: MediaSpan,
}

/// Why a [`Config`] is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A roll is negative, or both are zero.
    Rolls,
    /// The two rolls together are longer than the longest clip.
    LongerThanMax,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rolls => {
                "pre-roll and post-roll must not be negative and not both be zero, because the \
                 clip would show nothing; write for example 6.0 and 4.0 seconds"
            }
            Self::LongerThanMax => {
                "pre-roll and post-roll together are longer than the longest clip; shorten them \
                 or raise the longest clip's length"
            }
        })
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Longest clip that overlapping events merge into, unless configured otherwise: 30 s.
    pub const LENGTH_MAX: MediaSpan = MediaSpan::from_millis(30_000);

    /// A configuration that shows `pre_roll` before and `post_roll` after each event and merges
    /// overlapping clips up to `length_max`.
    ///
    /// # Errors
    /// [`ConfigError`] if the spans cannot work together.
    pub const fn new(
        pre_roll: MediaSpan,
        post_roll: MediaSpan,
        length_max: MediaSpan,
    ) -> Result<Self, ConfigError> {
        if pre_roll.0 < 0 || post_roll.0 < 0 || pre_roll.0.saturating_add(post_roll.0) == 0 {
            return Err(ConfigError::Rolls);
        }
        if pre_roll.0.saturating_add(post_roll.0) > length_max.0 {
            return Err(ConfigError::LongerThanMax);
        }
        Ok(Self { pre_roll, post_roll, length_max })
    }

    /// What one event alone would show. The timeline starts at zero, so the start is never
    /// negative; the end is never before the start, even for an impossible event before zero.
    fn window(&self, at: MediaTime) -> MediaInterval {
        let start = at.minus(self.pre_roll).max(MediaTime(0));
        MediaInterval { start, end: at.plus(self.post_roll).max(start) }
    }
}

/// An event that deserves a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipRequest {
    /// Which event. A later revision carries the same id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Its moment on the source's timeline.
    pub at: MediaTime,
}

/// A stretch of the source's timeline that becomes one clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipPlan {
    /// What the clip should show; the cutter snaps it to frames.
    pub interval: MediaInterval,
    /// The events it shows, in the order in which they were reported. Never empty.
    pub events: Vec<ClipEvent, CLIP_EVENTS_MAX>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It started a plan of its own.
    New,
    /// It joined a plan that was waiting.
    Merged,
    /// It was in a plan already; the plan follows the event's latest moment.
    Updated,
    /// A plan with this event was handed out before: nothing to do.
    AlreadyPlanned,
}

/// [`PLANS_MAX`] plans are waiting and the event fits none of them; it was counted and gets no
/// clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no clip planned: {PLANS_MAX} clips of this source are waiting for their end; \
             shorten the post-roll or request fewer kinds of events"
        )
    }
}

impl core::error::Error for Refused {}

/// What a retraction changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retracted {
    /// The event left a plan that still has others.
    Event,
    /// It was its plan's only event: the plan is gone.
    Plan,
    /// The clip was handed out before: it exists or will, and the retraction of the event tells
    /// subscribers what it is worth.
    TooLate,
    /// No plan ever had it.
    Unknown,
}

/// The clip planner of one source and one boot.
#[derive(Clone, Debug)]
pub struct Planner {
    config: Config,
    pending: Vec<ClipPlan, PLANS_MAX>,
    recent: Deque<EventId, RECENT_MAX>,
    refused_total: u32,
}

impl Planner {
    /// A planner without plans.
    pub const fn new(config: Config) -> Self {
        Self { config, pending: Vec::new(), recent: Deque::new(), refused_total: 0 }
    }

    /// Takes in an event, provisional or confirmed. Its window joins a waiting plan that it
    /// overlaps when the result is not too long; otherwise it becomes a plan of its own.
    /// A window that has already passed is due at the next [`next`](Self::next).
    ///
    /// # Errors
    /// [`Refused`] if the list is full.
    pub fn handle_event(&mut self, request: &ClipRequest) -> Result<Accepted, Refused> {
        if self.recent.iter().any(|id| *id == request.id) {
            return Ok(Accepted::AlreadyPlanned);
        }
        let known = self.find(request.id);
        if let Some((plan, event)) = known {
            if self.pending.get(plan).and_then(|p| p.events.get(event)).map(|e| e.at)
                == Some(request.at)
            {
                return Ok(Accepted::Updated);
            }
            self.remove(plan, event);
        }
        let event = ClipEvent { id: request.id, at: request.at };
        let outcome = self.insert(event)?;
        Ok(if known.is_some() { Accepted::Updated } else { outcome })
    }

    /// Takes an event back. Only a plan that has not been handed out changes.
    pub fn retract(&mut self, id: EventId) -> Retracted {
        match self.find(id) {
            Some((plan, event)) => {
                if self.remove(plan, event) {
                    Retracted::Plan
                } else {
                    Retracted::Event
                }
            }
            None if self.recent.iter().any(|r| *r == id) => Retracted::TooLate,
            None => Retracted::Unknown,
        }
    }

    /// Hands out the plan that ended first, if its end has been reached. Call until `None`.
    /// With `MediaTime(i64::MAX)` every pending plan is handed out: a source that ended.
    pub fn next(&mut self, now: MediaTime) -> Option<ClipPlan> {
        let first = self.first_due()?;
        if self.pending.get(first)?.interval.end > now {
            return None;
        }
        let plan = self.pending.remove(first);
        for event in &plan.events {
            if self.recent.is_full() {
                self.recent.pop_front();
            }
            // There is room: one was just taken out if it was full.
            let _ = self.recent.push_back(event.id);
        }
        Some(plan)
    }

    /// When the next plan is due.
    pub fn deadline(&self) -> Option<MediaTime> {
        self.first_due().and_then(|i| self.pending.get(i)).map(|plan| plan.interval.end)
    }

    /// The plans that wait for their end, in no particular order.
    pub fn pending(&self) -> &[ClipPlan] {
        &self.pending
    }

    /// Events that got no clip because [`PLANS_MAX`] plans were waiting.
    pub const fn refused_total(&self) -> u32 {
        self.refused_total
    }

    fn first_due(&self) -> Option<usize> {
        (0..self.pending.len()).min_by_key(|i| {
            self.pending.get(*i).map(|plan| (plan.interval.end, plan.interval.start))
        })
    }

    fn find(&self, id: EventId) -> Option<(usize, usize)> {
        self.pending.iter().enumerate().find_map(|(p, plan)| {
            plan.events.iter().position(|event| event.id == id).map(|e| (p, e))
        })
    }

    fn insert(&mut self, event: ClipEvent) -> Result<Accepted, Refused> {
        let window = self.config.window(event.at);
        let fits = |plan: &ClipPlan| {
            !plan.events.is_full()
                && touch(plan.interval, window)
                && length(union(plan.interval, window)) <= self.config.length_max
        };
        // The plan that grows least: events in the middle of a busy stretch do not stretch it.
        let best = (0..self.pending.len())
            .filter(|i| self.pending.get(*i).is_some_and(fits))
            .min_by_key(|i| {
                self.pending
                    .get(*i)
                    .map(|p| length(union(p.interval, window)).0 - length(p.interval).0)
            });
        if let Some(plan) = best.and_then(|i| self.pending.get_mut(i)) {
            plan.interval = union(plan.interval, window);
            // `fits` checked that there is room.
            let _ = plan.events.push(event);
            self.join_neighbours();
            return Ok(Accepted::Merged);
        }
        let mut events = Vec::new();
        // One event fits into an empty list.
        let _ = events.push(event);
        self.pending.push(ClipPlan { interval: window, events }).map_err(|_| {
            self.refused_total = self.refused_total.saturating_add(1);
            Refused
        })?;
        Ok(Accepted::New)
    }

    /// An event between two plans makes them touch: join them when the result is allowed.
    fn join_neighbours(&mut self) {
        let allowed = |a: &ClipPlan, b: &ClipPlan| {
            touch(a.interval, b.interval)
                && length(union(a.interval, b.interval)) <= self.config.length_max
                && a.events.len() + b.events.len() <= CLIP_EVENTS_MAX
        };
        let pair = (0..self.pending.len()).find_map(|i| {
            let first = self.pending.get(i)?;
            (i + 1..self.pending.len())
                .find(|j| self.pending.get(*j).is_some_and(|second| allowed(first, second)))
                .map(|j| (i, j))
        });
        if let Some((i, j)) = pair {
            let second = self.pending.remove(j);
            if let Some(first) = self.pending.get_mut(i) {
                first.interval = union(first.interval, second.interval);
                // `allowed` checked that there is room.
                let _ = first.events.extend_from_slice(&second.events);
            }
        }
    }

    /// Takes an event out of its plan; true if the plan went with it.
    fn remove(&mut self, plan: usize, event: usize) -> bool {
        let Some(entry) = self.pending.get_mut(plan) else { return false };
        entry.events.remove(event);
        let windows = entry.events.iter().map(|e| self.config.window(e.at));
        match windows.reduce(union) {
            Some(interval) => {
                entry.interval = interval;
                false
            }
            None => {
                self.pending.remove(plan);
                true
            }
        }
    }
}

fn touch(a: MediaInterval, b: MediaInterval) -> bool {
    a.start <= b.end && b.start <= a.end
}

fn union(a: MediaInterval, b: MediaInterval) -> MediaInterval {
    MediaInterval { start: a.start.min(b.start), end: a.end.max(b.end) }
}

fn length(interval: MediaInterval) -> MediaSpan {
    interval.end.since(interval.start)
}
