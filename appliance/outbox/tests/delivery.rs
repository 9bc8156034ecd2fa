//! The message outbox in a world that loses everything that may be lost: connections, what the
//! broker had taken, acknowledgements. Whatever happens first, once the world is kind again every
//! message is at the receiver and the box has forgotten it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use outbox::{Class, Delays, Effect, Item, Key, Limits, Outbox};
use proptest::prelude::*;
use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

const BOOT: BootId = BootId(9);
const LIMITS: Limits = Limits {
    window: 8,
    backlog_unacked_max: 16,
    resend: Delays { first: Duration::from_secs(4), longest: Duration::from_secs(60) },
    puback_timeout: Duration::from_secs(10),
};

#[derive(Clone, Debug)]
enum Step {
    Put(Class),
    Persist,
    Connect(u16),
    Disconnect,
    /// The broker takes the oldest flying message and passes it on, or loses it afterwards.
    Puback(Fate),
    /// The receiver acknowledges each boot; `Lost` acknowledgements never arrive.
    Acknowledge(Fate),
    Pass(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
}

struct World {
    now: Monotonic,
    outbox: Outbox,
    /// What the box's store holds durably, and what waits to become durable.
    stored: BTreeSet<Key>,
    unstored: Vec<Key>,
    classes: BTreeMap<Key, Class>,
    connected: bool,
    window: u16,
    flying: VecDeque<Key>,
    received: BTreeSet<Key>,
    next: u64,
}

impl World {
    /// A box that starts with `earlier` messages of two earlier boots in its store.
    fn new(earlier: u64) -> Self {
        let key = |n: u64| Key { boot: BootId(7 + (n % 2) as u32), seq: Seq(1 + n / 2) };
        let stored: BTreeSet<Key> = (0..earlier).map(key).collect();
        let mut first: BTreeMap<BootId, Key> = BTreeMap::new();
        for key in &stored {
            first.entry(key.boot).or_insert(*key);
        }
        let held: Vec<Key> = first.into_values().collect();
        let classes = stored.iter().map(|key| (*key, Class::P0)).collect();
        Self {
            now: Monotonic(0),
            outbox: Outbox::new(BOOT, LIMITS, &held),
            stored,
            unstored: Vec::new(),
            classes,
            connected: false,
            window: 1,
            flying: VecDeque::new(),
            received: BTreeSet::new(),
            next: 1,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Put(class) => self.put(class),
            Step::Persist => self.persist(),
            Step::Connect(window) => self.connect(window),
            Step::Disconnect => self.disconnect(),
            Step::Puback(fate) => self.puback(fate),
            Step::Acknowledge(fate) => self.acknowledge(fate),
            Step::Pass(ms) => self.now = self.now.plus(Duration::from_millis(ms)),
        }
        self.act();
    }

    fn put(&mut self, class: Class) {
        let key = Key { boot: BOOT, seq: Seq(self.next) };
        if self.outbox.handle_put(Item { key, class }).is_ok() {
            self.next += 1;
            self.unstored.push(key);
            self.classes.insert(key, class);
        }
    }

    fn persist(&mut self) {
        self.stored.extend(self.unstored.drain(..));
        self.outbox.handle_persisted(Seq(self.next - 1));
    }

    fn connect(&mut self, window: u16) {
        self.disconnect();
        self.connected = true;
        self.window = window;
        self.outbox.handle_connected(window);
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.flying.clear();
        self.outbox.handle_disconnected();
    }

    fn puback(&mut self, fate: Fate) {
        if let Some(key) = self.flying.pop_front() {
            if fate == Fate::Arrives {
                self.received.insert(key);
            }
            self.outbox.handle_puback(key);
        }
    }

    fn complete_upto(&self, boot: BootId) -> Seq {
        let mut upto = 0;
        while self.received.contains(&Key { boot, seq: Seq(upto + 1) }) {
            upto += 1;
        }
        Seq(upto)
    }

    fn acknowledge(&mut self, fate: Fate) {
        if fate == Fate::Lost || !self.connected {
            return;
        }
        for boot in [BootId(7), BootId(8), BOOT] {
            let upto = self.complete_upto(boot);
            self.outbox.handle_ack(self.now, boot, upto);
        }
    }

    fn act(&mut self) {
        while let Some(effect) = self.outbox.next(self.now) {
            match effect {
                Effect::Send { key, .. } => self.send(key),
                Effect::Load(range) => {
                    let found =
                        self.stored.iter().filter(|k| **k > range.after && **k < range.before);
                    let items: Vec<Item> = found
                        .take(range.count.into())
                        .map(|key| Item { key: *key, class: self.classes[key] })
                        .collect();
                    self.outbox.handle_loaded(range, &items);
                }
                Effect::Release { boot, upto } => {
                    assert!(upto <= self.complete_upto(boot), "forgotten before it was received");
                    self.stored.retain(|key| key.boot != boot || key.seq > upto);
                    self.unstored.retain(|key| key.boot != boot || key.seq > upto);
                }
                Effect::Announce => {}
                Effect::Reconnect(_) => self.disconnect(),
            }
        }
    }

    fn send(&mut self, key: Key) {
        assert!(self.connected, "{key:?} is sent without a connection");
        assert!(!self.flying.contains(&key), "{key:?} flies twice at once");
        let exists = self.stored.contains(&key) || self.unstored.contains(&key);
        assert!(exists, "{key:?} is sent, but the box has forgotten it");
        self.flying.push_back(key);
        assert!(self.flying.len() <= usize::from(self.window), "the broker's window is exceeded");
    }

    /// From now on nothing is lost.
    fn heal(&mut self) {
        self.step(&Step::Persist);
        self.step(&Step::Connect(4));
        for _ in 0..20_000 {
            if self.outbox.is_drained() {
                return;
            }
            self.step(&Step::Puback(Fate::Arrives));
            self.step(&Step::Acknowledge(Fate::Arrives));
            self.step(&Step::Pass(50));
        }
        panic!(
            "the outbox is not drained: {:?}, {} stored",
            self.outbox.on_shelves(),
            self.stored.len()
        );
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Arrives), 1 => Just(Fate::Lost)]
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop::sample::select(vec![Class::P0, Class::P0, Class::P1]);
    prop_oneof![
        6 => class.prop_map(Step::Put),
        3 => Just(Step::Persist),
        1 => (1..=8_u16).prop_map(Step::Connect),
        1 => Just(Step::Disconnect),
        8 => fate().prop_map(Step::Puback),
        3 => fate().prop_map(Step::Acknowledge),
        2 => (1..15_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    // A failure prints its case; nothing is written beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_and_is_forgotten_only_then(
        earlier in 0..700_u64,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut world = World::new(earlier);
        for step in &steps {
            world.step(step);
        }
        world.heal();
        let all: BTreeSet<Key> = world.classes.keys().copied().collect();
        prop_assert_eq!(&world.received, &all);
        prop_assert!(world.stored.is_empty());
    }

    #[test]
    fn deadline_is_never_in_the_past_once_everything_was_done(
        earlier in 0..50_u64,
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let mut world = World::new(earlier);
        for step in &steps {
            world.step(step);
            if let Some((at, why)) = world.outbox.deadline() {
                prop_assert!(at > world.now, "{:?} at {:?}, now {:?}", why, at, world.now);
            }
        }
    }
}
