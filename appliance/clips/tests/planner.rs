//! What the planner promises: table tests, and one property for each invariant.

use std::collections::BTreeSet;

use clips::planner::{
    Accepted, ClipRequest, Config, ConfigError, PLANS_MAX, Planner, Refused, Retracted,
};
use wire::event::EventKind;
use wire::ids::{BootId, EventId};
use wire::time::{MediaInterval, MediaSpan, MediaTime};

const PRE: MediaSpan = MediaSpan::from_millis(6_000);
const POST: MediaSpan = MediaSpan::from_millis(4_000);

fn config() -> Config {
    Config::new(PRE, POST, Config::LENGTH_MAX).expect("the rolls fit")
}

fn id(number: u32) -> EventId {
    EventId { boot: BootId(7), number }
}

fn request(number: u32, at_ms: i64) -> ClipRequest {
    ClipRequest { id: id(number), kind: EventKind::MadeShot, at: MediaTime::from_millis(at_ms) }
}

fn ms(start: i64, end: i64) -> MediaInterval {
    MediaInterval { start: MediaTime::from_millis(start), end: MediaTime::from_millis(end) }
}

fn at(ms: i64) -> MediaTime {
    MediaTime::from_millis(ms)
}

#[test]
fn an_event_becomes_due_when_its_post_roll_is_reached() {
    let mut planner = Planner::new(config());
    assert_eq!(planner.handle_event(&request(1, 10_000)), Ok(Accepted::New));
    assert_eq!(planner.deadline(), Some(at(14_000)));
    assert_eq!(planner.next(at(13_999)), None);
    let plan = planner.next(at(14_000)).unwrap();
    assert_eq!(plan.interval, ms(4_000, 14_000));
    assert_eq!(plan.events.len(), 1);
    assert_eq!(planner.deadline(), None);
}

#[test]
fn a_start_before_the_first_frame_is_clamped() {
    let mut planner = Planner::new(config());
    planner.handle_event(&request(1, 2_000)).unwrap();
    assert_eq!(planner.next(at(6_000)).unwrap().interval, ms(0, 6_000));
}

#[test]
fn overlapping_windows_merge_up_to_the_longest_clip() {
    let mut planner = Planner::new(config());
    let outcome = |p: &mut Planner, n, t| p.handle_event(&request(n, t)).expect("there is room");
    assert_eq!(outcome(&mut planner, 1, 10_000), Accepted::New);
    assert_eq!(outcome(&mut planner, 2, 19_000), Accepted::Merged);
    assert_eq!(outcome(&mut planner, 3, 28_000), Accepted::Merged);
    // 4 s ..= 32 s is 28 s long; 36 s would make it 36 s: too long.
    assert_eq!(outcome(&mut planner, 4, 36_000), Accepted::New);
    assert_eq!(planner.next(at(32_000)).unwrap().interval, ms(4_000, 32_000));
    assert_eq!(planner.next(at(40_000)).unwrap().interval, ms(30_000, 40_000));
}

#[test]
fn an_event_between_two_plans_joins_them() {
    let mut planner = Planner::new(config());
    planner.handle_event(&request(1, 10_000)).unwrap();
    planner.handle_event(&request(2, 24_000)).unwrap();
    assert_eq!(planner.pending().len(), 2);
    let late = planner.handle_event(&request(3, 17_000));
    assert_eq!(late, Ok(Accepted::Merged));
    assert_eq!(planner.pending().len(), 1);
    assert_eq!(planner.pending()[0].interval, ms(4_000, 28_000));
    assert_eq!(planner.pending()[0].events.len(), 3);
}

#[test]
fn a_revision_of_an_event_does_not_make_a_second_clip() {
    let mut planner = Planner::new(config());
    planner.handle_event(&request(1, 10_000)).unwrap();
    assert_eq!(planner.handle_event(&request(1, 10_000)), Ok(Accepted::Updated));
    assert_eq!(planner.handle_event(&request(1, 10_040)), Ok(Accepted::Updated));
    assert_eq!(planner.pending().len(), 1);
    assert_eq!(planner.next(at(14_040)).unwrap().interval, ms(4_040, 14_040));
    let again = planner.handle_event(&request(1, 10_040));
    assert_eq!(again, Ok(Accepted::AlreadyPlanned));
    assert!(planner.pending().is_empty());
}

#[test]
fn a_retraction_in_time_takes_the_event_out_and_the_plan_when_it_was_alone() {
    let mut planner = Planner::new(config());
    planner.handle_event(&request(1, 10_000)).unwrap();
    planner.handle_event(&request(2, 16_000)).unwrap();
    assert_eq!(planner.retract(id(2)), Retracted::Event);
    assert_eq!(planner.pending()[0].interval, ms(4_000, 14_000));
    assert_eq!(planner.retract(id(1)), Retracted::Plan);
    assert_eq!(planner.retract(id(1)), Retracted::Unknown);
    assert_eq!(planner.deadline(), None);
}

