//! What changes when a game is over: how watchful connections are, and which clips may go.

use std::time::Duration;

use courtside::uplink::{Handle, Tempo};
use mqtt::Event;
use outbox::{Closed, GameLock, Gate};

use super::bench::Bench;
use super::broker::Broker;
use super::runtime;
use super::witness::witness;

#[test]
fn box_that_connects_anew_for_another_keep_alive_is_never_told_as_lost() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let mut witness = witness(broker.port, "witness", &["cv1/+/+/state"]).await;
        let (opened, handle) = bench.start_box();
        let mut number = 0;
        for tempo in [Tempo::Idle, Tempo::Live, Tempo::Live, Tempo::Idle] {
            for _ in 0..20 {
                number += 1;
                handle.publish(bench.event(opened.boot, number)).expect("there is room");
                bench.pause(2).await;
            }
            handle.set_tempo(tempo);
        }
        bench.until("every event", |bench| bench.events_told().len() == 80).await;
        assert!(bench.events_told().values().all(|times| *times == 1), "none is told twice");
        assert_eq!(handle.drain(Duration::from_secs(5)).await, 0);
        let mut told = Vec::new();
        while !told.iter().any(|state: &String| state.contains("disconnected")) {
            if let Event::Message(message) = witness.next().await {
                told.push(String::from_utf8_lossy(message.payload()).into_owned());
            }
        }
        let ready = told.iter().filter(|state| state.contains("ready")).count();
        assert!((2..=4).contains(&ready), "once for each connection: {told:?}");
        assert!(!told.iter().any(|state| state.contains("lost")), "{told:?}");
    });
}

#[test]
fn clip_of_an_earlier_game_waits_until_play_is_over_and_a_new_one_does_not() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.gate = Gate { hours: None, lock: GameLock::Backlog };
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        bench.clip_age = Duration::from_secs(3_600);
        let old = bench.offer_clip((&opened, &handle), 50_000).await;
        bench.until("a held clip", |_| handle.stats().clips_held == Some(Closed::Play)).await;
        bench.clip_age = Duration::ZERO;
        let new = bench.offer_clip((&opened, &handle), 60_000).await;
        bench.until("the new clip", |bench| bench.clips_told() == 1).await;
        assert!(bench.path(&format!("clips/demo/box-1/{}.mp4", new.id)).exists());
        bench.until("the old one held again", |_| handle.stats().clips_held.is_some()).await;
        assert_eq!(handle.stats().clips_waiting, 1);
        handle.set_tempo(Tempo::Idle);
        bench.until("the old clip", |bench| bench.clips_told() == 2).await;
        assert!(bench.path(&format!("clips/demo/box-1/{}.mp4", old.id)).exists());
        assert_eq!(handle.stats().clips_held, None);
    });
}

#[test]
fn day_whose_bytes_are_used_up_ends_for_clips_and_stays_so_over_a_restart() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.day_bytes_max.clips = Some(100_000);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        bench.offer_clip((&opened, &handle), 90_000).await;
        bench.until("the first clip", |bench| bench.clips_told() == 1).await;
        // It begins within the day's bytes, does not end within them, and waits half-way.
        bench.offer_clip((&opened, &handle), 200_000).await;
        bench.until("a held clip", |_| handle.stats().clips_held == Some(Closed::Budget)).await;
        let spent = handle.stats().clip_bytes_today;
        assert!((100_000..=400_000).contains(&spent), "{spent}");
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("an event", |bench| bench.events_told().len() == 1).await;
        assert_eq!(handle.drain(Duration::from_secs(5)).await, 0);
        drop((opened, handle));
        let (_opened, handle) = bench.restart_box().await;
        bench.until("still held", |_| handle.stats().clips_held == Some(Closed::Budget)).await;
        assert_eq!(handle.stats().clip_bytes_today, spent);
        assert_eq!(bench.clips_told(), 1);
    });
}

#[test]
fn day_whose_telemetry_is_used_up_stays_so_over_a_restart_and_costs_no_event() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.day_bytes_max.telemetry = Some(10_000);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        bench.until("a connection", |_| handle.stats().connected).await;
        let tell = |handle: &Handle| {
            let group = "pipeline".parse().expect("a name");
            handle.telemetry(group, "x".repeat(4_000));
        };
        tell(&handle);
        bench.until("one message", |_| handle.stats().telemetry_bytes_today > 4_000).await;
        assert!(!handle.stats().telemetry_is_spent);
        // Told all the same: how seldom is for its maker to decide.
        (0..2).for_each(|_| tell(&handle));
        bench.until("the end of it", |_| handle.stats().telemetry_is_spent).await;
        let spent = handle.stats().telemetry_bytes_today;
        assert!((12_000..12_200).contains(&spent), "{spent}");
        handle.publish(bench.event(opened.boot, 1)).expect("there is room");
        bench.until("an event", |bench| bench.events_told().len() == 1).await;
        assert_eq!(handle.drain(Duration::from_secs(5)).await, 0);
        drop((opened, handle));
        let (_opened, handle) = bench.restart_box().await;
        bench.until("a connection", |_| handle.stats().connected).await;
        tell(&handle);
        bench.until("it remembers", |_| handle.stats().telemetry_bytes_today > spent).await;
        assert!(handle.stats().telemetry_is_spent);
    });
}

#[test]
fn clip_that_uses_the_day_up_is_delivered_on_that_day() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.day_bytes_max.clips = Some(60_000);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        bench.offer_clip((&opened, &handle), 60_000).await;
        bench.until("the clip", |bench| bench.clips_told() == 1).await;
        bench.offer_clip((&opened, &handle), 50_000).await;
        bench.until("a held clip", |_| handle.stats().clips_held == Some(Closed::Budget)).await;
        assert_eq!(handle.stats().clip_bytes_today, 60_000);
    });
}

#[test]
fn broker_that_takes_one_message_at_a_time_gets_them_all() {
    let Some(broker) = Broker::start("max_inflight_messages 1") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        let (opened, handle) = bench.start_box();
        for number in 1..=50 {
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
        }
        bench.until("every event", |bench| bench.events_told().len() == 50).await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
    });
}
