//! Single rules of the message outbox.

use std::time::Duration;

use outbox::{Class, Delays, Effect, Item, Key, LIVE_MAX, Limits, Loaded, Outbox, Reconnect, Wake};
use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

const BOOT: BootId = BootId(9);
const OLD: BootId = BootId(8);
const LIMITS: Limits = Limits {
    window: 1,
    backlog_unacked_max: 2,
    resend: Delays { first: Duration::from_secs(4), longest: Duration::from_secs(60) },
    puback_timeout: Duration::from_secs(10),
};
const T0: Monotonic = Monotonic(0);

fn key(boot: BootId, seq: u64) -> Key {
    Key { boot, seq: Seq(seq) }
}

fn item(seq: u64, class: Class) -> Item {
    Item { key: key(BOOT, seq), class }
}

fn seconds(s: u64) -> Monotonic {
    Monotonic::from_millis(s * 1000)
}

/// Everything that is to be done now; loads are answered with `stored`.
fn act(outbox: &mut Outbox, now: Monotonic, stored: &[Item]) -> Vec<Effect> {
    let mut effects = Vec::new();
    while let Some(effect) = outbox.next(now) {
        if let Effect::Load(range) = effect {
            let within = |item: &&Item| item.key > range.after && item.key < range.before;
            let items: Vec<Item> = stored.iter().filter(within).copied().collect();
            outbox.handle_loaded(range, &items);
        } else {
            effects.push(effect);
        }
    }
    effects
}

fn sent(effects: &[Effect]) -> Vec<Key> {
    let key = |effect: &Effect| match effect {
        Effect::Send { key, .. } => Some(*key),
        Effect::Load(_) | Effect::Release { .. } | Effect::Announce | Effect::Reconnect(_) => None,
    };
    effects.iter().filter_map(key).collect()
}

#[test]
fn live_goes_before_backlog_and_urgent_before_old() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[key(OLD, 1)]);
    outbox.handle_put(item(1, Class::P1)).expect("room");
    outbox.handle_put(item(2, Class::P0)).expect("room");
    outbox.handle_connected(3);
    let stored = [Item { key: key(OLD, 1), class: Class::P0 }];
    let effects = act(&mut outbox, T0, &stored);
    assert_eq!(sent(&effects), [key(BOOT, 2), key(BOOT, 1), key(OLD, 1)]);
}

#[test]
fn nothing_is_sent_beyond_the_window() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    (1..=5).for_each(|seq| outbox.handle_put(item(seq, Class::P0)).expect("room"));
    outbox.handle_connected(2);
    assert_eq!(sent(&act(&mut outbox, T0, &[])), [key(BOOT, 1), key(BOOT, 2)]);
    outbox.handle_puback(key(BOOT, 2));
    assert_eq!(sent(&act(&mut outbox, T0, &[])), [key(BOOT, 3)]);
}

#[test]
fn without_a_receiver_backlog_waits_but_live_messages_go() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[key(OLD, 1)]);
    outbox.handle_connected(9);
    let stored: Vec<Item> =
        (1..=9).map(|seq| Item { key: key(OLD, seq), class: Class::P0 }).collect();
    for seq in [1, 2] {
        assert!(sent(&act(&mut outbox, T0, &stored)).iter().all(|sent| sent.boot == OLD));
        outbox.handle_puback(key(OLD, seq));
    }
    assert_eq!(act(&mut outbox, T0, &stored), []);
    outbox.handle_put(item(1, Class::P0)).expect("room");
    assert_eq!(sent(&act(&mut outbox, T0, &stored)), [key(BOOT, 1)]);
    outbox.handle_ack(T0, OLD, Seq(2));
    assert_eq!(sent(&act(&mut outbox, T0, &stored)), [key(OLD, 3), key(OLD, 4)]);
}

#[test]
fn puback_is_not_delivery() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_put(item(1, Class::P0)).expect("room");
    outbox.handle_connected(1);
    act(&mut outbox, T0, &[]);
    outbox.handle_puback(key(BOOT, 1));
    let (due, why) = outbox.deadline().expect("a watchdog");
    assert_eq!(why, Wake::Resend);
    assert!((2..=4).contains(&due.since(T0).as_secs()), "{due:?}");
    assert_eq!(act(&mut outbox, seconds(1), &[]), []);
    let effects = act(&mut outbox, due, &[]);
    assert_eq!(effects, [Effect::Send { key: key(BOOT, 1), attempt: 2 }]);
    outbox.handle_ack(due, BOOT, Seq(1));
    let released = Effect::Release { boot: BOOT, upto: Seq(1) };
    assert_eq!(act(&mut outbox, due, &[]), [released]);
    assert_eq!(outbox.on_shelves(), (0, 0));
}

