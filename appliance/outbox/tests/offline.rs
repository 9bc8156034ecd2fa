//! A game of four hours of which the network is away for ninety minutes: nothing is lost, and what
//! happens when it is back does not wait for what happened meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use outbox::{Class, Delays, Effect, Item, Key, Limits, Outbox};
use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

const BOOT: BootId = BootId(3);
const LIMITS: Limits = Limits {
    window: 1,
    backlog_unacked_max: 256,
    resend: Delays { first: Duration::from_secs(4), longest: Duration::from_secs(60) },
    puback_timeout: Duration::from_secs(10),
};
const WINDOW: u16 = 32;
const WAY: Duration = Duration::from_millis(50);
/// A message with both encodings takes 10 ms of a slow line.
const ON_THE_LINE: Duration = Duration::from_millis(10);
const ACK_EVERY: Duration = Duration::from_secs(1);

/// A box with its store, a slow line, a broker and a receiver behind it.
struct World {
    now: Monotonic,
    outbox: Outbox,
    stored: BTreeMap<Key, Class>,
    made: BTreeMap<Key, Monotonic>,
    online: bool,
    line_free: Monotonic,
    /// Messages on their way, and when they arrive.
    flying: VecDeque<(Monotonic, Key)>,
    received: BTreeMap<Key, Monotonic>,
    complete: u64,
    /// Sent more than once on one connection.
    again: Vec<Key>,
    next_ack: Monotonic,
    next_seq: u64,
}

impl World {
    fn new() -> Self {
        Self {
            now: Monotonic(0),
            outbox: Outbox::new(BOOT, LIMITS, &[]),
            stored: BTreeMap::new(),
            made: BTreeMap::new(),
            online: false,
            line_free: Monotonic(0),
            flying: VecDeque::new(),
            received: BTreeMap::new(),
            complete: 0,
            again: Vec::new(),
            next_ack: Monotonic(0),
            next_seq: 1,
        }
    }

    fn connect(&mut self) {
        self.online = true;
        self.line_free = self.now;
        self.outbox.handle_connected(WINDOW);
    }

    fn disconnect(&mut self) {
        self.online = false;
        self.flying.clear();
        self.outbox.handle_disconnected();
    }

    /// Something happens; it is durable a moment later.
    fn put(&mut self, class: Class) {
        let key = Key { boot: BOOT, seq: Seq(self.next_seq) };
        self.outbox.handle_put(Item { key, class }).expect("what is stored may leave its shelf");
        self.next_seq += 1;
        self.stored.insert(key, class);
        self.made.insert(key, self.now);
        self.outbox.handle_persisted(key.seq);
        self.act();
    }

    fn act(&mut self) {
        while let Some(effect) = self.outbox.next(self.now) {
            match effect {
                Effect::Send { key, attempt } => {
                    if attempt > 1 {
                        self.again.push(key);
                    }
                    assert!(self.stored.contains_key(&key), "{key:?} was forgotten");
                    self.line_free = self.line_free.max(self.now).plus(ON_THE_LINE);
                    self.flying.push_back((self.line_free.plus(WAY), key));
                }
                Effect::Load(range) => {
                    let inside =
                        self.stored.iter().filter(|(k, _)| **k > range.after && **k < range.before);
                    let items: Vec<Item> = inside
                        .take(range.count.into())
                        .map(|(key, class)| Item { key: *key, class: *class })
                        .collect();
                    self.outbox.handle_loaded(range, &items);
                }
                Effect::Release { boot, upto } => {
                    assert!(upto.0 <= self.complete, "forgotten before it was received");
                    self.stored.retain(|key, _| key.boot != boot || key.seq > upto);
                }
                Effect::Announce => {}
                Effect::Reconnect(reason) => panic!("{reason:?}"),
            }
        }
    }

    fn run_until(&mut self, end: Monotonic) {
        self.act();
        loop {
            let landing = self.flying.front().map(|(at, _)| *at);
            let ack = self.online.then_some(self.next_ack);
            let timer = self.outbox.deadline().map(|(at, _)| at);
            let next = [landing, ack, timer].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at < end) else { break };
            self.now = self.now.max(next);
            while let Some((at, key)) =
                self.flying.front().copied().filter(|(at, _)| *at <= self.now)
            {
                self.flying.pop_front();
                self.received.entry(key).or_insert(at);
                self.outbox.handle_puback(key);
            }
            if self.online && self.next_ack <= self.now {
                while self.received.contains_key(&Key { boot: BOOT, seq: Seq(self.complete + 1) }) {
                    self.complete += 1;
                }
                self.outbox.handle_ack(self.now, BOOT, Seq(self.complete));
                self.next_ack = self.now.plus(ACK_EVERY);
            }
            self.act();
        }
        self.now = end;
    }
}

const fn minutes(minutes: u64) -> Monotonic {
    Monotonic::from_millis(minutes * 60_000)
}

#[test]
fn ninety_minutes_offline_lose_nothing_and_hold_up_nothing_that_happens_afterwards() {
    let mut world = World::new();
    world.connect();
    let (gone, back, end) = (minutes(60), minutes(150), minutes(240));
    let mut number = 0_u64;
    while world.now < end {
        let before = world.now;
        world.put(if number.is_multiple_of(7) { Class::P1 } else { Class::P0 });
        number += 1;
        // Half a second to two, in no rhythm.
        let pause = 500 + (number * 7_919) % 1_500;
        world.run_until(before.plus(Duration::from_millis(pause)));
        if before < gone && world.now >= gone {
            world.disconnect();
        }
        if before < back && world.now >= back {
            world.connect();
        }
    }
    world.run_until(minutes(245));
    assert_eq!(world.received.len() as u64, number, "each was received");
    assert!(world.stored.is_empty(), "the box has forgotten what was received");
    let offline = world.made.values().filter(|at| **at >= gone && **at < back).count();
    // What the box made in the two minutes after it was back, while it caught up.
    let after = world.made.iter().filter(|(_, at)| **at >= back && **at < minutes(152));
    let mut waits: Vec<u64> =
        after.map(|(key, at)| world.received[key].since(*at).as_millis() as u64).collect();
    waits.sort_unstable();
    let caught_up = world.made.iter().filter(|(_, at)| **at < back);
    let caught_up = caught_up.map(|(key, _)| world.received[key]).max().expect("some");
    println!(
        "{number} messages, {offline} of them offline; afterwards {} live ones took {} ms at most; \
         caught up after {} s",
        waits.len(),
        waits.last().expect("some"),
        caught_up.since(back).as_secs()
    );
    // An acknowledgement covers what has nothing missing before it: a message that is left behind
    // holds up all that were sent before it, until they go again.
    let again = world.again.iter().filter(|key| world.made[*key] < back).count();
    assert_eq!(again, 0, "nothing was lost, so no backlog goes again");
    assert!(offline > 4_000, "more than memory holds: {offline}");
    assert!(*waits.last().expect("some") <= 1_000, "a live message waited: {waits:?}");
    assert!(caught_up.since(back) < Duration::from_secs(180), "{caught_up:?}");
}
