//! Messages on their way to the receiver: which one goes next, which one goes again.
//!
//! ```text
//!            next()                 PUBACK                receiver's Ack
//! Waiting ───────────► Flying ───────────────► Broker ───────────────────► (released)
//!    ▲                   │ connection lost       │ connection lost, no Ack in time,
//!    └───────────────────┴───────────────────────┘ or an Ack that stops before it
//! ```
//!
//! Two shelves: `live` (what happened since the connection came) goes before `backlog` (what the
//! store still holds, loaded in portions). The store is the truth; the shelves are bounded views of
//! it, and a live message that is stored may leave its shelf and come back as backlog.

mod shelf;
mod words;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

use crate::backoff::Backoff;
use shelf::{Progress, Shelf};
pub use words::{Counters, Effect, Item, Key, Limits, Loaded, Reconnect, Refused, Wake};

/// Most live messages kept in memory.
pub const LIVE_MAX: usize = 1024;
/// Messages that one load asks for; the backlog shelf holds at most twice as many.
const LOAD_COUNT: u16 = 256;
/// A message that the broker has had for this long should be in the next acknowledgement; one
/// that stops before it makes it go again at once.
const HINT_AGE: Duration = Duration::from_secs(1);
/// Shortest time between two announcements.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);
/// Wait after a load that failed.
const LOAD_RETRY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    Up,
    /// Declared dead; waits for the shell to drop it.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stock {
    /// The store may hold more than the shelves show.
    Maybe,
    Asked,
    /// Everything that the store holds is on the shelves.
    Empty,
    /// The store failed; ask again then.
    Later(Monotonic),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announce {
    No,
    NotBefore(Monotonic),
}

/// The messages' state machine. See the module for the states of one message.
#[derive(Debug)]
pub struct Outbox {
    boot: BootId,
    limits: Limits,
    link: Link,
    live: Shelf,
    backlog: Shelf,
    /// Published and not answered by the broker, with the time; at most a window of them. A
    /// message that the receiver acknowledges first leaves its shelf, but still fills a place.
    flying: Vec<(Key, Monotonic)>,
    stock: Stock,
    /// Everything up to here has been on a shelf.
    cursor: Key,
    last_put: Seq,
    persisted: Seq,
    released: BTreeMap<BootId, Seq>,
    to_release: BTreeMap<BootId, Seq>,
    announce: Announce,
    announced: Option<Monotonic>,
    random: Backoff,
    counters: Counters,
}

impl Outbox {
    /// An outbox of a device's start `boot`, not connected. `held` lists the first message that
    /// the store holds of each earlier boot; other boots' acknowledgements are ignored.
    pub fn new(boot: BootId, limits: Limits, held: &[Key]) -> Self {
        let released =
            held.iter().map(|key| (key.boot, Seq(key.seq.0.saturating_sub(1)))).collect();
        Self {
            boot,
            limits,
            link: Link::Down,
            live: Shelf::default(),
            backlog: Shelf::default(),
            flying: Vec::new(),
            stock: Stock::Maybe,
            cursor: Key::default(),
            last_put: Seq(0),
            persisted: Seq(0),
            released,
            to_release: BTreeMap::new(),
            announce: Announce::No,
            announced: None,
            random: Backoff::new(limits.resend, u64::from(boot.0)),
            counters: Counters::default(),
        }
    }

    /// Whether [`handle_put`](Self::handle_put) would take a message now.
    pub fn has_room(&self) -> bool {
        self.live.len() < LIVE_MAX || self.live.front().is_some_and(|front| self.may_spill(front))
    }

    /// A new message of this boot, to be stored at the same time.
    ///
    /// # Errors
    /// [`Refused`] when there is no room: offer it again after the next
    /// [`handle_persisted`](Self::handle_persisted).
    ///
    /// # Panics
    /// When the key is not newer than all before: the caller numbers messages.
    pub fn handle_put(&mut self, item: Item) -> Result<(), Refused> {
        let newer = item.key.boot == self.boot && item.key.seq > self.last_put;
        assert!(newer, "messages are put in the order of their numbers");
        if !self.has_room() {
            return Err(Refused);
        }
        if self.live.len() == LIVE_MAX {
            self.spill();
        }
        self.last_put = item.key.seq;
        self.live.push(item);
        Ok(())
    }

    /// The store has durably written this boot's messages up to `upto`.
    pub fn handle_persisted(&mut self, upto: Seq) {
        self.persisted = self.persisted.max(upto);
    }

