//! The pace of a clip's segments on a link with a queue, in which events have to stand as well.

use std::collections::VecDeque;
use std::time::Duration;

use outbox::{Pacer, Terms};
use proptest::prelude::*;
use wire::time::Monotonic;

const TERMS: Terms = Terms {
    segment_bytes: (4 * 1024, 64 * 1024),
    window: 20,
    flying_bytes_max: 1024 * 1024,
    ceiling: None,
};
/// Both encodings of an event, with their headers.
const EVENT_BYTES: u64 = 900;

/// A segment with the headers of TCP, IP and MQTT.
fn on_the_link(bytes: u32) -> u64 {
    u64::from(bytes) + 110 + u64::from(bytes.div_ceil(1448)) * 52
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Segment(u64, u32),
    Event,
}

/// A bottleneck far away, with a drop-tail queue that a reliable sender shares: what finds no
/// room is sent again, and everything behind it waits.
struct Link {
    bits_per_second: u64,
    way: Duration,
    queue: VecDeque<(What, u64, Monotonic)>,
    free_at: Monotonic,
    answers: VecDeque<(Monotonic, What, Monotonic)>,
}

impl Link {
    fn send(&mut self, now: Monotonic, what: What, bytes: u64) {
        let begin = self.free_at.max(now);
        let end = begin.plus(Duration::from_micros(bytes * 8_000_000 / self.bits_per_second));
        self.free_at = end;
        self.queue.push_back((what, bytes, end));
        self.answers.push_back((end.plus(self.way), what, now));
    }

    /// A new rate: what waits is sent at it.
    fn set_rate(&mut self, now: Monotonic, bits_per_second: u64) {
        self.bits_per_second = bits_per_second;
        let (mut at, mut answers) = (now, VecDeque::new());
        let waiting: Vec<_> = self.queue.drain(..).filter(|(_, _, end)| *end > now).collect();
        let landed = self.answers.len() - waiting.len();
        answers.extend(self.answers.drain(..landed));
        for ((what, bytes, _), (_, _, sent)) in waiting.into_iter().zip(self.answers.drain(..)) {
            at = at.plus(Duration::from_micros(bytes * 8_000_000 / bits_per_second));
            self.queue.push_back((what, bytes, at));
            answers.push_back((at.plus(self.way), what, sent));
        }
        self.free_at = at;
        self.answers = answers;
    }
}

/// A clip without an end, and events now and then.
struct World {
    now: Monotonic,
    pacer: Pacer,
    link: Link,
    offset: u64,
    event_every: Option<Duration>,
    next_event: Monotonic,
    /// When it was answered, how long that took.
    events: Vec<(Monotonic, Duration)>,
    /// When it was answered, bytes.
    segments: Vec<(Monotonic, u32)>,
}

