//! What a link promises, in single cases and for any.

use proptest::prelude::*;

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 1 Mbit/s: 125 bytes take a millisecond.
const fn settings() -> Settings {
    Settings {
        rate: BitsPerSecond::from_mbit(1),
        delay: ms(20),
        queue: Bytes(1_000),
        loss: PerMillion(0),
    }
}

/// A packet that tells its number.
fn packet(number: u32, bytes: usize) -> Box<[u8]> {
    let mut packet = vec![0; bytes.max(4)];
    packet[..4].copy_from_slice(&number.to_be_bytes());
    packet.into()
}

fn number(delivery: &Delivery) -> u32 {
    u32::from_be_bytes(delivery.packet[..4].try_into().unwrap())
}

/// Asks at each deadline, as a link's owner does, until nothing comes by itself any more.
fn drain(model: &mut Model) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while let Some(deadline) = model.deadline() {
        while let Some(delivery) = model.next(deadline) {
            deliveries.push(delivery);
        }
    }
    deliveries
}

/// When these packets come out, in milliseconds.
fn due_ms(deliveries: &[Delivery]) -> Vec<u128> {
    deliveries.iter().map(|delivery| delivery.due.as_millis()).collect()
}

#[test]
fn packets_take_their_time_on_the_line_one_by_one_and_then_the_delay() {
    let mut model = Model::new(settings(), Vec::new(), 1);
    for number in 0..3 {
        model.handle_packet(ms(5), packet(number, 125));
    }
    assert_eq!(model.deadline(), Some(ms(26)));
    assert_eq!(model.next(ms(25)), None);
    assert_eq!(due_ms(&drain(&mut model)), [26, 27, 28]);
    // An idle line starts with the packet, not where the last one ended.
    model.handle_packet(ms(100), packet(3, 250));
    assert_eq!(due_ms(&drain(&mut model)), [122]);
}

#[test]
fn packet_that_does_not_fit_into_the_queue_is_dropped_and_a_smaller_one_is_not() {
    let mut model = Model::new(settings(), Vec::new(), 1);
    model.handle_packet(ms(0), packet(0, 500)); // on the line, so not in the queue
    model.handle_packet(ms(0), packet(1, 900));
    model.handle_packet(ms(0), packet(2, 101));
    model.handle_packet(ms(0), packet(3, 100));
    let numbers: Vec<u32> = drain(&mut model).iter().map(number).collect();
    assert_eq!(numbers, [0, 1, 3]);
    let counters = model.counters();
    assert_eq!(counters.dropped_queue, Count { packets: 1, bytes: 101 });
    assert_eq!(counters.queue_bytes_peak, 1_000);
    assert_eq!(counters.delivered, Count { packets: 3, bytes: 1_500 });
}

#[test]
fn rate_that_changes_counts_from_the_next_packet_on() {
    let step = Step { at: ms(1), change: Change::Rate(BitsPerSecond::from_kbit(100)) };
    let mut model = Model::new(settings(), vec![step], 1);
    for number in 0..3 {
        model.handle_packet(ms(0), packet(number, 250));
    }
    assert_eq!(due_ms(&drain(&mut model)), [22, 42, 62]);
}

#[test]
fn shorter_delay_lets_nothing_overtake() {
    let step = Step { at: ms(2), change: Change::Delay(ms(1)) };
    let mut model = Model::new(settings(), vec![step], 1);
    model.handle_packet(ms(0), packet(0, 125)); // leaves at 1 ms, due at 21 ms
    model.handle_packet(ms(2), packet(1, 125)); // would be there at 4 ms
    model.handle_packet(ms(30), packet(2, 125));
    assert_eq!(due_ms(&drain(&mut model)), [21, 21, 32]);
}

