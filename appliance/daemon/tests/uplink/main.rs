//! The box's store and uplink against the receiver's library, with a real broker that dies.

mod bench;
mod broker;

use bench::{Bench, quantile};
use broker::Broker;

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
        bench.restart_receiver();
        let (opened, handle) = bench.start_box();
        bench.until("a connection", |_| handle.stats().connected).await;
        for number in 1..=200 {
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
            bench.pause(5).await;
        }
        bench.until("200 events", |bench| bench.events_told().len() == 200).await;
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        assert!(bench.events_told().values().all(|times| *times == 1));
        let all = bench.latencies();
        let (p50, p95, max) = (quantile(&all, 0.5), quantile(&all, 0.95), quantile(&all, 1.0));
        println!(
            "published to stored, 200 events: p50 {p50:.1} ms, p95 {p95:.1} ms, max {max:.1} ms"
        );
        println!("{:?}", handle.stats().messages);
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_broker_and_receiver_die() {
    let Some(mut broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver();
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
                110 => bench.stop_receiver(),
                120 => clips.push(bench.offer_clip((&opened, &handle), 700_001).await),
                130 => bench.restart_receiver(),
                131 => clips.push(bench.offer_clip((&opened, &handle), 65_536).await),
                150 => broker.restart(),
                170 => bench.restart_receiver(),
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