    /// A connection is there; the broker takes `window` messages at once. What waited for it is
    /// backlog, as far as it is stored: what happens from now on does not stand behind it.
    pub fn handle_connected(&mut self, window: u16) {
        self.limits.window = window.max(1);
        self.link = Link::Up;
        self.flying.clear();
        self.live.all_wait();
        self.backlog.all_wait();
        while self.live.front().is_some_and(|front| self.may_spill(front)) {
            self.spill();
        }
    }

    /// The connection is gone: everything that the receiver did not acknowledge goes again.
    pub fn handle_disconnected(&mut self) {
        self.link = Link::Down;
        self.flying.clear();
        self.live.all_wait();
        self.backlog.all_wait();
    }

    /// The broker has taken the message.
    pub fn handle_puback(&mut self, key: Key) {
        self.flying.retain(|(flying, _)| *flying != key);
        let random = self.random.draw();
        let limits = self.limits;
        for shelf in [&mut self.live, &mut self.backlog] {
            if let Some(entry) = shelf.get_mut(key)
                && let Progress::Flying { since } = entry.progress
            {
                let due = since.plus(limits.resend.after(u32::from(entry.attempts), random));
                entry.progress = Progress::Broker { since, due };
            }
        }
    }

    /// The receiver has durably stored everything of `boot` up to `upto`.
    pub fn handle_ack(&mut self, now: Monotonic, boot: BootId, upto: Seq) {
        if boot == self.boot {
            self.released.entry(boot).or_insert(Seq(0));
        }
        let known = boot != self.boot || upto <= self.last_put;
        let Some(released) = self.released.get_mut(&boot).filter(|_| known) else {
            self.counters.bogus_acks += 1;
            return;
        };
        if upto > *released {
            *released = upto;
            self.to_release.insert(boot, upto);
            let gone = self.live.release(boot, upto) + self.backlog.release(boot, upto);
            self.counters.released += gone as u64;
        } else if upto < *released && self.announce == Announce::No {
            let earliest = self.announced.map_or(now, |at| at.plus(ANNOUNCE_EVERY));
            self.announce = Announce::NotBefore(earliest);
        }
        self.backlog.resend_oldest(boot, now, HINT_AGE);
        // What an acknowledgement stops before is the oldest: while there is backlog, that is there.
        if self.backlog.len() == 0 && self.stock == Stock::Empty {
            self.live.resend_oldest(boot, now, HINT_AGE);
        }
    }

    /// Answer to [`Effect::Load`]: `items` in ascending order, fewer than asked for when the
    /// range holds no more.
    pub fn handle_loaded(&mut self, range: Loaded, items: &[Item]) {
        for item in items {
            if self.released.get(&item.key.boot).is_none_or(|upto| item.key.seq > *upto) {
                self.backlog.push(*item);
            }
        }
        let exhausted = items.len() < usize::from(range.count);
        self.cursor = match items.last() {
            Some(last) if !exhausted => last.key,
            Some(_) | None => before(range.before),
        };
        let all = exhausted && self.shelf_start() <= range.before;
        self.stock = if all { Stock::Empty } else { Stock::Maybe };
    }

    /// The store could not answer [`Effect::Load`].
    pub fn handle_load_failed(&mut self, now: Monotonic) {
        self.stock = Stock::Later(now.plus(LOAD_RETRY));
    }

    /// The message is gone from the store and cannot be sent; the caller records the loss.
    pub fn handle_lost(&mut self, key: Key) {
        self.live.forget(key);
        self.backlog.forget(key);
    }

    /// What to do now; call until `None`.
    pub fn next(&mut self, now: Monotonic) -> Option<Effect> {
        if let Some((boot, upto)) = self.to_release.pop_first() {
            return Some(Effect::Release { boot, upto });
        }
        if self.link != Link::Up {
            return None;
        }
        if let Some(key) = self.overdue(now) {
            self.link = Link::Dead;
            return Some(Effect::Reconnect(Reconnect::PubackOverdue(key)));
        }
        if let Announce::NotBefore(at) = self.announce
            && at <= now
        {
            self.announce = Announce::No;
            self.announced = Some(now);
            return Some(Effect::Announce);
        }
        self.live.resend_due(now);
        self.backlog.resend_due(now);
        self.next_send(now).or_else(|| self.next_load(now))
    }