#[test]
fn smaller_queue_drops_its_tail() {
    let step = Step { at: ms(0), change: Change::Queue(Bytes(300)) };
    let mut model = Model::new(settings(), Vec::new(), 1);
    for number in 0..5 {
        model.handle_packet(ms(0), packet(number, 125));
    }
    model.handle_change(step.at, step.change);
    let numbers: Vec<u32> = drain(&mut model).iter().map(number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(model.counters().dropped_queue.packets, 2);
}

#[test]
fn cut_loses_what_waits_is_under_way_or_comes_but_not_what_has_arrived() {
    let script =
        vec![Step { at: ms(21), change: Change::Down }, Step { at: ms(50), change: Change::Up }];
    let mut model = Model::new(settings(), script, 1);
    model.handle_packet(ms(0), packet(0, 125)); // there at 21 ms, with the cut
    model.handle_packet(ms(10), packet(1, 125)); // under way
    model.handle_packet(ms(20), packet(2, 250)); // on the line
    model.handle_packet(ms(20), packet(3, 250)); // waits
    model.handle_packet(ms(49), packet(4, 125)); // comes while it is down
    model.handle_packet(ms(50), packet(5, 125)); // comes when it is up again
    let deliveries = drain(&mut model);
    assert_eq!(deliveries.iter().map(number).collect::<Vec<_>>(), [0, 5]);
    assert_eq!(due_ms(&deliveries), [21, 71]);
    assert_eq!(model.counters().dropped_outage, Count { packets: 4, bytes: 750 });
}

#[test]
fn lost_packet_has_used_the_line() {
    let mut model = Model::new(Settings { loss: PerMillion::ALL, ..settings() }, Vec::new(), 1);
    model.handle_packet(ms(0), packet(0, 250));
    model.handle_packet(ms(0), packet(1, 250));
    model.handle_change(ms(3), Change::Loss(PerMillion(0)));
    assert_eq!(due_ms(&drain(&mut model)), [24]);
    assert_eq!(model.counters().dropped_loss, Count { packets: 1, bytes: 250 });
}

/// Packets that come, each some time after the one before.
fn arrivals() -> impl Strategy<Value = Vec<(Duration, usize)>> {
    let arrival = (0_u64..4_000, 4_usize..1_500);
    prop::collection::vec(arrival, 1..150).prop_map(|gaps| {
        let mut at = Duration::ZERO;
        let arrive = |(gap, bytes)| {
            at += Duration::from_micros(gap);
            (at, bytes)
        };
        gaps.into_iter().map(arrive).collect()
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (8_000_u64..20_000_000, 0_u64..60_000, 0_u64..20_000, 0_u32..300_000).prop_map(
        |(rate, delay, queue, loss)| Settings {
            rate: BitsPerSecond::new(rate).unwrap(),
            delay: Duration::from_micros(delay),
            queue: Bytes(queue),
            loss: PerMillion(loss),
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    any_settings().prop_flat_map(|settings| {
        prop_oneof![
            Just(Change::Rate(settings.rate)),
            Just(Change::Delay(settings.delay)),
            Just(Change::Queue(settings.queue)),
            Just(Change::Loss(settings.loss)),
            Just(Change::Down),
            Just(Change::Up),
        ]
    })
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u64..500, any_change()).prop_map(|(at, change)| Step { at: ms(at), change });
    prop::collection::vec(step, 0..12)
}

/// Runs a link, asked at each deadline, and checks its queue and its balance after each call.
fn run(mut model: Model, arrivals: &[(Duration, usize)]) -> (Model, Vec<Delivery>) {
    let mut deliveries = Vec::new();
    for (number, (at, bytes)) in (0..).zip(arrivals) {
        while let Some(deadline) = model.deadline().filter(|deadline| deadline <= at) {
            if let Some(before) = deadline.checked_sub(Duration::from_nanos(1)) {
                assert_eq!(model.next(before), None, "nothing comes before the deadline");
            }
            while let Some(delivery) = model.next(deadline) {
                assert_eq!(delivery.due, deadline, "who asks at each deadline is never late");
                deliveries.push(delivery);
            }
            check(&model);
        }
        model.handle_packet(*at, packet(number, *bytes));
        check(&model);
    }
    deliveries.extend(drain(&mut model));
    check(&model);
    (model, deliveries)
}

/// What holds at any moment.
fn check(model: &Model) {
    assert!(model.queue_bytes <= model.settings.queue.0, "queue above its limit");
    let waiting: u64 = model.queue.iter().map(|packet| packet.len() as u64).sum();
    assert_eq!(model.queue_bytes, waiting);
    let counters = model.counters();
    assert_eq!(counters.settled() + model.holds(), counters.accepted);
}

proptest! {
    #[test]
    fn nothing_overtakes_and_nothing_is_forgotten(
        settings in any_settings(), script in script(), arrivals in arrivals(), seed: u64,
    ) {
        let (model, deliveries) = run(Model::new(settings, script, seed), &arrivals);
        prop_assert!(deliveries.is_sorted_by_key(|delivery| delivery.due));
        prop_assert!(deliveries.iter().map(number).is_sorted_by(|one, next| one < next));
        prop_assert_eq!(model.holds(), Count::default());
        prop_assert_eq!(model.counters().delivered.packets, deliveries.len() as u64);
    }

    #[test]
    fn line_is_never_faster_than_its_rate_over_any_window(
        settings in any_settings(), arrivals in arrivals(), seed: u64,
    ) {
        let (_, deliveries) = run(Model::new(settings, Vec::new(), seed), &arrivals);
        for (index, first) in deliveries.iter().enumerate() {
            let mut bits = 0;
            for later in &deliveries[index + 1..] {
                bits += later.packet.len() as u128 * 8;
                let window = (later.due - first.due).as_nanos();
                prop_assert!(bits * 1_000_000_000 <= window * u128::from(settings.rate.get()));
            }
        }
    }

    #[test]
    fn line_is_busy_while_something_waits(
        settings in any_settings(), arrivals in arrivals(), seed: u64,
    ) {
        // The other side of the promise: no slower than its rate either. Without losses and with
        // room for all, the last packet is due when the last busy spell of the line ends.
        let settings = Settings { loss: PerMillion(0), queue: Bytes(u64::MAX), ..settings };
        let (_, deliveries) = run(Model::new(settings, Vec::new(), seed), &arrivals);
        let mut free = Duration::ZERO;
        for ((at, bytes), delivery) in arrivals.iter().zip(&deliveries) {
            free = free.max(*at) + settings.rate.time_of(*bytes);
            prop_assert_eq!(delivery.due, free + settings.delay);
        }
        prop_assert_eq!(deliveries.len(), arrivals.len());
    }

    #[test]
    fn who_asks_late_gets_the_same_packets(
        settings in any_settings(), script in script(), arrivals in arrivals(), seed: u64,
    ) {
        let (asked, at_each_deadline) = run(Model::new(settings, script.clone(), seed), &arrivals);
        let mut late = Model::new(settings, script, seed);
        for (number, (at, bytes)) in (0..).zip(&arrivals) {
            late.handle_packet(*at, packet(number, *bytes));
        }
        prop_assert_eq!(at_each_deadline, drain(&mut late));
        prop_assert_eq!(asked.counters(), late.counters());
    }

    #[test]
    fn another_seed_loses_other_packets(arrivals in arrivals(), seed: u64) {
        prop_assume!(arrivals.len() > 40);
        let loss = PerMillion::from_percent(50);
        let settings = Settings { loss, queue: Bytes(u64::MAX), ..settings() };
        let lost = |seed| run(Model::new(settings, Vec::new(), seed), &arrivals).1;
        prop_assert_eq!(lost(seed), lost(seed));
        prop_assert_ne!(lost(seed), lost(!seed));
    }
}