#[test]
fn acknowledgement_that_moves_nothing_brings_the_missing_message_back_at_once() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_put(item(1, Class::P0)).expect("room");
    outbox.handle_connected(1);
    act(&mut outbox, T0, &[]);
    outbox.handle_puback(key(BOOT, 1));
    outbox.handle_ack(Monotonic::from_millis(900), BOOT, Seq(0));
    assert_eq!(act(&mut outbox, Monotonic::from_millis(900), &[]), []);
    outbox.handle_ack(seconds(1), BOOT, Seq(0));
    assert_eq!(sent(&act(&mut outbox, seconds(1), &[])), [key(BOOT, 1)]);
}

#[test]
fn urgent_messages_that_go_again_never_hold_back_the_one_they_wait_for() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_connected(1);
    outbox.handle_put(item(1, Class::P1)).expect("room");
    assert_eq!(sent(&act(&mut outbox, T0, &[])), [key(BOOT, 1)]);
    outbox.handle_puback(key(BOOT, 1));
    outbox.handle_put(item(2, Class::P0)).expect("room");
    assert_eq!(sent(&act(&mut outbox, T0, &[])), [key(BOOT, 2)]);
    outbox.handle_puback(key(BOOT, 2));
    let later = seconds(5);
    assert_eq!(sent(&act(&mut outbox, later, &[])), [key(BOOT, 1)]);
    outbox.handle_put(item(3, Class::P0)).expect("room");
    outbox.handle_puback(key(BOOT, 1));
    assert_eq!(sent(&act(&mut outbox, later, &[])), [key(BOOT, 3)], "new before again");
}

#[test]
fn silent_broker_loses_the_connection_once() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_put(item(1, Class::P0)).expect("room");
    outbox.handle_connected(1);
    act(&mut outbox, T0, &[]);
    assert_eq!(outbox.deadline(), Some((seconds(10), Wake::Puback)));
    let dead = Effect::Reconnect(Reconnect::PubackOverdue(key(BOOT, 1)));
    assert_eq!(act(&mut outbox, seconds(10), &[]), [dead]);
    assert_eq!(act(&mut outbox, seconds(11), &[]), []);
    outbox.handle_disconnected();
    outbox.handle_connected(1);
    assert_eq!(sent(&act(&mut outbox, seconds(12), &[])), [key(BOOT, 1)]);
}

#[test]
fn receiver_that_asks_for_what_is_gone_gets_an_announcement_at_most_once_a_second() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[key(OLD, 12)]);
    outbox.handle_connected(1);
    act(&mut outbox, T0, &[]);
    outbox.handle_ack(T0, OLD, Seq(3));
    assert_eq!(act(&mut outbox, T0, &[]), [Effect::Announce]);
    outbox.handle_ack(T0, OLD, Seq(3));
    assert_eq!(act(&mut outbox, T0, &[]), []);
    assert_eq!(outbox.deadline(), Some((seconds(1), Wake::Announce)));
    assert_eq!(act(&mut outbox, seconds(1), &[]), [Effect::Announce]);
    assert_eq!(outbox.deadline(), None);
}

#[test]
fn acknowledgement_of_what_was_never_made_is_counted_and_ignored() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_put(item(1, Class::P0)).expect("room");
    outbox.handle_ack(T0, BOOT, Seq(2));
    outbox.handle_ack(T0, BootId(1), Seq(5));
    assert_eq!(outbox.next(T0), None);
    assert_eq!(outbox.counters().bogus_acks, 2);
    assert_eq!(outbox.on_shelves(), (1, 0));
}

#[test]
fn full_shelf_refuses_what_is_not_stored_and_forgets_nothing() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    let most = LIVE_MAX as u64;
    (1..=most).for_each(|seq| outbox.handle_put(item(seq, Class::P0)).expect("room"));
    assert!(!outbox.has_room());
    assert!(outbox.handle_put(item(most + 1, Class::P0)).is_err());
    outbox.handle_persisted(Seq(1));
    outbox.handle_put(item(most + 1, Class::P0)).expect("the first one is in the store");
    assert!(outbox.handle_put(item(most + 2, Class::P0)).is_err());
    // The one that left the shelf comes back from the store.
    outbox.handle_connected(1);
    let mut asked = None;
    outbox.handle_ack(T0, BOOT, Seq(0));
    while let Some(effect) = outbox.next(T0) {
        if let Effect::Load(range) = effect {
            asked = Some(range);
            break;
        }
    }
    let before = key(BOOT, 2);
    assert_eq!(asked, Some(Loaded { after: Key::default(), before, count: 256 }));
}

#[test]
fn store_that_fails_is_asked_again_later() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_connected(1);
    assert!(matches!(outbox.next(T0), Some(Effect::Load(_))));
    outbox.handle_load_failed(T0);
    assert_eq!(outbox.next(T0), None);
    assert_eq!(outbox.deadline(), Some((seconds(1), Wake::Load)));
    assert!(matches!(outbox.next(seconds(1)), Some(Effect::Load(_))));
}

#[test]
#[should_panic(expected = "order of their numbers")]
fn numbers_that_go_back_are_a_broken_invariant() {
    let mut outbox = Outbox::new(BOOT, LIMITS, &[]);
    outbox.handle_put(item(2, Class::P0)).expect("room");
    let _unreachable = outbox.handle_put(item(1, Class::P0));
}