#[test]
fn a_retraction_after_the_plan_was_handed_out_is_too_late() {
    let mut planner = Planner::new(config());
    planner.handle_event(&request(1, 10_000)).unwrap();
    planner.next(at(14_000)).unwrap();
    assert_eq!(planner.retract(id(1)), Retracted::TooLate);
}

#[test]
fn a_full_list_refuses_and_counts() {
    let mut planner = Planner::new(config());
    for n in 0..PLANS_MAX as u32 {
        let t = 20_000 * i64::from(n);
        assert_eq!(planner.handle_event(&request(n, t)), Ok(Accepted::New));
    }
    let t = 20_000 * PLANS_MAX as i64;
    assert_eq!(planner.handle_event(&request(999, t)), Err(Refused));
    assert_eq!(planner.refused_total(), 1);
    // One that overlaps a waiting plan still finds its place.
    assert_eq!(planner.handle_event(&request(1_000, 21_000)), Ok(Accepted::Merged));
}

#[test]
fn impossible_rolls_are_refused_with_a_reason() {
    let zero = MediaSpan(0);
    assert_eq!(Config::new(zero, zero, Config::LENGTH_MAX), Err(ConfigError::Rolls));
    assert_eq!(Config::new(MediaSpan(-1), POST, Config::LENGTH_MAX), Err(ConfigError::Rolls));
    assert_eq!(Config::new(PRE, POST, MediaSpan(1)), Err(ConfigError::LongerThanMax));
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// What a random game told the planner, and what came out of it.
#[derive(Default)]
struct Game {
    alive: BTreeSet<EventId>,
    refused: u32,
    shown: Vec<EventId>,
}

fn play(seed: u64) -> (Planner, Game) {
    let mut numbers = Numbers(seed);
    let mut planner = Planner::new(config());
    let mut game = Game::default();
    let mut now = 0;
    for n in 0..200 {
        now += numbers.below(6_000) as i64;
        let moment = now - numbers.below(3_000) as i64;
        match planner.handle_event(&request(n, moment)) {
            Ok(_) => {
                game.alive.insert(id(n));
            }
            Err(Refused) => game.refused += 1,
        }
        let victim = id(numbers.below(u64::from(n) + 1) as u32);
        if numbers.below(5) == 0 {
            match planner.retract(victim) {
                Retracted::Event | Retracted::Plan => {
                    game.alive.remove(&victim);
                }
                Retracted::TooLate | Retracted::Unknown => {}
            }
        }
        check_bounds(seed, &planner);
        if numbers.below(4) == 0 {
            take_due(seed, &mut planner, &mut game, at(now));
        }
    }
    take_due(seed, &mut planner, &mut game, MediaTime(i64::MAX));
    (planner, game)
}

fn take_due(seed: u64, planner: &mut Planner, game: &mut Game, now: MediaTime) {
    while let Some(plan) = planner.next(now) {
        assert!(plan.interval.end <= now, "seed {seed}: handed out before its end");
        game.shown.extend(plan.events.iter().map(|e| e.id));
    }
    assert!(planner.deadline().is_none_or(|d| d > now), "seed {seed}: a due plan was kept");
}

fn check_bounds(seed: u64, planner: &Planner) {
    assert!(planner.pending().len() <= PLANS_MAX);
    for plan in planner.pending() {
        let MediaInterval { start, end } = plan.interval;
        assert!(start >= MediaTime(0) && start < end, "seed {seed}: {plan:?}");
        assert!(end.since(start) <= Config::LENGTH_MAX, "seed {seed}: {plan:?}");
        assert!(!plan.events.is_empty(), "seed {seed}: empty plan");
        for event in &plan.events {
            assert!(start <= event.at.minus(PRE).max(MediaTime(0)), "seed {seed}: {plan:?}");
            assert!(event.at.plus(POST) <= end, "seed {seed}: {plan:?}");
        }
    }
}

#[test]
fn merging_never_loses_or_doubles_an_event() {
    for seed in 0..500 {
        let (planner, game) = play(seed);
        assert!(planner.pending().is_empty(), "seed {seed}");
        assert_eq!(planner.refused_total(), game.refused, "seed {seed}");
        let once: BTreeSet<_> = game.shown.iter().copied().collect();
        assert_eq!(once.len(), game.shown.len(), "seed {seed}: an event in two clips");
        assert_eq!(once, game.alive, "seed {seed}: an event was lost or came back");
    }
}
