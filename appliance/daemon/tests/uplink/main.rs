//! The box's store and uplink against the receiver's library, with a real broker that dies.

mod bench;
#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;
mod commands;
mod hostile;
mod links;
mod refused;
mod tempo;
mod witness;

use std::time::Duration;

use bench::{Bench, quantile};
use broker::Broker;
use hal::Clock;
use outbox::Quota;

fn runtime() -> tokio::runtime::Runtime {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _already = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    tokio::runtime::Runtime::new().expect("a runtime")
}

#[test]
fn events_arrive_once_and_quickly_on_a_quiet_day() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        // The first one arrives whenever both sides have found each other.
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("the first event", |bench| bench.events_told().len() == 1).await;
        bench.told.clear();
        for number in 2..=201 {
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
            bench.pause(5).await;
        }
        bench.until("200 events", |bench| bench.events_told().len() == 200).await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        assert!(bench.events_told().values().all(|times| *times == 1));
        let all = bench.latencies();
        let [p50, p95, max] = [0.5, 0.95, 1.0].map(|share| quantile(&all, share));
        println!("200 events, decided to received: p50 {p50:.1}, p95 {p95:.1}, max {max:.1} ms");
    });
}

#[test]
fn burst_without_a_broker_is_kept_and_delivered_by_a_later_boot() {
    let Some(mut broker) = Broker::start("") else { return };
    broker.kill();
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        let boot = {
            let (opened, handle) = bench.start_box();
            for number in 1..=3_000 {
                while handle.publish(bench.event(opened.boot, number)).is_err() {
                    bench.pause(1).await;
                }
            }
            let (_clip, _path) = bench.cut_clip(&opened, 100_000).await;
            assert_eq!(handle.drain(Duration::from_secs(5)).await, 3_000);
            opened.boot
        };
        broker.restart();
        bench.restart_receiver().await;
        let (opened, handle) = bench.restart_box().await;
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("3001 events", |bench| bench.events_told().len() == 3_001).await;
        bench.until("the clip", |bench| bench.clips_told() == 1).await;
        let told = bench.events_told();
        assert!((1..=3_000).all(|seq| told.get(&(boot.0, seq)) == Some(&1)));
        bench.until("an empty store", |_| handle.stats().backlog_loaded == 0).await;
        assert_eq!(handle.drain(Duration::from_secs(5)).await, 0);
    });
}

#[test]
fn new_receiver_is_not_stuck_behind_what_an_earlier_one_has() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        for number in 1..=50 {
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
        }
        bench.until("50 events", |bench| bench.events_told().len() == 50).await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        bench.stop_receiver().await;
        bench.forget_receiver();
        bench.restart_receiver().await;
        handle.publish(bench.event(opened.boot, 51)).expect("there is room");
        bench
            .until("event 51", |bench| bench.events_told().contains_key(&(opened.boot.0, 51)))
            .await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        // In one piece, or in two where the box's retained word was older than its last
        // acknowledgement: each number once.
        bench
            .until("the hole", |bench| bench.missing(opened.boot) == (1..=50).collect::<Vec<_>>())
            .await;
    });
}

#[test]
fn stopping_box_says_goodbye_and_a_killed_one_is_reported_lost() {
    let Some(broker) = Broker::start("") else { return };
    let runtime = runtime();
    let mut bench = Bench::new(broker.port);
    runtime.block_on(async {
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("the event", |bench| bench.events_told().len() == 1).await;
        bench.until("ready", |bench| bench.state().contains("ready")).await;
        assert_eq!(handle.drain(Duration::from_secs(5)).await, 0);
        bench.until("goodbye", |bench| bench.state().contains("disconnected")).await;
        assert!(handle.publish(bench.event(opened.boot, 2)).is_err(), "drained");
    });
    // Another runtime that ends without a goodbye, as a killed process does.
    let doomed = tokio::runtime::Runtime::new().expect("a runtime");
    let (_opened, _handle) = doomed.block_on(async { bench.restart_box().await });
    runtime.block_on(bench.until("ready", |bench| bench.state().contains("ready")));
    doomed.shutdown_background();
    runtime.block_on(bench.until("lost", |bench| bench.state().contains("lost")));
}