    /// When to call [`next`](Self::next) again at the latest, and why.
    pub fn deadline(&self) -> Option<(Monotonic, Wake)> {
        if self.link != Link::Up {
            return None;
        }
        let announce = match self.announce {
            Announce::No => None,
            Announce::NotBefore(at) => Some((at, Wake::Announce)),
        };
        let load = match self.stock {
            Stock::Later(at) => Some((at, Wake::Load)),
            Stock::Maybe | Stock::Asked | Stock::Empty => None,
        };
        let entries = self.live.iter().chain(self.backlog.iter());
        let resend = entries.filter_map(|entry| match entry.progress {
            Progress::Waiting | Progress::Flying { .. } => None,
            Progress::Broker { due, .. } => Some((due, Wake::Resend)),
        });
        let late = |since: Monotonic| (since.plus(self.limits.puback_timeout), Wake::Puback);
        let puback = self.flying.first().map(|(_, since)| late(*since));
        resend.chain(puback).chain(announce).chain(load).min_by_key(|(at, _)| *at)
    }

    /// This boot's messages that the receiver has not acknowledged, in memory or in the store.
    pub fn owed(&self) -> u64 {
        self.last_put.0 - self.released().0
    }

    /// Messages on the live and on the backlog shelf.
    pub fn on_shelves(&self) -> (usize, usize) {
        (self.live.len(), self.backlog.len())
    }

    /// Nothing is left to be sent or acknowledged, on the shelves or in the store.
    pub fn is_drained(&self) -> bool {
        self.live.len() + self.backlog.len() == 0 && self.stock == Stock::Empty
    }

    /// The newest message of this boot that was put.
    pub const fn last_put(&self) -> Seq {
        self.last_put
    }

    /// Up to here the receiver has this boot's messages.
    pub fn released(&self) -> Seq {
        self.released.get(&self.boot).copied().unwrap_or_default()
    }

    /// What was counted since the start.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Keys on the shelves, for the caller's cache of payloads.
    pub fn keys(&self) -> Vec<Key> {
        self.backlog.iter().chain(self.live.iter()).map(|entry| entry.item.key).collect()
    }

    fn next_send(&mut self, now: Monotonic) -> Option<Effect> {
        if self.flying.len() >= usize::from(self.limits.window) {
            return None;
        }
        let backlog_open = self.backlog.unacked() < usize::from(self.limits.backlog_unacked_max);
        let entry = match self.live.next_waiting() {
            Some(entry) => entry,
            None if backlog_open => self.backlog.oldest_waiting()?,
            None => return None,
        };
        match entry.attempts {
            0 => self.counters.sent += 1,
            _again => self.counters.resent += 1,
        }
        entry.attempts = entry.attempts.saturating_add(1);
        entry.progress = Progress::Flying { since: now };
        let (key, attempt) = (entry.item.key, entry.attempts);
        self.flying.push((key, now));
        Some(Effect::Send { key, attempt })
    }

    fn next_load(&mut self, now: Monotonic) -> Option<Effect> {
        let wanted = match self.stock {
            Stock::Maybe => true,
            Stock::Later(at) => at <= now,
            Stock::Asked | Stock::Empty => false,
        };
        if !wanted || self.backlog.len() > usize::from(LOAD_COUNT) {
            return None;
        }
        self.stock = Stock::Asked;
        let (after, before) = (self.cursor, self.shelf_start());
        Some(Effect::Load(Loaded { after, before, count: LOAD_COUNT }))
    }

    fn overdue(&self, now: Monotonic) -> Option<Key> {
        let (key, since) = self.flying.first()?;
        (now.since(*since) >= self.limits.puback_timeout).then_some(*key)
    }

    /// The first key that is on the live shelf, or would be.
    fn shelf_start(&self) -> Key {
        match self.live.front() {
            Some(front) => front.item.key,
            None => Key { boot: self.boot, seq: Seq(self.last_put.0 + 1) },
        }
    }

    fn may_spill(&self, entry: &shelf::Entry) -> bool {
        // A flying copy must stay, or the same message could fly twice at once.
        let flying = matches!(entry.progress, Progress::Flying { .. });
        entry.item.key.seq <= self.persisted && !flying
    }

    fn spill(&mut self) {
        if let Some(entry) = self.live.pop_front()
            && self.stock == Stock::Empty
        {
            self.cursor = before(entry.item.key);
            self.stock = Stock::Maybe;
        }
    }
}

/// The largest key below one with a number of at least 1.
fn before(key: Key) -> Key {
    Key { boot: key.boot, seq: Seq(key.seq.0.saturating_sub(1)) }
}