impl World {
    fn new(bits_per_second: u64, way_ms: u64, event_every_ms: Option<u64>) -> Self {
        let link = Link {
            bits_per_second,
            way: Duration::from_millis(way_ms),
            queue: VecDeque::new(),
            free_at: Monotonic(0),
            answers: VecDeque::new(),
        };
        Self {
            now: Monotonic(0),
            pacer: Pacer::new(Monotonic(0), TERMS),
            link,
            offset: 0,
            event_every: event_every_ms.map(Duration::from_millis),
            next_event: Monotonic(0),
            events: Vec::new(),
            segments: Vec::new(),
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now.plus(Duration::from_secs(seconds));
        while self.now < end {
            while let Some(bytes) = self.pacer.admit(self.now) {
                self.pacer.handle_sent(self.now, self.offset, bytes);
                let what = What::Segment(self.offset, bytes);
                self.link.send(self.now, what, on_the_link(bytes));
                self.offset += u64::from(bytes);
            }
            if let Some(every) = self.event_every
                && self.next_event <= self.now
            {
                self.pacer.handle_event(self.now);
                self.link.send(self.now, What::Event, EVENT_BYTES);
                self.next_event = self.now.plus(every);
            }
            let answer = self.link.answers.front().map(|(at, ..)| *at);
            let event = self.event_every.map(|_| self.next_event);
            // A timer of the box is a millisecond late.
            let timer = self.pacer.deadline().map(|at| at.plus(Duration::from_millis(1)));
            let next = [answer, event, timer].into_iter().flatten().min().expect("always one");
            self.now = self.now.max(next);
            self.land();
        }
    }

    fn land(&mut self) {
        while self.link.answers.front().is_some_and(|(at, ..)| *at <= self.now) {
            let (at, what, sent) = self.link.answers.pop_front().expect("it is there");
            match what {
                What::Segment(offset, bytes) => {
                    self.pacer.handle_answered(self.now, offset);
                    self.segments.push((at, bytes));
                }
                What::Event => {
                    self.pacer.handle_event_answered(self.now, at.since(sent));
                    self.events.push((at, at.since(sent)));
                }
            }
        }
        let now = self.now;
        while self.link.queue.front().is_some_and(|(_, _, end)| *end <= now) {
            self.link.queue.pop_front();
        }
    }

    /// Bits a second of clips that were answered in this stretch of seconds.
    fn goodput(&self, from: u64, to: u64) -> f64 {
        let (from, to) = (Monotonic::from_millis(from * 1000), Monotonic::from_millis(to * 1000));
        let within = self.segments.iter().filter(|(at, _)| *at >= from && *at < to);
        within.map(|(_, bytes)| f64::from(*bytes) * 8.0).sum::<f64>() / to.since(from).as_secs_f64()
    }

    /// Milliseconds from event to answer, the given share of them at most, in this stretch.
    fn events(&self, from: u64, to: u64, share: f64) -> f64 {
        let (from, to) = (Monotonic::from_millis(from * 1000), Monotonic::from_millis(to * 1000));
        let within = self.events.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut times: Vec<f64> = within.map(|(_, took)| took.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        times[((times.len() - 1) as f64 * share) as usize]
    }

    /// Milliseconds that an event takes on a link without segments.
    fn idle(&self) -> f64 {
        let own = EVENT_BYTES as f64 * 8_000.0 / self.link.bits_per_second as f64;
        own + self.link.way.as_secs_f64() * 1000.0
    }
}

#[test]
fn event_hardly_waits_for_a_clip_and_the_clip_takes_what_is_left() {
    let mut world = World::new(2_000_000, 50, Some(730));
    world.run(120);
    let (idle, p50, p95) = (world.idle(), world.events(10, 120, 0.5), world.events(10, 120, 0.95));
    let goodput = world.goodput(10, 120);
    println!("idle {idle:.1} ms, p50 {p50:.1}, p95 {p95:.1}, {:.1} %", goodput / 20_000.0);
    assert!(p50 <= idle + 15.0 && p95 <= idle + 30.0, "{idle} {p50} {p95}");
    assert!(goodput >= 0.85 * 2e6, "{goodput}");
}

#[test]
fn link_is_filled_when_no_event_came_for_a_minute_and_free_again_soon_after_one() {
    let mut world = World::new(2_000_000, 50, None);
    world.run(120);
    let goodput = world.goodput(70, 120);
    println!("{:.1} % when quiet", goodput / 20_000.0);
    assert!(goodput >= 0.95 * 2e6, "{goodput}");
    world.event_every = Some(Duration::from_millis(300));
    world.next_event = world.now;
    world.run(30);
    let (first, later) = (world.events[0].1.as_millis(), world.events(122, 150, 0.95));
    println!("first event {first} ms, p95 later {later:.1} ms");
    assert!(first <= 250, "{first}");
    assert!(later <= world.idle() + 30.0, "{later}");
}

#[test]
fn slower_link_is_noticed_before_its_queue_holds_up_events() {
    let mut world = World::new(10_000_000, 50, Some(100));
    world.run(30);
    assert!(world.goodput(10, 30) >= 0.85 * 10e6, "{}", world.goodput(10, 30));
    world.link.set_rate(world.now, 1_000_000);
    world.run(60);
    for second in 30..40 {
        println!("{second} s: p95 {:.0} ms", world.events(second, second + 1, 0.95));
    }
    let after = world.events(35, 90, 0.95);
    assert!(after <= 250.0, "{after}");
    assert!(world.goodput(40, 90) >= 0.8 * 1e6, "{}", world.goodput(40, 90));
}

#[test]
fn faster_link_is_found() {
    let mut world = World::new(1_000_000, 50, Some(500));
    world.run(30);
    world.link.set_rate(world.now, 10_000_000);
    world.run(30);
    println!("{:.2} Mbit/s after 15 s", world.goodput(45, 60) / 1e6);
    assert!(world.goodput(45, 60) >= 0.85 * 10e6, "{}", world.goodput(45, 60));
}

#[test]
fn queue_of_somebody_else_does_not_starve_the_clip() {
    let mut world = World::new(4_000_000, 50, Some(500));
    world.run(30);
    // Somebody fills the queue: every way takes 200 ms longer, whatever we do, and half is left.
    world.link.way = Duration::from_millis(250);
    world.link.set_rate(world.now, 2_000_000);
    world.run(60);
    println!("{:.2} Mbit/s", world.goodput(50, 90) / 1e6);
    assert!(world.goodput(50, 90) >= 0.7 * 2e6, "{}", world.goodput(50, 90));
}

#[test]
fn ceiling_of_the_operator_is_kept_also_when_quiet() {
    let mut world = World::new(10_000_000, 30, None);
    world.pacer.handle_connected(Terms { ceiling: Some(50_000), ..TERMS });
    world.run(120);
    let highest = (1..12).map(|ten| world.goodput(ten * 10, ten * 10 + 10)).fold(0.0, f64::max);
    println!("{highest} bit/s");
    assert!((0.9 * 400_000.0..=1.02 * 400_000.0).contains(&highest), "{highest}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_link_is_used_and_never_clogged(
        kilobits in 300..60_000_u64,
        way_ms in 5..300_u64,
        event_ms in 150..5_000_u64,
    ) {
        let mut world = World::new(kilobits * 1000, way_ms, Some(event_ms));
        world.run(90);
        let share = world.goodput(45, 90) / (kilobits as f64 * 1000.0);
        let window = TERMS.flying_bytes_max as f64 * 8.0 / (way_ms as f64 / 1000.0);
        let wanted = 0.75_f64.min(0.8 * window / (kilobits as f64 * 1000.0));
        prop_assert!(share >= wanted, "uses {share}");
        // A segment of the shortest kind, or 17 ms of the link, twice; and the queue it allows.
        let segment = (4_500.0 * 8_000.0 / (kilobits as f64 * 1000.0)).max(18.0);
        let waited = world.events(20, 90, 0.95) - world.idle();
        prop_assert!(waited <= 2.0 * segment + 30.0, "an event waits {waited} ms");
    }
}