#[test]
fn clips_beyond_the_quota_are_given_up_oldest_first_and_reported() {
    let Some(mut broker) = Broker::start("") else { return };
    broker.kill();
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.quota = Quota { bytes: 250_000, files: 100 };
        let (opened, handle) = bench.start_box();
        let first = bench.offer_clip((&opened, &handle), 100_001).await;
        bench.until("an upload", |_| handle.stats().clips_waiting == 1).await;
        let mut later = Vec::new();
        for bytes in [100_002, 100_003, 100_004] {
            later.push(bench.offer_clip((&opened, &handle), bytes).await);
        }
        bench.until("an eviction", |_| handle.stats().clips_dropped == 1).await;
        bench.until("its file to go", |bench| !bench.copy_of(&later[0]).exists()).await;
        assert!([&first, &later[1], &later[2]].iter().all(|clip| bench.copy_of(clip).exists()));
        broker.restart();
        bench.restart_receiver().await;
        bench.until("3 clips", |bench| bench.clips_told() == 3).await;
        bench.until("the notice", |bench| bench.notices_told() == 1).await;
        bench.until("3 deliveries", |_| handle.stats().clips_delivered == 3).await;
        [&first, &later[1], &later[2]].iter().for_each(|clip| bench.assert_delivered(clip));
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_broker_and_receiver_die() {
    let Some(mut broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        bench.until("a connection", |_| handle.stats().connected).await;
        let mut clips = Vec::new();
        for number in 1..=200_u32 {
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
            bench.pause(5).await;
            match number {
                20 => clips.push(bench.offer_clip((&opened, &handle), 3_000_017).await),
                60 => broker.kill(),
                90 => broker.restart(),
                110 => bench.stop_receiver().await,
                120 => clips.push(bench.offer_clip((&opened, &handle), 700_001).await),
                130 => bench.restart_receiver().await,
                131 => clips.push(bench.offer_clip((&opened, &handle), 65_536).await),
                150 => broker.restart(),
                170 => bench.restart_receiver().await,
                _quiet => {}
            }
        }
        bench.until("200 events", |bench| bench.events_told().len() == 200).await;
        bench.until("3 clips", |bench| bench.clips_told() == 3).await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        bench.until("3 deliveries", |_| handle.stats().clips_delivered == 3).await;
        assert!(bench.events_told().values().all(|times| *times == 1));
        bench
            .until("clip files to go", |bench| {
                clips.iter().all(|clip| !bench.path(&format!("{}.mp4", clip.id)).exists())
            })
            .await;
        clips.iter().for_each(|record| bench.assert_delivered(record));
        println!("{:?}", handle.stats());
    });
}

/// Not a promise, but a figure: how much a link without limits carries.
#[test]
fn bursts_and_large_clips_arrive_whole() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("the first event", |bench| bench.events_told().len() == 1).await;
        let started = bench.clock.now();
        for number in 2..=2_001 {
            while handle.publish(bench.event(opened.boot, number)).is_err() {
                bench.pause(1).await;
            }
        }
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        let seconds = bench.clock.now().since(started).as_secs_f64();
        println!("2000 events in a burst: {:.0} a second, acknowledged", 2_000.0 / seconds);
        let started = bench.clock.now();
        let clip = bench.offer_clip((&opened, &handle), 20_000_003).await;
        bench.until("the clip", |_| handle.stats().clips_delivered == 1).await;
        let seconds = bench.clock.now().since(started).as_secs_f64();
        println!("a clip of 20 MB: {:.1} MB a second, verified", 20.0 / seconds);
        bench.until("everything told", |bench| bench.events_told().len() == 2_001).await;
        bench.assert_delivered(&clip);
    });
}
